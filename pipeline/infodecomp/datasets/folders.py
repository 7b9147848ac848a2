"""Where the files of a dataset lie: its root, its images and the lists that its cases are made from."""

from __future__ import annotations

import os
from pathlib import Path

from infodecomp.config import DatasetSection, GenerateSection
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped


def dataset_root(section: DatasetSection) -> Path:
    """The folder a dataset's paths are relative to.

    `root` of the section; without one, $COCO_ROOT or data/coco, and for `custom` the folder of its CSV.
    """
    if section.root:
        return Path(section.root)
    if section.kind == "custom":
        return list_file(section).parent
    return Path(os.environ.get("COCO_ROOT") or "data/coco")


def image_folder(section: DatasetSection) -> Path:
    """The folder that `image_path` of a case is relative to: for `custom` the root itself."""
    root = dataset_root(section)
    return root if section.kind == "custom" else root / section.images


def instances_file(section: DatasetSection) -> Path | None:
    """The annotations that masks are drawn from; None for `custom`, whose masks are files, and for `generated`: no masks."""
    return None if section.kind in ("custom", "generated") else dataset_root(section) / section.instances


def captions_file(section: DatasetSection) -> Path:
    """The captions of a dataset in COCO's layout."""
    return dataset_root(section) / section.captions


def list_file(section: DatasetSection) -> Path:
    """The CSV of a `word_list` or `custom` dataset, relative to the working folder; InputError if none is named."""
    if not section.list:
        raise InputError(f"the dataset section has kind {section.kind} and no `list`: name its CSV file there.")
    return shipped(section.list)


def given_folder(section: GenerateSection) -> Path:
    """The folder that the images and masks of a CSV of prompts start from: its own."""
    return shipped(section.listed).parent if section.listed else Path()


def input_files(section: DatasetSection) -> list[Path]:
    """The JSON and CSV files that the cases of a dataset are made from; they need not exist."""
    if section.kind == "generated":
        return []
    if section.kind == "custom":
        return [list_file(section)]
    annotations = [dataset_root(section) / section.instances, captions_file(section)]
    return [list_file(section), *annotations] if section.kind == "word_list" else annotations


def require_files(section: DatasetSection) -> None:
    """Raise one InputError that names every missing file or folder and says what to put where."""
    needed = [*input_files(section), image_folder(section)]
    missing = [str(path) for path in needed if not path.exists()]
    if not missing:
        return
    if section.kind == "generated":
        advice = "generate_images makes them: not one of its prompts gave an image"
    elif section.kind == "custom":
        advice = "`list` must name the CSV, `root` the folder its paths are relative to"
    else:
        advice = (
            f"put a dataset in COCO's layout into {dataset_root(section)} ({section.images}/ with the images, "
            f"{section.instances}, {section.captions}), or name its folder as `root` of the dataset or as COCO_ROOT"
        )
    raise InputError(f"missing: {', '.join(missing)}; {advice}.")
