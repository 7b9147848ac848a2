"""The files of a dataset: its root, its images and the lists that its cases are made from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from infodecomp.config import (
    CocoSource,
    CustomSource,
    DatasetSource,
    GeneratedSource,
    PromptListSection,
    WordListSource,
)
from infodecomp.datasets.caption_files import image_files
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

# Kinds with images, objects and captions in COCO's layout.
CocoLayout = CocoSource | WordListSource

# The images below the root of generated images, next to the latents they were decoded from.
GENERATED_IMAGES = "images"


def dataset_root(section: DatasetSource) -> Path:
    """The folder a dataset's paths are relative to.

    `root` of the section; without one, $COCO_ROOT or data/coco, and for `custom` the folder of its CSV. Where `list` is a
    folder, that folder.
    """
    if isinstance(section, CustomSource):
        listed = shipped(section.list)
        if listed.is_dir() or not section.root:
            return listed if listed.is_dir() else listed.parent
    if section.root:
        return Path(section.root)
    return Path(os.environ.get("COCO_ROOT") or "data/coco").expanduser()


def image_folder(section: DatasetSource) -> Path:
    """The folder that `image_path` of a case is relative to: for `custom` the root itself."""
    root = dataset_root(section)
    if isinstance(section, CocoLayout):
        return root / section.images
    return root / GENERATED_IMAGES if isinstance(section, GeneratedSource) else root


def instances_file(section: DatasetSource) -> Path | None:
    """The annotations that masks are drawn from; None for `custom`, whose masks are files, and for `generated`: no masks."""
    return dataset_root(section) / section.instances if isinstance(section, CocoLayout) else None


def captions_file(section: CocoLayout) -> Path:
    """The captions of a dataset in COCO's layout."""
    return dataset_root(section) / section.captions


def given_folder(section: PromptListSection) -> Path:
    """The folder that the images and masks of a CSV of prompts are relative to: the folder of the CSV."""
    return shipped(section.listed).parent if section.listed else Path()


def input_files(section: DatasetSource) -> list[Path]:
    """The JSON and CSV files that the cases of a dataset are made from, which need not exist; of a folder its images."""
    if isinstance(section, CustomSource) and shipped(section.list).is_dir():
        folder = shipped(section.list)
        return [folder / name for name in image_files(folder)]
    lists = [shipped(section.list)] if isinstance(section, CustomSource | WordListSource) else []
    if isinstance(section, CocoLayout):
        return [*lists, dataset_root(section) / section.instances, captions_file(section)]
    return lists


def require_files(section: DatasetSource) -> None:
    """Raise one InputError that names every missing file or folder and says what to put where."""
    needed = [*input_files(section), image_folder(section)]
    missing = [str(path) for path in needed if not path.exists()]
    if not missing:
        return
    if isinstance(section, CocoLayout):
        advice = (
            f"put a dataset in COCO's layout into {dataset_root(section)} ({section.images}/ with the images, "
            f"{section.instances}, {section.captions}), or name its folder as `root` of the dataset or as COCO_ROOT"
        )
    elif isinstance(section, GeneratedSource):
        advice = "generate_images writes them, and none of its prompts gave an image"
    else:
        advice = (
            "`list` must name the CSV, or the folder of images and captions, and `root` the folder the CSV's paths are "
            "relative to"
        )
    raise InputError(f"missing: {', '.join(missing)}; {advice}{paths_start_from(missing)}.")


def paths_start_from(missing: Iterable[str]) -> str:
    """Where relative paths start, for a message about missing ones; empty if all are absolute."""
    return "" if all(Path(path).is_absolute() for path in missing) else f"; relative paths start from {Path.cwd()}"
