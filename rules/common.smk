# What all rules share: the checked configuration, paths, and the parameters that decide on reruns.
#
# A rule's params hold its own section of the configuration and a digest of the package modules that its stage imports, so
# that it runs again when one of these changes, and only then. Facts about the machine are filled into the command
# through resources: Snakemake compares commands before they are filled in.

import json
import os
import re
import platform
import sys
import time
from pathlib import Path

# The package of this checkout, here and in every command: not one that is installed beside it.
PACKAGE = str(Path(workflow.basedir) / "pipeline")
sys.path.insert(0, PACKAGE)
os.environ["PYTHONPATH"] = os.pathsep.join(
    [PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])]
)

from infodecomp.runs.code_digest import code_digest
from infodecomp.config import load_config, section_json, sections_json
from infodecomp.config.generated import GENERATED
from infodecomp.runs.damaged_files import put_aside_damaged_files
from infodecomp.datasets.folders import given_folder, image_folder, input_files
from infodecomp.datasets.retrieval_folders import (
    retrieval_image_folder,
    retrieval_input_files,
)
from infodecomp.runs.errors import InputError
from infodecomp.fetching.sources import read_sources, sources_of
from infodecomp.models.gpus import count_gpus
from infodecomp.models.folders import (
    FETCHED,
    fetched_name,
    is_on_hub,
    model_receipt,
)
from infodecomp.runs.storage_errors import write_problem

try:
    CONFIG = load_config(config)
    SOURCES = list(read_sources(Path(CONFIG.fetch.sources)).values())
except InputError as error:
    sys.exit(f"error: {error}")

RESULTS = f"results/{CONFIG.study}"
if workflow.is_main_process:
    for sentence in put_aside_damaged_files(Path(RESULTS)):
        print(sentence, file=sys.stderr)
DATASETS = list(CONFIG.datasets)
PROMPTS = f"{RESULTS}/{GENERATED}/list_prompts/prompts.parquet"
# Datasets whose images are explained word by word.
EXPLAINED = list(
    CONFIG.gradients.explain or [name for name in DATASETS if name == GENERATED]
)
JUDGED_MAPS = CONFIG.judged_datasets
LOCALISED = [name for name, dataset in CONFIG.datasets.items() if dataset.localisation]
GRADIENTS = "gradient" in CONFIG.localisation.methods
RETRIEVAL_DATASETS = list(CONFIG.retrieval_datasets)
# Stages that record maps of every case.
MAP_STAGES = [
    *("estimate_information", "record_attention"),
    *(["record_gradients"] if GRADIENTS else []),
]
# Methods of the retrieval study that one run of the model scores together, and those with a model of their own.
MODEL_METHODS = [
    name
    for name in CONFIG.retrieval.methods
    if name in ("i_o", "i_s", "neg_nll", "diffitm")
]
SECOND_MODELS = [name for name in CONFIG.retrieval.methods if name in CONFIG.models]
FIGURE_FORMATS = sorted({"png", CONFIG.figures.format})

# What jobs need of a machine; profiles map it to what a cluster calls it. A try after a failure may take more.
MODEL_MEMORY, TABLE_MEMORY = 16000, 8000  # MB


def gpus(wildcards):
    """A job that runs the model takes a GPU for itself; on a CPU such jobs run side by side, one thread each.

    A cluster has GPUs that the machine which submits jobs does not.
    """
    device = CONFIG.machine.device
    here = device != "auto" or not workflow.local_exec or MACHINE_GPUS
    return 1 if device != "cpu" and here else 0


# So many of them run at once, unless the command line or a profile says otherwise; one, where they may use but one.
MACHINE_GPUS = count_gpus()
if workflow.local_exec and "gpu" not in workflow.global_resources:
    several = CONFIG.machine.device in ("auto", "cuda")
    workflow.register_resource("gpu", max(MACHINE_GPUS, 1) if several else 1)


def model_memory(wildcards, attempt):
    return MODEL_MEMORY * attempt


def model_runtime(wildcards, attempt):
    """Minutes: three times what a job should take, because machines differ."""
    return 3 * CONFIG.machine.minutes_per_job * attempt


def table_memory(wildcards, attempt):
    return TABLE_MEMORY * attempt


def table_runtime(wildcards, attempt):
    return 60 * attempt


# Matplotlib's settings are no module, and so in no digest of code.
FIGURE_STYLE = "pipeline/infodecomp/figures/style.mplstyle"
# What figures of cases read of their section.
FIGURE_KEYS = ["palette", "panels", "format"]


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


