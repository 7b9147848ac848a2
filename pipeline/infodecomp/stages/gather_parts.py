"""Gather unique, redundant and synergistic information of each word of a dataset: maps averaged over its word pairs."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import GatherParts
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.pairs.estimates import read_shards
from infodecomp.pairs.parts import PARTS_COLUMNS, parts_summary, write_parts
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table

STAGE = "gather_parts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases of a dataset, its word pairs, and their estimates."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    parser.add_argument("--pairs", type=Path, required=True, help="pairs.parquet of the dataset")
    parser.add_argument("--estimates", type=Path, nargs="+", required=True, help="shards of decompose_information")
    parser.add_argument("--maps-pairs", type=Path, required=True, help="folder of <case_id>.npz of the pairs")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument(
        "--maps", type=Path, required=True, help="folder for the maps of each case; its content is deleted first"
    )
    parser.add_argument("--output", type=Path, required=True, help="table of the cases to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Average the parts of every case over its pairs; write its maps, the table and its provenance."""
    section = parse(GatherParts, args.settings)
    cases, pairs = read_cases(args.cases), read_shards(args.estimates, read_pairs(args.pairs))
    prior = surprisals(cases, [*pairs["first"], *pairs["second"]], section.word_prior)
    shutil.rmtree(args.maps, ignore_errors=True)  # maps of pairs that no longer exist
    rows = [
        write_parts(case, pairs, args.maps_pairs, args.maps, section, prior) for case in cases.itertuples(index=False)
    ]
    table = pd.DataFrame(rows, columns=list(PARTS_COLUMNS))
    write_table(args.output, table, PARTS_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=section.model_dump(mode="json"),
    )
    print(parts_summary(table))
