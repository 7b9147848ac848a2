"""Draw the explanations of a dataset's images over them, and write the scores of their words as one table."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import matplotlib as mpl

from infodecomp.attribution.pictures import draw_captions
from infodecomp.attribution.token_table import write_token_table
from infodecomp.config import parse
from infodecomp.config.settings import DrawExplanations
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.folders import image_folder
from infodecomp.maps.outcomes import read_statuses
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance

STAGE = "draw_explanations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases, the shards of explain_images with the folder of their maps, and the images."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    parser.add_argument("--explanations", type=Path, nargs="+", required=True, help="shards of explain_images")
    parser.add_argument("--maps", type=Path, required=True, help="folder of <case_id>.npz")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument(
        "--output-dir", type=Path, required=True, help="folder for the table and pictures; it is emptied"
    )


def run(args: argparse.Namespace) -> None:
    """Write tokens.{csv,parquet} and a picture for each image, caption and target."""
    mpl.use("Agg")
    settings = parse(DrawExplanations, args.settings)
    boxes, folder = settings.explanation.boxes or (), image_folder(settings.source)
    statuses = read_statuses(args.explanations)
    cases = read_cases(args.cases)
    shown = cases[[statuses.get(case, 0) is None for case in cases["case_id"]]]
    if shown.empty:
        raise InputError(f"{args.explanations[0]}: no case of {args.cases} was explained; there is nothing to draw.")
    shutil.rmtree(args.output_dir, ignore_errors=True)
    rows: list[dict[str, Any]] = []
    captions = len(shown.drop_duplicates(["image_id", "prompt_full"]))
    with Progress(STAGE, captions, "captions") as progress:
        for tokens in draw_captions(
            shown, args.maps, folder, args.output_dir, palette=settings.palette, boxes=boxes, resize=settings.resize
        ):
            rows += tokens
            progress.advance()
    write_token_table(args.output_dir, rows)
    write_provenance(
        args.output_dir / "tokens.provenance.json",
        stage=STAGE,
        section={"palette": settings.palette, "boxes": [list(box) for box in boxes]},
        extra={"captions": captions, "cases_without": len(cases) - len(shown)},
    )
    images, without = shown["image_id"].nunique(), len(cases) - len(shown)
    print(f"{captions} captions of {images} images; {without} cases without an explanation")
