# Files of every chain: inputs that are fetched, drawn, shipped or may be missing, and outputs that go into a report.

import re

from infodecomp.datasets.folders import image_folder, input_files
from infodecomp.datasets.retrieval_folders import retrieval_input_files
from infodecomp.fetching.sources import read_sources, sources_of
from infodecomp.models.folders import (
    FETCHED,
    fetched_name,
    is_on_hub,
    model_receipt,
)
from infodecomp.runs.damaged_files import damaged_files, put_aside_damaged_files
from infodecomp.runs.shipped import shipped

try:
    SOURCES = list(read_sources(shipped(CONFIG.fetch.sources)).values())
except InputError as error:
    sys.exit(f"error: {error}")

# Truncated results of this study, with the files whose jobs make them again. Only looked at here; see `remake_damaged`.
DAMAGED = damaged_files(Path(RESULTS)) if workflow.is_main_process else {}
for file in DAMAGED:
    print(f"{file}: this file is damaged; a run makes it again.", file=sys.stderr)

# Matplotlib's settings are no module, and so in no digest of code.
FIGURE_STYLE = str(shipped("pipeline/infodecomp/figures/style.mplstyle"))
FIGURE_FORMATS = sorted({"png", CONFIG.figures.format})
# Matches no text: Snakemake takes an empty constraint for none.
NOTHING = "(?!)"


def remake_damaged(wildcards):
    """No input. Snakemake takes a truncated table for finished; this asks it to run its job again.

    It stands among the inputs of the rules in which every chain begins, so that it is called while jobs are laid out.
    """
    workflow.dag.forcefiles.update(*DAMAGED.values())
    return []


def present(files, made=()):
    """The files that exist or that a rule makes.

    A missing one is left to the stage, whose message says in one sentence what to put where.
    """
    made = {str(path) for path in made}
    return [str(path) for path in files if Path(path).exists() or str(path) in made]


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
    return sorted(str(file) for file in found if file.is_file())


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
