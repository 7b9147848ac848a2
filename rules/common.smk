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
from pipeline.config import load_config, section_json, sections_json
from pipeline.datasets.folders import image_folder, input_files
from pipeline.datasets.retrieval_folders import (
    retrieval_image_folder,
    retrieval_input_files,
)
from pipeline.errors import InputError

try:
    CONFIG = load_config(config)
except InputError as error:
    sys.exit(f"error: {error}")

RESULTS = f"results/{CONFIG.study}"
DATASETS = list(CONFIG.datasets)
LOCALISED = [name for name, dataset in CONFIG.datasets.items() if dataset.localisation]
RETRIEVAL_DATASETS = list(CONFIG.retrieval_datasets)
# Methods of the retrieval study that one run of the model scores together, and those with a model of their own.
MODEL_METHODS = [
    name
    for name in CONFIG.retrieval.methods
    if name in ("i_o", "i_s", "neg_nll", "diffitm")
]
SECOND_MODELS = [name for name in CONFIG.retrieval.methods if name in CONFIG.models]
FIGURE_FORMATS = sorted({"png", CONFIG.figures.format})
SHARDS = [f"{number:04d}" for number in range(CONFIG.shards)]
# Jobs that run the model take turns on a GPU; on a CPU they run side by side, one thread each.
GPUS = (
    0
    if CONFIG.machine.device == "cpu"
    or (CONFIG.machine.device == "auto" and not shutil.which("nvidia-smi"))
    else 1
)


# Matches no text: Snakemake takes an empty constraint for none.
NOTHING = "(?!)"


wildcard_constraints:
    dataset="|".join(DATASETS) or NOTHING,
    retrieval_dataset="|".join(RETRIEVAL_DATASETS) or NOTHING,
    second_model="|".join(SECOND_MODELS) or NOTHING,
    problem="|".join(CONFIG.validation.problems),
    shard=r"\d{4}",


def section(name, keys=None):
    """A section of the configuration as JSON with sorted keys; of a costly stage, the keys that it reads."""
    return section_json(getattr(CONFIG, name), keys)


def code(stage):
    """Digest of the package modules that a stage imports."""
    return code_digest(f"pipeline.stages.{stage}")


def dataset_section(wildcards):
    """A dataset as cases, masks and panels need it; that it is edited too changes nothing of them."""
    dataset = CONFIG.datasets[wildcards.dataset]
    return section_json(dataset, set(type(dataset).model_fields) - {"editing"})


def present(files, made=()):
    """The files that exist or that a rule makes.

    One that is missing is left to the stage, which says in one sentence what to put where.
    """
    drawn = {str(path) for path in made}
    return [str(path) for path in files if Path(path).exists() or str(path) in drawn]


def dataset_inputs(wildcards):
    """The annotation and list files of a dataset."""
    return present(
        input_files(CONFIG.datasets[wildcards.dataset]), rules.draw_scenes.output
    )


def dataset_images(wildcards):
    return str(image_folder(CONFIG.datasets[wildcards.dataset]))


def folder_of_first(wildcards, output):
    """The folder of a rule's first output."""
    return str(Path(output[0]).parent)


def retrieval_dataset_section(wildcards):
    """What the cases of a retrieval set are made from; the rest of its section is for tables."""
    dataset = CONFIG.retrieval_datasets[wildcards.retrieval_dataset]
    return section_json(dataset, set(type(dataset).model_fields) - {"minimum_group"})


def retrieval_inputs(wildcards):
    """The JSON or Parquet files of a retrieval set."""
    return present(
        retrieval_input_files(CONFIG.retrieval_datasets[wildcards.retrieval_dataset]),
        rules.draw_scenes_aro.output,
    )


def retrieval_images(wildcards):
    name = wildcards.retrieval_dataset
    return str(
        retrieval_image_folder(CONFIG.retrieval_datasets[name], Path(RESULTS) / name)
    )


def local_files(*paths):
    """Files, and the files of folders; nothing for what is on the hub, which its revision pins."""
    found = [file for path in paths for file in (Path(path), *Path(path).rglob("*"))]
    return sorted(str(file) for file in found if file.is_file())


def model_files(wildcards):
    return files_of_model(CONFIG.model)


def second_model_files(wildcards):
    return files_of_model(CONFIG.models[wildcards.second_model])


def files_of_model(model):
    """The files of a local model folder and of its LoRA."""
    return local_files(*filter(None, (model.id, model.lora)))


def second_model_section(wildcards):
    return section_json(CONFIG.models[wildcards.second_model])


def estimate_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/estimate_information/shard-{{shard}}.parquet",
        shard=SHARDS,
    )


def pilot_density(wildcards):
    """The fitted density of a dataset, if the study asks for it."""
    fitted = CONFIG.information.density == "adaptive"
    return f"{RESULTS}/{wildcards.dataset}/pilot_density/density.json" if fitted else []


def pilot_argument(wildcards, input):
    return f"--pilot {input.pilot}" if input.pilot else ""


def attention_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/record_attention/shard-{{shard}}.parquet",
        shard=SHARDS,
    )


def information_maps(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/estimate_information/maps"


def attention_maps(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/record_attention/maps"


def retrieval_scores(name):
    """The score files of a retrieval set, for the methods that the study asks for."""
    sharded = ["score_retrieval"] if MODEL_METHODS else []
    sharded += [f"score_{method}" for method in SECOND_MODELS]
    whole = {"clip": "score_clip", "text_only": "score_text"}
    return [
        *(
            f"{RESULTS}/{name}/{stage}/shard-{shard}.parquet"
            for stage in sharded
            for shard in SHARDS
        ),
        *(
            f"{RESULTS}/{name}/{stage}/scores.parquet"
            for method, stage in whole.items()
            if method in CONFIG.retrieval.methods
        ),
    ]


def panel_scores(wildcards):
    """Scores choose the cases of a dataset with masks; a word list without masks has none."""
    return (
        rules.score_localisation.output.scores if wildcards.dataset in LOCALISED else []
    )


def edit_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/edit_images/shard-{{shard}}.parquet",
        shard=SHARDS,
    )


def edits_of(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/edit_images/edits"
