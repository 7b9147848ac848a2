"""Pair the words of a dataset's captions: one row per caption of an image and two of its words, with their prompts."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import PartialInformationSection, given, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.taggers import open_tagger
from infodecomp.datasets.word_pairs import PAIR_COLUMNS, Pair, pairs_by_class, pairs_listed, pairs_table, read_pair_list
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.shipped import shipped
from infodecomp.runs.storage import write_table

STAGE = "pair_words"
# What decides on the pairs; the rest of the section is for estimates and tables.
SETTINGS = ("pairs", "tagger", "list", "captions", "join")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --cases PATH --section JSON --output PATH`."""
    parser.add_argument("--dataset", required=True, help="name of the dataset in the configuration")
    parser.add_argument("--cases", required=True, type=Path, help="its cases table (Parquet)")
    parser.add_argument("--section", required=True, help="the partial_information section of the configuration, JSON")
    parser.add_argument("--output", required=True, type=Path, help="table of pairs to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Pair the words, write the pairs and their provenance, and print how many there are."""
    section = parse_section(PartialInformationSection, args.section)
    cases = read_cases(args.cases)
    frame, unused = word_pairs(args.dataset, cases, section)
    captions = len(cases.loc[cases["prompt_full"] != "", ["image_id", "prompt_full"]].drop_duplicates())
    paired = len(frame[["image_id", "prompt_full"]].drop_duplicates())
    if frame.empty:
        wanted = f"two words of a row of {section.list}" if section.list else f"words for {' or '.join(section.pairs)}"
        raise InputError(
            f"the dataset {args.dataset} gives no pair: none of its {captions} captions holds {wanted}; name a `tagger` or "
            "a `list` under `partial_information` that fits it, or take `word_pairs` out of its section."
        )
    write_table(args.output, frame, PAIR_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=given(section),
        inputs=[args.cases, *([shipped(section.list)] if section.list else [])],
        extra={"dataset": args.dataset, "pairs": len(frame), "captions": captions, "unused_lines": unused},
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in frame["kind"].value_counts().items())
    print(f"{len(frame)} pairs ({kinds}) in {paired} of {captions} captions")
    if unused:
        print(f"{section.list}: no caption holds the words of {len(unused)} rows, the first of them line {unused[0]}")


def word_pairs(dataset: str, cases: pd.DataFrame, section: PartialInformationSection) -> tuple[pd.DataFrame, list[int]]:
    """The table of pairs of a dataset, and the lines of the list whose words no caption holds."""
    pairs: list[Pair]
    if section.list:
        rows = read_pair_list(shipped(section.list))
        pairs, unused = pairs_listed(dataset, cases, rows, join=section.join, first=section.captions)
        return pairs_table(pairs), [row.line for row in unused]
    tagger = open_tagger(section.tagger) if section.tagger else None
    pairs = pairs_by_class(
        dataset, cases, kinds=section.pairs, tagger=tagger, join=section.join, first=section.captions
    )
    return pairs_table(pairs), []
