"""Names of datasets, which are also folders of results, beside those that the study itself writes."""

from __future__ import annotations

from collections.abc import Iterator

from infodecomp.config.generated import GENERATED
from infodecomp.config.problems import Problem
from infodecomp.config.study import Config

# Folders of results/<study>/ that belong to no dataset.
STUDY_FOLDERS = ("figures", "logs", "report", "representation", "tables", "validation")


def dataset_name_problems(config: Config) -> Iterator[Problem]:
    """Names that two results would share, also on file systems that take `Scenes` and `scenes` for one folder."""
    if not config.datasets and not config.retrieval_datasets:
        matter = "is empty, and so is `retrieval_datasets`; a study needs at least one dataset"
        yield Problem(("datasets",), matter, ("datasets", "scenes", "kind"), "coco_it")
    seen = dict[str, tuple[str, str]]()
    for key, sections in (("datasets", config.datasets), ("retrieval_datasets", config.retrieval_datasets)):
        for name, section in sections.items():
            if reason := _reason(key, name, seen):
                matter = f"{reason}; allowed is another name, because results go to a folder of that name"
                suffix = "captions" if key == "retrieval_datasets" else "images"
                yield Problem((key, name), matter, (key, f"{name}_{suffix}", "kind"), section.kind)
            seen.setdefault(name.lower(), (key, name))
    yield from _generated(config)


def _reason(key: str, name: str, seen: dict[str, tuple[str, str]]) -> str | None:
    """Why a dataset cannot have its name; seen: name in lower case → key and name of the datasets before it."""
    if name.lower() in STUDY_FOLDERS:
        return f"is a folder that the study writes, as are {', '.join(STUDY_FOLDERS)}"
    if key == "retrieval_datasets" and name.lower() == GENERATED:
        return "is the folder of the images that the study generates"
    if name.lower() not in seen:
        return None
    other_key, other = seen[name.lower()]
    if name == other:
        return f"is also a name under `{other_key}`"
    return f"differs from `{other}` under `{other_key}` by capital letters only"


def _generated(config: Config) -> Iterator[Problem]:
    """The dataset `generated` has its kind, and no other has; `generate` says the same where it has prompts."""
    named = config.datasets.get(GENERATED)
    if named is not None and named.kind != "generated" and config.generate.source.prompts is None:
        path = ("datasets", GENERATED, "kind")
        matter = f"is {named.kind}; allowed is generated, because a dataset of that name holds generated images"
        yield Problem(path, matter, path, "generated")
