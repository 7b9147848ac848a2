"""Turn the scores of all datasets into the mIoU table, the table by label and the threshold curves, with intervals."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import TabulateLocalisation
from infodecomp.localisation.markdown import localisation_markdown
from infodecomp.localisation.scores import read_localisation_scores
from infodecomp.localisation.tables import TABLE_COLUMNS, tabulate
from infodecomp.runs.named_paths import named_path
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_localisation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The scores of each dataset."""
    parser.add_argument(
        "--scores", nargs="+", required=True, metavar="DATASET=PATH", help="scores.parquet of each dataset"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the scores, tabulate them, write the tables."""
    section = parse(TabulateLocalisation, args.settings)
    paths = named_path("--scores", args.scores)
    tables = [
        of_method
        for name, path in paths.items()
        for of_method in tabulate(name, read_localisation_scores(path, section), section, args.seed)
    ]
    table = pd.DataFrame([row for one in tables for row in one.rows], columns=list(TABLE_COLUMNS))
    folder = args.output_dir
    text = localisation_markdown(table, section)
    write_table(folder / "localisation.parquet", table, TABLE_COLUMNS)
    write_text(folder / "localisation.csv", csv_text(table))
    write_text(folder / "localisation.md", text)
    write_text(folder / "localisation_by_label.csv", csv_text(pd.concat([one.by_label for one in tables])))
    write_text(folder / "localisation_curves.csv", csv_text(pd.concat([one.curve for one in tables])))
    write_provenance(
        folder / "localisation.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra={"seed": args.seed},
    )
    print(text)
