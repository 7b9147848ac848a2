"""Pair the words of a dataset's captions: one row per caption of an image and two of its words, with their prompts."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import ModelSection, parse
from infodecomp.config.settings import PairWords
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import PAIR_COLUMNS
from infodecomp.pairs.pairing import check_any_pair, count_captions, word_pairs
from infodecomp.pairs.readable import word_reader
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table

STAGE = "pair_words"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --cases PATH --settings JSON --model JSON --output PATH`."""
    parser.add_argument("--dataset", required=True, help="name of the dataset in the configuration")
    parser.add_argument("--cases", required=True, type=Path, help="its cases table (Parquet)")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--model", required=True, help="section `model` of the configuration, as JSON")
    parser.add_argument("--output", required=True, type=Path, help="table of pairs to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Pair the words, write the pairs and their provenance, and print how many there are."""
    section = parse(PairWords, args.settings).selection
    cases = read_cases(args.cases)
    frame, unused, left_out = word_pairs(args.dataset, cases, section, word_reader(parse(ModelSection, args.model)))
    captions = count_captions(cases)
    check_any_pair(args.dataset, frame, captions, section)
    write_table(args.output, frame, PAIR_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra={
            "dataset": args.dataset,
            "pairs": len(frame),
            "captions": captions,
            "unused_lines": unused,
            "left_out": left_out,
        },
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in frame["kind"].value_counts().items())
    print(f"{len(frame)} pairs ({kinds}) in {count_captions(frame)} of {captions} captions")
    for reason, count in left_out.items():
        print(f"left out: {count} pairs {reason}")
    if unused:
        print(f"{section.list}: no caption holds the words of {len(unused)} rows; the first is line {unused[0]}")
