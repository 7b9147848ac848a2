"""Build the cases table of one dataset: one row per (image, word) with its prompts and mask source."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import BuildCases
from infodecomp.datasets import folders
from infodecomp.datasets.cases import write_cases
from infodecomp.datasets.dataset_cases import dataset_cases, summary
from infodecomp.datasets.mask_column import is_localised
from infodecomp.runs.provenance import write_provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --settings JSON --output PATH`."""
    parser.add_argument("--dataset", required=True, help="name of the dataset in the configuration")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--prompts", type=Path, help="kind generated: table of the prompts of the images")
    parser.add_argument("--output", required=True, type=Path, help="cases table to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Read the dataset's lists, write the cases and their provenance, and print their number."""
    settings = parse(BuildCases, args.settings)
    section = settings.source
    folders.require_files(section)
    frame = dataset_cases(
        args.dataset,
        section,
        args.prompts,
        masked=is_localised(section) and settings.masks_are_read,
        max_failed_fraction=settings.max_failed_fraction,
    )
    write_cases(args.output, frame)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage="build_cases",
        section=section.model_dump(mode="json"),
        extra={"dataset": args.dataset, "cases": len(frame), "status": frame["status"].value_counts().to_dict()},
    )
    print(summary(frame))
