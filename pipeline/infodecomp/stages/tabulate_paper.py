"""Set the published numbers beside those of this study, and of the study that does as the released code does."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text
from infodecomp.study.paper_comparison import COMPARISON_COLUMNS, DATASETS, PUBLISHED_COLUMNS, Tables, compare
from infodecomp.study.paper_markdown import TITLES, paper_markdown, reason
from infodecomp.tables.text import csv_text

STAGE = "tabulate_paper"

# Columns that the comparison reads of each part's table.
_PARTS: dict[str, tuple[str, ...]] = {
    "localisation": ("dataset", "method", "estimator", "steps", "threshold_mode", "n", "miou", "miou_low", "miou_high"),
    "retrieval": ("dataset", "method", "n", "micro", "micro_low", "micro_high", "macro", "macro_low", "macro_high"),
    "editing": ("dataset", "level", "intervention", "predictor", "change", "n", "r", "r_low", "r_high"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the published numbers and the tables of the studies; a part that has not run has no table."""
    parser.add_argument("--published", type=Path, required=True, help="paper_tables.csv")
    parser.add_argument("--ours", type=Path, nargs="*", default=[], help="localisation, retrieval, editing .parquet")
    parser.add_argument("--released", type=Path, nargs="*", default=[], help="the same of the study `released`")
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--confidence", type=float, required=True, help="level of the intervals, for the caption")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read, compare, write."""
    published = read_published(args.published)
    table = compare(published, read_tables(args.ours), read_tables(args.released), reason)
    text = paper_markdown(table, args.study, args.confidence)
    write_text(args.output_dir / "paper_comparison.csv", csv_text(table[list(COMPARISON_COLUMNS)]))
    write_text(args.output_dir / "paper_comparison.md", text)
    write_provenance(
        args.output_dir / "paper_comparison.provenance.json",
        stage=STAGE,
        section={},
        inputs=[args.published, *args.ours, *args.released],
        extra={"study": args.study, "answered": int(np.isfinite(table["ours"]).sum()), "published": len(table)},
    )
    print(text)


def read_published(path: Path) -> pd.DataFrame:
    """The published numbers; InputError, with all problems, for a table that is not what it should be."""
    try:
        frame = pd.read_csv(path, dtype={name: str for name in PUBLISHED_COLUMNS}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable CSV ({error}).") from error
    missing = [name for name in PUBLISHED_COLUMNS if name not in frame]
    if missing:
        raise InputError(f"{path}: the columns {', '.join(missing)} are missing; it has {', '.join(frame.columns)}.")
    problems = []
    for line, row in enumerate(frame.to_dict("records"), start=2):
        if row["table"] not in map(str, TITLES):
            problems.append(
                f"{path}, line {line}: table is {row['table']!r}; it must be one of {', '.join(map(str, TITLES))}."
            )
        if row["dataset"] not in DATASETS:
            problems.append(f"{path}, line {line}: dataset is {row['dataset']!r}; allowed are {', '.join(DATASETS)}.")
        problems += [
            f"{path}, line {line}: {name} is {row[name]!r}; it must be a number{' or empty' if name == 'error' else ''}."
            for name in ("value", "error")
            if not (_is_number(row[name]) or (name == "error" and not row[name]))
        ]
    if problems:
        raise InputError("\n".join(problems))
    numbers = {name: [float(text or "nan") for text in frame[name]] for name in ("value", "error")}
    return frame.assign(table=frame["table"].astype("int64"), **numbers)


def read_tables(paths: list[Path]) -> Tables:
    """The tables of a study by the names of their files."""
    found = {}
    for path in paths:
        if path.stem not in _PARTS:
            raise InputError(f"{path}: the name of a table must be one of {', '.join(_PARTS)}, with .parquet.")
        try:
            found[path.stem] = pd.read_parquet(path, columns=list(_PARTS[path.stem]))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: this is not a table of tabulate_{path.stem} ({error}).") from error
    return Tables(**found)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
