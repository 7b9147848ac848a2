"""Tabulate the decomposed information of word pairs, and set redundancy against the change when a word is omitted."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TabulatePartialInformation
from infodecomp.pairs.decomposition import paired_sources
from infodecomp.pairs.tables import pair_tables
from infodecomp.runs.provenance import write_provenance

STAGE = "tabulate_partial_information"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases, word pairs and estimates of each dataset, and the edits of those that were edited."""
    for name, text in {
        "cases": "cases.parquet",
        "pairs": "pairs.parquet",
        "maps": "folder of <case_id>.npz of the pairs",
    }.items():
        parser.add_argument(f"--{name}", nargs="+", required=True, metavar="DATASET=PATH", help=text)
    parser.add_argument(
        "--estimates", nargs="+", required=True, metavar="DATASET=PATH", help="shards; names may repeat"
    )
    parser.add_argument("--edits", nargs="*", default=[], metavar="DATASET=PATH", help="shards of edit_images")
    parser.add_argument("--edit-maps", nargs="*", default=[], metavar="DATASET=PATH", help="folder of their maps")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the estimates, decompose them, correlate, write the tables."""
    section = parse(TabulatePartialInformation, args.settings)
    sources = paired_sources(args)
    tables = pair_tables(sources, section, args.seed)
    tables.write(args.output_dir)
    write_provenance(
        args.output_dir / "partial_information.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra={"seed": args.seed},
    )
    print(tables.text)
