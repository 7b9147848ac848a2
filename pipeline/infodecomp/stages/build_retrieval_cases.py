"""Build the cases table of one retrieval dataset: one row per choice among captions of one image."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import BuildRetrievalCases
from infodecomp.datasets.retrieval_cases import mark_lost_images, retrieval_cases_table, write_retrieval_cases
from infodecomp.datasets.retrieval_folders import (
    require_retrieval_files,
    retrieval_image_folder,
)
from infodecomp.retrieval.datasets import describe, read_dataset, tie_counts
from infodecomp.runs.assumptions import Assumptions
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --settings JSON --seed INT --output PATH`."""
    parser.add_argument("--dataset", required=True, help="name of the retrieval dataset in the configuration")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", required=True, type=int, help="seed of the shuffles")
    parser.add_argument("--output", required=True, type=Path, help="cases table to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Read the dataset, write its cases and their provenance, and print the numbers of cases, ties and lost cases."""
    section = parse(BuildRetrievalCases, args.settings).source
    require_retrieval_files(section)
    images = retrieval_image_folder(section, args.output.parent)
    assumptions = Assumptions()
    cases = retrieval_cases_table(read_dataset(args.dataset, section, images, args.seed))
    frame = mark_lost_images(cases, images, assumptions)
    if not (frame["status"] == "ok").any():
        raise InputError(f"the dataset {args.dataset} has no usable case: {describe(frame)}.")
    write_retrieval_cases(args.output, frame)
    print(*assumptions.lines(), sep="\n", end="\n" if assumptions else "")
    tied = tie_counts(frame)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage="build_retrieval_cases",
        section=section.model_dump(mode="json"),
        extra={
            "dataset": args.dataset,
            "seed": args.seed,
            "cases": len(frame),
            "images": int(frame["image_path"].nunique()),
            "groups": int(frame["group"].nunique()),
            "status": frame["status"].value_counts().to_dict(),
            "tied_cases": int((tied > 0).sum()),
            "tied_options": int(tied.sum()),
            "text_sha256": frame["text_sha256"].iloc[0],
            "tagger": frame["tagger"].iloc[0],
        },
    )
    print(describe(frame))
