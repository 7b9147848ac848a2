# What the rules of every chain share: the checked configuration, paths, what jobs need of a machine, and commands.
#
# A rule's params hold what its stage reads of the configuration and a digest of the package modules that it imports, so that
# it runs again when one of these changes, and only then. Facts about the machine enter the command through resources,
# because Snakemake compares commands before they are filled in. Reading these files changes nothing on the disk.

import os
import sys
from pathlib import Path

# Where the rules lie: elsewhere than the working folder if this Snakefile is named by `-s` or used as a module.
CHECKOUT = Path(str(workflow.current_basedir)).parent
unusable = {
    "braces, which Snakemake would fill in": "{}",
    f"`{os.pathsep}`, which divides the paths where Python looks for packages": os.pathsep,
    "line breaks, which end a command": "\n\r",
}
for reason, characters in unusable.items():
    if set(characters) & set(str(CHECKOUT)):
        sys.exit(
            f"error: {CHECKOUT}: the path of the checkout has {reason}; rename the folder, or move the checkout."
        )

# Every command imports the package of this checkout, not one that happens to be installed.
sys.path.insert(0, str(CHECKOUT / "pipeline"))
python_path = [str(CHECKOUT / "pipeline"), os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, python_path)))

import yaml
from snakemake.utils import update_config

from infodecomp.config import load_config, section_json, settings_of
from infodecomp.config.overlays import refuse_code
from infodecomp.models.gpus import count_gpus
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.errors import InputError
from infodecomp.runs.written_paths import records_problem

refused = records_problem(Path(".snakemake"), sys.argv[1:])
if refused:
    elsewhere = f" From another folder: snakemake -s {CHECKOUT}/Snakefile …"
    sys.exit(f"error: {refused}{elsewhere if Path.cwd() == CHECKOUT else ''}")

if workflow.modifier.skip_configfile:
    # A module with a configuration of its own: an overlay on config.yaml, as `--configfile` is.
    merged = yaml.safe_load((CHECKOUT / "config.yaml").read_text(encoding="utf-8"))
    update_config(merged, config)
    config = merged
try:
    # Overlays are values. Snakemake runs those that ask for it as programs, before this file is read; nothing else runs then.
    refuse_code(workflow.configfiles)
    CONFIG = load_config(config)
except InputError as error:
    sys.exit(f"error: {error}")

RESULTS = f"results/{CONFIG.study}"
PARTS = CONFIG.parts

# What jobs need of a machine; profiles map it to what a cluster calls it. A retry may take more of both.
MACHINE_GPUS = count_gpus()
# Run one GPU job per GPU, unless the command line or a profile sets `gpu`.
if workflow.local_exec and "gpu" not in workflow.global_resources:
    several = CONFIG.machine.device in ("auto", "cuda")
    workflow.register_resource("gpu", max(MACHINE_GPUS, 1) if several else 1)


def gpus(wildcards):
    """A job that runs the model takes a GPU for itself; on CPUs such jobs run side by side, one thread each.

    A cluster has GPUs even where the machine that submits its jobs has none.
    """
    device = CONFIG.machine.device
    here = device != "auto" or not workflow.local_exec or MACHINE_GPUS
    return 1 if device != "cpu" and here else 0


TABLE_JOB = {
    "mem_mb": lambda wildcards, attempt: 8000 * attempt,
    "runtime": lambda wildcards, attempt: 60 * attempt,  # minutes
}
# Three times the minutes that a job should take, because machines differ.
MODEL_JOB = {
    "gpu": gpus,
    "mem_mb": lambda wildcards, attempt: 16000 * attempt,
    "runtime": lambda wildcards, attempt: 3 * CONFIG.machine.minutes_per_job * attempt,
    "device": CONFIG.machine.device,
    "batch_size": CONFIG.machine.batch_size,
    "compile": int(CONFIG.machine.compile),
}
MODEL_THREADS = CONFIG.machine.threads or 1


def command(stage, arguments):
    """The command that runs a stage and shows what it prints."""
    return f"python -m infodecomp run {stage} {arguments} 2>&1 | tee {{log:q}}"


def quiet_command(stage, arguments):
    """The same for a stage that prints whole tables: they go to its log alone."""
    return f"python -m infodecomp run {stage} {arguments} > {{log:q}} 2>&1"


def model_command(stage, arguments="", shard="{wildcards.shard}"):
    """The command of a stage that runs the model over one shard of the cases in `input.cases`."""
    return command(
        stage,
        f"--cases {{input.cases}} --shard {shard} --shards {{params.shards}} --images {{resources.images:q}}"
        " --maps {params.maps} --settings {params.settings:q} --model {params.model:q} --seed {params.seed}"
        " --max-failed-fraction {params.failed} --output {output.table} --threads {threads} --device {resources.device}"
        f" --batch-size {{resources.batch_size}} --compile {{resources.compile}} {arguments}",
    )


def verbatim(text):
    """A parameter with a text of the configuration: in one that is no function, `{word}` of a prompt would be a wildcard."""
    return lambda wildcards: text


def settings_json(stage, name=None, study=CONFIG):
    """What a stage reads of the configuration, as JSON: changing it runs the stage again, and changing nothing else does."""
    return section_json(settings_of(stage, study, name))


def settings(stage, study=CONFIG):
    """The same as a parameter."""
    return verbatim(settings_json(stage, study=study))


def dataset_settings(stage):
    """The same for the dataset of a job, which may have its own number of draws."""
    return lambda job: settings_json(stage, job.dataset, CONFIG.of_dataset(job.dataset))


def code(stage):
    """Digest of the package modules that a stage imports."""
    return code_digest(f"infodecomp.stages.{stage}")


def shards(name):
    """The shards of a dataset or retrieval set, numbered as in their file names."""
    return [f"{number:04d}" for number in range(CONFIG.shards_of(name))]


def shard_tables(name, stage, numbers=None):
    """The tables that a stage writes for the shards of a dataset."""
    return [
        f"{RESULTS}/{name}/{stage}/shard-{number}.parquet"
        for number in numbers or shards(name)
    ]


def in_parts(*parts):
    """Whether the study runs one of these parts."""
    return any(part in PARTS for part in parts)


def folder_of_first(wildcards, output):
    """The folder of a rule's first output."""
    return str(Path(output[0]).parent)


def maps_beside_table(wildcards, output):
    """The folder of the maps of a shard's cases: `maps` beside its table."""
    return f"{folder_of_first(wildcards, output)}/maps"


# Params of every stage that runs the model over the shards of a dataset.
MODEL_PARAMS = {
    "model": verbatim(section_json(CONFIG.model.without_mirrors)),
    "seed": CONFIG.seed,
    "shards": lambda wildcards: CONFIG.shards_of(
        wildcards.get("dataset") or wildcards.get("retrieval_dataset")
    ),
    "maps": maps_beside_table,
    "failed": CONFIG.max_failed_fraction,
}
