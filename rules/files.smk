# Files of every chain: inputs that are fetched, drawn, shipped or may be missing, and outputs that go into a report.

import re
from functools import cache

from snakemake.iocontainers import Wildcards

from infodecomp.datasets.folders import image_folder, input_files
from infodecomp.datasets.retrieval_folders import retrieval_input_files
from infodecomp.fetching.sources import read_sources, sources_of
from infodecomp.models.folders import (
    FETCHED,
    fetched_name,
    is_on_hub,
    model_receipt,
)
from infodecomp.representation.datasets.table import dataset_places
from infodecomp.runs.content_cache import ContentCache
from infodecomp.runs.job_record import argument_digest
from infodecomp.runs.shipped import shipped
from infodecomp.runs.study_check import check_study, renamed

try:
    SOURCES = list(read_sources(shipped(CONFIG.fetch.sources)).values())
except InputError as error:
    sys.exit(f"error: {error}")

# The content of the study's files, as of the last run; written when a run starts and ends.
CONTENTS = ContentCache(Path(RESULTS) / ".contents.json")
# Matplotlib's settings are no module, and so in no digest of code.
FIGURE_STYLE = ancient(str(shipped("pipeline/infodecomp/figures/style.mplstyle")))
FIGURE_FORMATS = sorted({"png", CONFIG.figures.format})
# Matches no text: Snakemake takes an empty constraint for none.
NOTHING = "(?!)"


def remake_changed(wildcards):
    """No input. Snakemake decides by dates; this asks it to run the jobs whose files have another content, or are gone.

    It stands among the inputs of the rules in which every chain begins, so that it is called while jobs are laid out.
    """
    if workflow.is_main_process:
        workflow.dag.forcefiles.update(findings().remade)
    return []


@cache
def findings():
    """What of this study must be made again because of the content of files; said once, and only looked at."""
    drawn = Path(CONFIG.scenes.folder)
    found = check_study(Path(RESULTS), drawn, CONTENTS, expected_arguments)
    for sentence in found.sentences():
        print(sentence, file=sys.stderr)
    return found


def expected_arguments(record):
    """The arguments with which a rule would make a job's results now; None if no rule of this study makes them."""
    for name in (str(record.path), str(record.path.parent)):
        for maker in workflow.rules:
            if maker.is_producer(name):
                job = Wildcards(fromdict=maker.get_wildcards(name))
                params = {key: maker.params.get(key) for key in record.arguments}
                asked = {
                    key: value(job) if callable(value) else value
                    for key, value in params.items()
                    if value is not None
                }
                if int(job.get("shard", 0)) >= asked.get("shards", 1):
                    return None  # left over from a run with more shards
                return {key: argument_digest(value) for key, value in asked.items()}
    return None


def look_again():
    """Say what has changed while the jobs ran, and remember the content of what they made."""
    findings.cache_clear()
    findings()
    CONTENTS.save()


def put_aside_damaged_files():
    """Rename the damaged results whose jobs are about to run."""
    ahead = {file for job in workflow.dag.needrun_jobs() for file in job.output}
    for path, record in findings().damaged.items():
        if not ahead.isdisjoint({str(record), str(record.parent)}):
            print(renamed(path), file=sys.stderr)


def present(files, made=()):
    """The files that exist or that a rule makes; of the former only the content counts, not the date.

    A missing one is left to the stage, whose message says in one sentence what to put where.
    """
    made = {str(path) for path in made}
    return [
        str(path) if str(path) in made else ancient(str(path))
        for path in files
        if Path(path).exists() or str(path) in made
    ]


def all_present(files, made=()):
    """Whether there are files, and each exists or is made by a rule."""
    return len(present(files, made)) == len(files) > 0


def receipts(paths):
    """The receipts of files and folders that are fetched where they are missing.

    A fetched file keeps its hash, so that a new date of its receipt runs nothing again.
    """
    return [ancient(str(source.receipt)) for source in sources_of(paths, SOURCES)]


def fetched_or_present(files, images, made):
    """Inputs that are fetched, by their receipts, and those that exist or that a rule makes."""
    given = sources_of([*files, *images], SOURCES)
    others = [file for file in files if not any(one.gives(file) for one in given)]
    return [*receipts([*files, *images]), *present(others, made)]


def local_files(*paths):
    """Files, and the files of folders."""
    found = [file for path in paths for file in (Path(path), *Path(path).rglob("*"))]
    return [ancient(file) for file in sorted(str(f) for f in found if f.is_file())]


def name_of_fetched(model):
    """The name of the folder into which a model of the Hub is fetched."""
    return fetched_name(model.id, model.revision, getattr(model, "variant", None))


def files_of_model(model):
    """The files of a local model folder, or the receipt of a fetched one, and the files of its LoRA."""
    lora = getattr(model, "lora", None)
    own = local_files(shipped(lora)) if lora else []
    if not is_on_hub(model.id):
        return [*local_files(shipped(model.id)), *own]
    return [ancient(str(model_receipt(FETCHED / name_of_fetched(model)))), *own]


def model_files(wildcards):
    """The files of the study's model."""
    return files_of_model(CONFIG.model)


def study_receipts(hub_models):
    """The receipts of everything that the study needs and that can be fetched; its models by name of their folder."""
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
    if "representation" in PARTS:
        files += dataset_places(CONFIG.representation.images.dataset)
    models = [str(model_receipt(FETCHED / name)) for name in hub_models]
    return [*map(str, receipts(files)), *models]


def in_report(part, files):
    """Mark the PNGs and CSVs among outputs for `snakemake --report`, each under its caption where it has one."""
    marked = list(files)
    for place, file in enumerate(files):
        stem, suffix = Path(file).stem, Path(file).suffix
        caption = f"captions/{stem.partition('-')[0]}.rst"
        shown = {
            "caption": caption if (CHECKOUT / "rules" / caption).is_file() else None,
            "category": part.capitalize(),
            "labels": {"result": f"{stem.replace('_', ' ')}{suffix}"},
        }
        if suffix in (".png", ".csv"):
            marked[place] = report(file, **shown)
    return marked


def figure_files(part, *names):
    """The files of the figures of a part, in every format, with their provenance."""
    suffixes = [*FIGURE_FORMATS, "provenance.json"]
    return in_report(
        part.replace("_", " "),
        [
            f"{RESULTS}/figures/{part}/{name}.{suffix}"
            for name in names
            for suffix in suffixes
        ],
    )
