"""Build the cases table of one dataset: one row per (image, word) with its prompts and mask source."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import CocoSource, CustomSource, DatasetSource, WordListSource, parse
from infodecomp.config.settings import BuildCases
from infodecomp.datasets import folders
from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import Case, cases_table, mark_missing_images, write_cases
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.datasets.custom import custom_cases
from infodecomp.datasets.prompts import generated_cases, read_prompts
from infodecomp.datasets.word_list import word_list_cases
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.shipped import shipped


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --settings JSON --output PATH`."""
    parser.add_argument("--dataset", required=True, help="name of the dataset in the configuration")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--prompts", type=Path, help="kind generated: table of the prompts of the images")
    parser.add_argument("--output", required=True, type=Path, help="cases table to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Read the dataset's lists, write the cases and their provenance, and print their number."""
    section = parse(BuildCases, args.settings).source
    folders.require_files(section)
    frame = cases_table(
        _read_cases(args.dataset, section, args.prompts), first=section.first, per_label=section.per_label
    )
    frame = mark_missing_images(frame, folders.image_folder(section))
    if not (frame["status"] == "ok").any():
        raise InputError(f"the dataset {args.dataset} gives no case: {summary(frame)}.")
    write_cases(args.output, frame)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage="build_cases",
        section=section.model_dump(mode="json"),
        extra={"dataset": args.dataset, "cases": len(frame), "status": frame["status"].value_counts().to_dict()},
    )
    print(summary(frame))


def summary(frame: pd.DataFrame) -> str:
    """Numbers of cases, images and lost cases of a table, with the first reason of each status."""
    lost = frame[frame["status"] != "ok"]
    text = f"{len(frame)} cases of {frame['image_id'].nunique()} images, {len(lost)} lost"
    reasons = [
        f"{len(rows)} {status}, the first because {rows['reason'].iloc[0].rstrip('.')}"
        for status, rows in lost.groupby("status", sort=False)
    ]
    return f"{text}: {'; '.join(reasons)}" if reasons else text


def _read_cases(dataset: str, section: DatasetSource, prompts: Path | None) -> list[Case]:
    root = folders.dataset_root(section)
    if isinstance(section, CustomSource):
        return custom_cases(
            *(dataset, shipped(section.list), root, section.word_removal),
            outside_root=section.outside_root,
            function_words=section.function_words,
        )
    if isinstance(section, CocoSource | WordListSource):
        instances = open_instances(root / section.instances)
        captions = open_captions(folders.captions_file(section))
        if isinstance(section, CocoSource):
            return coco_it_cases(dataset, instances, captions, section.word_removal)
        return word_list_cases(dataset, shipped(section.list), instances, captions, section.word_removal)
    if prompts is None:
        raise InputError(f"--prompts is missing; the dataset {dataset} of kind generated is read from that table.")
    return generated_cases(dataset, read_prompts(prompts))
