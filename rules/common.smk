# What all rules share: the checked configuration, paths, and the parameters that decide on reruns.
#
# A rule's params hold its own section of the configuration and a digest of the package modules that its stage imports, so
# that it runs again when one of these changes, and only then. Facts about the machine are filled into the command
# through resources: Snakemake compares commands before they are filled in.

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from pipeline.code_digest import code_digest
from pipeline.config import load_config, section_json
from pipeline.datasets.folders import image_folder, input_files
from pipeline.errors import InputError

try:
    CONFIG = load_config(config)
except InputError as error:
    sys.exit(f"error: {error}")

RESULTS = f"results/{CONFIG.study}"
DATASETS = list(CONFIG.datasets)
LOCALISED = [name for name, dataset in CONFIG.datasets.items() if dataset.localisation]
FIGURE_FORMATS = sorted({"png", CONFIG.figures.format})
SHARDS = [f"{number:04d}" for number in range(CONFIG.shards)]
# Jobs that run the model take turns on a GPU; on a CPU they run side by side, one thread each.
GPUS = (
    0
    if CONFIG.machine.device == "cpu"
    or (CONFIG.machine.device == "auto" and not shutil.which("nvidia-smi"))
    else 1
)


wildcard_constraints:
    dataset="|".join(DATASETS),
    shard=r"\d{4}",


def section(name):
    """A section of the configuration as JSON with sorted keys."""
    return section_json(getattr(CONFIG, name))


def code(stage):
    """Digest of the package modules that a stage imports."""
    return code_digest(f"pipeline.stages.{stage}")


def dataset_section(wildcards):
    return section_json(CONFIG.datasets[wildcards.dataset])


def dataset_inputs(wildcards):
    """The annotation and list files of a dataset that exist or that draw_scenes makes.

    A file that is missing is left to build_cases, which says in one sentence what to put where.
    """
    made = [str(path) for path in rules.draw_scenes.output]
    files = input_files(CONFIG.datasets[wildcards.dataset])
    return [str(path) for path in files if path.exists() or str(path) in made]


def dataset_images(wildcards):
    return str(image_folder(CONFIG.datasets[wildcards.dataset]))


def folder_of_first(wildcards, output):
    """The folder of a rule's first output."""
    return str(Path(output[0]).parent)


def model_files(wildcards):
    """The files of a local model folder; nothing for a model on the hub, which its revision pins."""
    folder = Path(CONFIG.model.id)
    return (
        sorted(str(path) for path in folder.rglob("*") if path.is_file())
        if folder.is_dir()
        else []
    )


def estimate_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/estimate_information/shard-{{shard}}.parquet",
        shard=SHARDS,
    )


def attention_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/record_attention/shard-{{shard}}.parquet",
        shard=SHARDS,
    )


def information_maps(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/estimate_information/maps"


def attention_maps(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/record_attention/maps"


def panel_scores(wildcards):
    """Scores choose the cases of a dataset with masks; a word list without masks has none."""
    return (
        rules.score_localisation.output.scores if wildcards.dataset in LOCALISED else []
    )