def own_section(name, keys=None):
    """As `section`, of a rule for one dataset, which may have a number of draws of its own."""
    return lambda wildcards: section_json(
        getattr(CONFIG.of_dataset(wildcards.dataset), name), keys
    )


def code(stage):
    """Digest of the package modules that a stage imports."""
    return code_digest(f"infodecomp.stages.{stage}")


def shards(name):
    """The shards of a dataset, numbered as in their file names."""
    return [f"{number:04d}" for number in range(CONFIG.shards_of(name))]


def shard_count(wildcards):
    return CONFIG.shards_of(
        wildcards.get("dataset") or wildcards.get("retrieval_dataset")
    )


def dataset_section(wildcards):
    """A dataset as cases, masks and panels need it; how many jobs it is cut into and what else is done with it changes none."""
    dataset = CONFIG.datasets[wildcards.dataset]
    return section_json(
        dataset,
        set(type(dataset).model_fields) - {"editing", "word_pairs", "shards", "draws"},
    )


def present(files, made=()):
    """The files that exist or that a rule makes.

    One that is missing is left to the stage, which says in one sentence what to put where.
    """
    drawn = {str(path) for path in made}
    return [str(path) for path in files if Path(path).exists() or str(path) in drawn]


def all_present(files, made=()):
    """Whether there are files, and each exists or is made by a rule."""
    return len(present(files, made)) == len(files) > 0


def receipts(paths):
    """The receipts of files and folders that are fetched where they are not there.

    A fetched file keeps its hash, so that another date of its receipt runs nothing again.
    """
    return [ancient(str(source.receipt)) for source in sources_of(paths, SOURCES)]


def fetched_or_present(files, images, made):
    """Inputs that are fetched, by their receipts, and those that are there or that a rule makes."""
    given = sources_of([*files, *images], SOURCES)
    others = [file for file in files if not any(one.gives(file) for one in given)]
    return [*receipts([*files, *images]), *present(others, made)]


def dataset_files(dataset):
    """The annotation and list files of a dataset, and the receipts of what is fetched of it."""
    return fetched_or_present(
        input_files(dataset), [image_folder(dataset)], rules.draw_scenes.output
    )


def dataset_inputs(wildcards):
    """What cases are made from, and masks drawn; images that the study makes are there when their shards are."""
    dataset = CONFIG.datasets[wildcards.dataset]
    return [
        *dataset_files(dataset),
        *(generated_shards() if dataset.kind == "generated" else []),
    ]


def generated_shards():
    return expand(
        f"{RESULTS}/{GENERATED}/generate_images/shard-{{shard}}.parquet",
        shard=shards(GENERATED),
    )


def prompts_argument(wildcards):
    return f"--prompts {PROMPTS}" if wildcards.dataset == GENERATED else ""


def dataset_images(wildcards):
    return str(image_folder(CONFIG.datasets[wildcards.dataset]))


def folder_of_first(wildcards, output):
    """The folder of a rule's first output."""
    return str(Path(output[0]).parent)


def retrieval_dataset_section(wildcards):
    """What the cases of a retrieval set are made from; the rest of its section is for tables."""
    dataset = CONFIG.retrieval_datasets[wildcards.retrieval_dataset]
    return section_json(
        dataset, set(type(dataset).model_fields) - {"minimum_group", "shards"}
    )


def retrieval_files(dataset):
    """The JSON or Parquet files of a retrieval set, and the receipts of what is fetched of it."""
    return fetched_or_present(
        retrieval_input_files(dataset),
        [Path(folder) for folder in (dataset.images,) if folder],
        rules.draw_scenes_aro.output,
    )


def retrieval_inputs(wildcards):
    return retrieval_files(CONFIG.retrieval_datasets[wildcards.retrieval_dataset])


def retrieval_images(wildcards):
    name = wildcards.retrieval_dataset
    return str(
        retrieval_image_folder(CONFIG.retrieval_datasets[name], Path(RESULTS) / name)
    )


def in_report(part, files):
    """Mark the PNGs and CSVs among outputs for `snakemake --report`, each under its caption where it has one."""
    marked = list(files)
    for place, file in enumerate(files):
        stem, suffix = Path(file).stem, Path(file).suffix
        caption = f"captions/{stem.partition('-')[0]}.rst"
        told = {
            "caption": (
                caption
                if (Path(workflow.basedir) / "rules" / caption).is_file()
                else None
            ),
            "category": part.capitalize(),
            "labels": {"result": f"{stem.replace('_', ' ')}{suffix}"},
        }
        if suffix in (".png", ".csv"):
            marked[place] = report(file, **told)
    return marked


