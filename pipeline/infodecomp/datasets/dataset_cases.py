"""The cases of a dataset of any kind, its pictures turned as their annotations mean them and its masks read once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pycocotools.coco import COCO

from infodecomp.config import CocoSource, CustomSource, DatasetSource, WordListSource
from infodecomp.datasets import folders
from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import Case, cases_table, mark_missing_images
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.datasets.custom import custom_cases
from infodecomp.datasets.given_files import GivenFiles
from infodecomp.datasets.mask_checks import check_masks, turn_pictures
from infodecomp.datasets.masks import MaskSource
from infodecomp.datasets.prompts import generated_cases, read_prompts
from infodecomp.datasets.word_list import word_list_cases
from infodecomp.runs.assumptions import Assumptions
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped


def dataset_cases(
    dataset: str, section: DatasetSource, prompts: Path | None, *, masked: bool, max_failed_fraction: float
) -> pd.DataFrame:
    """The cases table of a dataset; warnings about its files are printed.

    Args:
        dataset: its name.
        section: what it is made from.
        prompts: table of the prompts of generated images.
        masked: whether its masks are needed.
        max_failed_fraction: of masks that cannot be used.

    Raises:
        InputError: a list cannot be read, a picture has another size than its annotations, too many masks cannot be used,
            or no case is left.
    """
    assumptions = Assumptions()
    files = GivenFiles(folders.dataset_root(section), section.orientation, masked, assumptions)
    cases, instances = _read(dataset, section, prompts, files)
    frame = cases_table(cases, first=section.first, per_label=section.per_label)
    frame = mark_missing_images(frame, folders.image_folder(section))
    if instances is not None:
        frame = turn_pictures(frame, section, instances, assumptions, masked=masked)
    if not (frame["status"] == "ok").any():
        raise InputError(f"the dataset {dataset} gives no case: {summary(frame)}.")
    if masked:
        check_masks(frame, MaskSource.of(section, instances), dataset, max_failed_fraction, assumptions)
    print(*assumptions.lines(), sep="\n", end="\n" if assumptions else "")
    return frame


def summary(frame: pd.DataFrame) -> str:
    """Numbers of cases, images and lost cases of a table, with the first reason of each status."""
    lost = frame[frame["status"] != "ok"]
    text = f"{len(frame)} cases of {frame['image_id'].nunique()} images, {len(lost)} lost"
    reasons = [
        f"{len(rows)} {status}, the first because {rows['reason'].iloc[0].rstrip('.')}"
        for status, rows in lost.groupby("status", sort=False)
    ]
    return f"{text}: {'; '.join(reasons)}" if reasons else text


def _read(
    dataset: str, section: DatasetSource, prompts: Path | None, files: GivenFiles
) -> tuple[list[Case], COCO | None]:
    """The cases, and the annotations of a dataset in COCO's layout."""
    root = folders.dataset_root(section)
    if isinstance(section, CustomSource):
        cases = custom_cases(
            dataset,
            shipped(section.list),
            root,
            section.word_removal,
            outside_root=section.outside_root,
            function_words=section.function_words,
            files=files,
        )
        return cases, None
    if isinstance(section, CocoSource | WordListSource):
        instances = open_instances(root / section.instances)
        captions = open_captions(folders.captions_file(section))
        if isinstance(section, CocoSource):
            return coco_it_cases(dataset, instances, captions, section.word_removal), instances
        return word_list_cases(dataset, shipped(section.list), instances, captions, section.word_removal), instances
    if prompts is None:
        raise InputError(f"--prompts is missing; the dataset {dataset} of kind generated is read from that table.")
    return generated_cases(dataset, read_prompts(prompts)), None
