"""Turn judged maps into the table of their faithfulness, paired differences, curves, and one row per case and map."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import TabulateFaithfulness
from infodecomp.faithfulness.markdown import faithfulness_markdown
from infodecomp.faithfulness.measures import OmissionChanges, measure_maps
from infodecomp.faithfulness.tables import CASE_COLUMNS, CURVE_COLUMNS, PAIR_COLUMNS, TABLE_COLUMNS, tabulate
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_faithfulness"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases and judged maps of each dataset, and the edits of those that have them."""
    parser.add_argument(
        "--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet of each dataset"
    )
    parser.add_argument("--judged", nargs="+", required=True, metavar="DATASET=PATH", help="shards of judge_maps")
    parser.add_argument("--maps", nargs="+", required=True, metavar="DATASET=FOLDER", help="folder of judge_maps")
    parser.add_argument("--edits", nargs="*", default=[], metavar="DATASET=PATH", help="shards of edit_images")
    parser.add_argument("--edit-maps", nargs="*", default=[], metavar="DATASET=FOLDER", help="folder of edit_images")
    parser.add_argument("--methods", nargs="+", required=True, help="methods whose maps are judged")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the study")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read what was judged, measure and compare the maps, write the tables."""
    section = parse(TabulateFaithfulness, args.settings)
    cases, maps = named_path("--cases", args.cases), named_path("--maps", args.maps)
    judged, edits = named_paths("--judged", args.judged), named_paths("--edits", args.edits)
    edit_maps = named_path("--edit-maps", args.edit_maps)
    tables = []
    for name, path in cases.items():
        changes = OmissionChanges(path, edits[name], edit_maps[name]) if name in edits else None
        dataset = measure_maps(name, path, judged[name], maps[name], changes, args.methods, section.judging, args.seed)
        tables.append(tabulate(dataset, section.statistics, args.seed))
    table = pd.DataFrame([row for one in tables for row in one.rows], columns=list(TABLE_COLUMNS))
    text = faithfulness_markdown(table, section)
    folder = args.output_dir
    write_table(folder / "faithfulness.parquet", table, TABLE_COLUMNS)
    write_text(folder / "faithfulness.csv", csv_text(table))
    write_text(folder / "faithfulness.md", text)
    others = {"paired": PAIR_COLUMNS, "curves": CURVE_COLUMNS, "cases": CASE_COLUMNS}
    for name, columns in others.items():
        rows = [row for one in tables for row in getattr(one, name)]
        write_text(folder / f"faithfulness_{name}.csv", csv_text(pd.DataFrame(rows, columns=columns)))
    write_provenance(
        folder / "faithfulness.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra={"seed": args.seed, "methods": list(args.methods)},
    )
    print(text)