def local_files(*paths):
    """Files, and the files of folders."""
    found = [file for path in paths for file in (Path(path), *Path(path).rglob("*"))]
    return sorted(str(file) for file in found if file.is_file())


def model_files(wildcards):
    return files_of_model(CONFIG.model)


def second_model_files(wildcards):
    return files_of_model(CONFIG.models[wildcards.second_model])


def name_of_fetched(model):
    """The name of the folder into which a model of the Hub is fetched."""
    return fetched_name(model.id, model.revision, getattr(model, "variant", None))


def files_of_model(model):
    """The files of a local model folder, or the receipt of a fetched one, and the files of its LoRA."""
    lora = getattr(model, "lora", None)
    own = local_files(lora) if lora else []
    if not is_on_hub(model.id):
        return [*local_files(model.id), *own]
    return [ancient(str(model_receipt(FETCHED / name_of_fetched(model)))), *own]


def model_section(model):
    """What a result depends on of a model: all but where else it may be fetched from."""
    return section_json(model, set(type(model).model_fields) - {"mirrors"})


# Models of the Hub that the study uses: name of the folder → kind and section.
HUB_MODELS = {
    name_of_fetched(model): (kind, model)
    for kind, model in [
        ("diffusion", CONFIG.model),
        *(("diffusion", CONFIG.models[name]) for name in SECOND_MODELS),
        *(("clip", CONFIG.clip) for name in CONFIG.retrieval.methods if name == "clip"),
    ]
    if is_on_hub(model.id)
}


def study_receipts():
    """The receipts of all that the study needs of what can be fetched."""
    files = [
        path
        for dataset in CONFIG.datasets.values()
        for path in (*input_files(dataset), image_folder(dataset))
    ]
    files += [
        path
        for dataset in CONFIG.retrieval_datasets.values()
        for path in (
            *retrieval_input_files(dataset),
            *(Path(folder) for folder in (dataset.images,) if folder),
        )
    ]
    models = [str(model_receipt(FETCHED / name)) for name in HUB_MODELS]
    return [*map(str, receipts(files)), *models]


def second_model_section(wildcards):
    return model_section(CONFIG.models[wildcards.second_model])


def estimates_of(dataset):
    return expand(
        f"{RESULTS}/{dataset}/estimate_information/shard-{{shard}}.parquet",
        shard=shards(dataset),
    )


def estimate_shards(wildcards):
    return estimates_of(wildcards.dataset)


def pilot_density(wildcards):
    """The fitted density of a dataset, if the study asks for it."""
    fitted = CONFIG.information.density == "adaptive"
    return f"{RESULTS}/{wildcards.dataset}/pilot_density/density.json" if fitted else []


def pilot_argument(wildcards, input):
    return f"--pilot {input.pilot}" if input.pilot else ""


def attention_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/record_attention/shard-{{shard}}.parquet",
        shard=shards(wildcards.dataset),
    )


def gradient_shards(wildcards):
    """The gradients of a dataset, if the study asks for them."""
    return (
        expand(
            f"{RESULTS}/{wildcards.dataset}/record_gradients/shard-{{shard}}.parquet",
            shard=shards(wildcards.dataset),
        )
        if GRADIENTS
        else []
    )


def explanation_shards(dataset):
    return expand(
        f"{RESULTS}/{dataset}/explain_images/shard-{{shard}}.parquet",
        shard=shards(dataset),
    )


