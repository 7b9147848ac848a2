"""Draw the retrieval figures: accuracy a dataset, accuracy by relation, and accuracy against denoiser evaluations."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from infodecomp.config import FiguresSection, parse_section
from infodecomp.figures import retrieval_accuracy, retrieval_budget, retrieval_relations
from infodecomp.figures.style import save_figure
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance

# Column → how it is read. A fraction is a number from 0 to 1; every number may be missing.
_TABLE = {
    "dataset": "text",
    "method": "text",
    "n": "count",
    "n_failed": "count",
    "micro": "fraction",
    "micro_low": "fraction",
    "micro_high": "fraction",
    "macro": "fraction",
    "macro_low": "fraction",
    "macro_high": "fraction",
    "evaluations_per_case": "count",
    "chance": "fraction",
}
_BY_GROUP = {
    "dataset": "text",
    "group": "text",
    "symmetric": "flag",
    "method": "text",
    "n": "count",
    "accuracy": "fraction",
    "change": "change",
    "mark": "text",
}
_RANGES = {"count": (0.0, np.inf), "fraction": (0.0, 1.0), "change": (-1.0, 1.0)}
_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are two of the tables of `tabulate_retrieval`."""
    parser.add_argument("--table", type=Path, required=True, help="retrieval.csv")
    parser.add_argument("--by-group", type=Path, required=True, help="retrieval_by_group.csv")
    parser.add_argument("--confidence", type=float, default=0.95, help="level of the intervals in the tables")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read the tables, draw and save the three figures."""
    mpl.use("Agg")
    section = parse_section(FiguresSection, args.section)
    table = read_columns(args.table, _TABLE, key=["dataset", "method"])
    if table.empty:
        raise InputError(f"{args.table}: the table has no rows, so there is nothing to draw.")
    by_group = read_columns(args.by_group, _BY_GROUP, key=["dataset", "group", "method"])
    chances = {str(name): float(rows["chance"].max()) for name, rows in table.groupby("dataset")}
    figures = {
        "accuracy": (retrieval_accuracy.draw(table, args.confidence), [args.table]),
        "relations": (retrieval_relations.draw(by_group, chances), [args.table, args.by_group]),
        "budget": (retrieval_budget.draw(table, args.confidence), [args.table]),
    }
    for name, (figure, inputs) in figures.items():
        stem = args.output_dir / name
        save_figure(figure, stem, section.format)
        write_provenance(
            stem.with_name(f"{name}.provenance.json"),
            stage="plot_retrieval",
            section=section.model_dump(mode="json"),
            inputs=inputs,
        )


def read_columns(path: Path, columns: Mapping[str, str], key: list[str]) -> pd.DataFrame:
    """Read the named columns of a CSV file.

    Args:
        path: CSV with a header; other columns are ignored.
        columns: name → "text", "flag" (bool), or "count", "fraction", "change" (float64, NaN where the cell is empty).
        key: columns that together name a row.

    Raises:
        InputError: one sentence a problem: the file cannot be read, columns are missing, a cell is not of its kind, or
            two rows have the same key.
    """
    try:
        # A group may be named "null" or "NA": only what stands in a number's column can be missing.
        text = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable CSV file ({error}).") from error
    missing = [f"`{name}`" for name in columns if name not in text.columns]
    if missing:
        raise InputError(f"{path}: the column {', '.join(missing)} is missing; needed are {', '.join(columns)}.")
    frame, problems = pd.DataFrame(index=text.index), []
    for name, kind in columns.items():
        frame[name], wrong = _parse(text[name], kind)
        problems += [
            f"{path}: row {row + 1}, `{name}` is {text[name][row]!r}; it must be {_ALLOWED[kind]}." for row in wrong
        ]
    twice = text.index[text.duplicated(key)]
    problems += [f"{path}: row {row + 1} has the same {', '.join(key)} as a row before it." for row in twice]
    if problems:
        raise InputError("\n".join(problems))
    return frame


_ALLOWED = {
    "flag": "True or False",
    "count": "a number that is not negative, or empty",
    "fraction": "a number from 0 to 1, or empty",
    "change": "a number from -1 to 1, or empty",
}


def _parse(cells: pd.Series, kind: str) -> tuple[Any, list[int]]:
    """The values of a column and the rows (from 0) whose cells are not of the kind."""
    if kind == "text":
        return cells, []
    if kind == "flag":
        flags = cells.str.lower()
        return flags.isin(_TRUE), flags.index[~flags.isin(_TRUE + _FALSE)].tolist()
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    low, high = _RANGES[kind]
    empty = cells.str.strip().str.lower().isin(["", "nan"])
    # Written with six digits, an interval may end a little beyond its range.
    outside = ~empty & ~numbers.between(low - 1e-6, high + 1e-6)
    return numbers, outside.index[outside].tolist()
