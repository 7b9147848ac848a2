"""Take one caption apart: the nats of each of its words, and at which log-SNRs the information of its objects arises."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import ModelSection, parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import DissectCaption
from infodecomp.datasets.cases import read_cases
from infodecomp.information.caption_dissection import LEVELS, dissect
from infodecomp.jobs.arguments import add_device_arguments
from infodecomp.jobs.configured_model import load_model, model_identity
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_arrays, write_table
from infodecomp.words.caption_words import WORD_COLUMNS, choose_caption

STAGE = "dissect_caption"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases of a dataset, its images and the model."""
    parser.add_argument("--cases", required=True, type=Path, help="cases.parquet")
    parser.add_argument("--images", required=True, type=Path, help="folder that image paths are relative to")
    parser.add_argument(
        "--image-id", default="", help="image whose caption is analysed word by word; empty: chosen from the cases"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--model", required=True, help="the model section of the configuration, as JSON")
    parser.add_argument("--seed", required=True, type=int, help="random seed of the study")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder for words.parquet and maps.npz")
    add_device_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Choose the caption, take it apart, and write its words and maps."""
    # One image has no pilot, so that the logistic density replaces an adaptive one.
    section = resolved(parse(DissectCaption, args.settings).information, "i_s")
    settings = parse(ModelSection, args.model)
    cases = read_cases(args.cases)
    chosen = choose_caption(cases[cases["status"] == "ok"], args.image_id)
    if chosen is None:
        image = f"image {args.image_id!r} has no usable case" if args.image_id else "no case is usable"
        raise InputError(f"{args.cases}: {image}; a caption to take apart needs one.")
    model = load_model(settings, args.device, batch_size=args.batch_size)
    found = dissect(model, chosen, args.images, settings.resize, section, args.seed)
    write_arrays(args.output_dir / "maps.npz", found.arrays)
    table = pd.DataFrame(found.rows, columns=list(WORD_COLUMNS))
    write_table(args.output_dir / "words.parquet", table, WORD_COLUMNS)
    extra = {"model": model_identity(settings), "seed": args.seed, "image_id": chosen.image_id, "strips": found.strips}
    write_provenance(
        args.output_dir / "words.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra=extra,
    )
    words = f"{len(found.rows)} words, maps at {LEVELS} log-SNRs of {', '.join(found.strips)}"
    print(f"{chosen.caption!r}: {words}", flush=True)