def information_maps(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/estimate_information/maps"


def attention_maps(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/record_attention/maps"


def gradient_arguments(wildcards, input):
    maps = f"{RESULTS}/{wildcards.dataset}/record_gradients/maps"
    return (
        f"--gradients {' '.join(input.gradients)} --maps-gradients {maps}"
        if input.gradients
        else ""
    )


def word_parts(wildcards):
    """What the words of a dataset tell beside each other, if its pairs of words are taken apart."""
    return (
        f"{RESULTS}/{wildcards.dataset}/gather_parts/words.parquet"
        if CONFIG.datasets[wildcards.dataset].word_pairs
        else []
    )


def word_pairs(wildcards):
    """The pairs of words of a dataset, if they are taken apart."""
    return (
        f"{RESULTS}/{wildcards.dataset}/pair_words/pairs.parquet"
        if CONFIG.datasets[wildcards.dataset].word_pairs
        else []
    )


def word_parts_if_scored(wildcards):
    return word_parts(wildcards) if "unique" in CONFIG.localisation.methods else []


def word_parts_arguments(wildcards, input):
    """Of a stage that reads their maps, and of one that makes these again from the pairs."""
    maps = f"{RESULTS}/{wildcards.dataset}/gather_parts/maps"
    pairs = f"--word-pairs {input.word_pairs}" if hasattr(input, "word_pairs") else ""
    return f"--pairs {input.parts} --maps-pairs {maps} {pairs}" if input.parts else ""


def retrieval_scores(name):
    """The score files of a retrieval set, for the methods that the study asks for."""
    sharded = ["score_retrieval"] if MODEL_METHODS else []
    sharded += [f"score_{method}" for method in SECOND_MODELS]
    whole = {"clip": "score_clip", "text_only": "score_text"}
    return [
        *(
            f"{RESULTS}/{name}/{stage}/shard-{shard}.parquet"
            for stage in sharded
            for shard in shards(name)
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


def known_information(wildcards):
    """The estimates of the localisation study, if they are those that edits take."""
    shared = CONFIG.editing.shares(CONFIG.of_dataset(wildcards.dataset).information)
    return (
        f"{RESULTS}/{wildcards.dataset}/estimate_information/shard-{wildcards.shard}.parquet"
        if shared
        else []
    )


def edit_information(wildcards):
    """How information is estimated for edits; between which captions, the section `editing` says."""
    information = CONFIG.of_dataset(wildcards.dataset).information
    return section_json(CONFIG.editing.estimator(information), ESTIMATING)


def edit_shards(wildcards):
    return expand(
        f"{RESULTS}/{wildcards.dataset}/edit_images/shard-{{shard}}.parquet",
        shard=shards(wildcards.dataset),
    )


def edits_of(wildcards):
    return f"{RESULTS}/{wildcards.dataset}/edit_images/edits"


def reported(wildcards):
    """What the page is made from, beyond the files of the cases that lie beside these tables."""
    return [
        *expand(
            f"{RESULTS}/{{name}}/cases.parquet", name=[*DATASETS, *RETRIEVAL_DATASETS]
        ),
        *(
            f"{RESULTS}/{name}/{stage}/shard-{shard}.parquet"
            for name in DATASETS
            for stage in MAP_STAGES
            for shard in shards(name)
        ),
        *(
            f"{RESULTS}/{name}/edit_images/shard-{shard}.parquet"
            for name in EDITED
            for shard in shards(name)
        ),
        *(file for name in EXPLAINED for file in explanation_shards(name)),
        *(shard for name in PAIRED for shard in pair_estimates(name)),
        *expand(f"{RESULTS}/{{name}}/gather_parts/words.parquet", name=PAIRED),
        *expand(f"{RESULTS}/{{name}}/judge_edits/judgements.parquet", name=JUDGED),
        *expand(
            f"{RESULTS}/{{name}}/score_localisation/scores.parquet", name=LOCALISED
        ),
        *(file for name in RETRIEVAL_DATASETS for file in retrieval_scores(name)),
    ]


def made_argument(wildcards):
    """How the images of the study were made, for those that it made."""
    if wildcards.dataset != GENERATED:
        return ""
    settings = section("generate", ["steps", "guidance", "strength"])
    return f"--prompts {PROMPTS} --trajectories {RESULTS}/{GENERATED}/generate_images/latents --generate '{settings}'"


def pair_shards(name):
    """The shards of the pairs of words of a dataset, numbered as in their file names."""
    return [f"{number:04d}" for number in range(CONFIG.pair_shards_of(name))]


def pair_estimates(name):
    """What the shards of the pairs of words of a dataset found."""
    return expand(
        f"{RESULTS}/{name}/decompose_information/shard-{{shard}}.parquet",
        shard=pair_shards(name),
    )


def edited_shards(name):
    """The shards of the edits of a dataset."""
    return expand(
        f"{RESULTS}/{name}/edit_images/shard-{{shard}}.parquet", shard=shards(name)
    )


def judged_shards(name):
    """The shards of the judged maps of a dataset."""
    return [
        f"{RESULTS}/{name}/judge_maps/shard-{number:04d}.parquet"
        for number in range(CONFIG.faithfulness.shards)
    ]
