"""The published numbers beside those of a study: which row of which table answers which published number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from infodecomp.study.published_datasets import DATASETS

# The columns of data/reference/paper_tables.csv.
PUBLISHED_COLUMNS = ("table", "dataset", "method", "setting", "metric", "value", "error", "source")

COMPARISON_COLUMNS: dict[str, str] = {
    "table": "int64",
    **dict.fromkeys(("dataset", "method", "setting", "metric", "source"), "string"),
    **dict.fromkeys(("published", "published_error"), "float64"),
    **{f"{who}{end}": "float64" for who in ("ours", "released", "stand_in") for end in ("", "_low", "_high")},
    "ours_n": "int64",
    "stand_in_dataset": "string",
    "reason": "string",
}

_RETRIEVAL = {"OpenCLIP": "clip", "DiffITM": "diffitm", "HardNeg-DiffITM": "hardneg_diffitm", "Info (logistic)": "i_o"}
_LOCALISATION = {
    "whole image": ("whole_image", "-"),
    "attention": ("attention", "-"),
    "CMI": ("cmi", "orthogonal"),
    "attention+information": ("attention_information", "-"),
}
# Image level correlates i^s totals, pixel level i^o maps, as published.
_EDITING = {
    ("CMI", "image"): "cmi_s",
    ("CMI", "pixel"): "cmi_o",
    ("attention", "image"): "attention",
    ("attention", "pixel"): "attention",
}


class Answer(NamedTuple):
    """A number with its interval, in the unit of the published one, and how many cases it is of."""

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0


class Tables(NamedTuple):
    """The tables of one study; None where a part has not run."""

    localisation: pd.DataFrame | None = None
    retrieval: pd.DataFrame | None = None
    editing: pd.DataFrame | None = None


def compare(
    published: pd.DataFrame, ours: Tables, released: Tables, reason: Callable[[int, str, str], str]
) -> pd.DataFrame:
    """A row for each published number.

    Args:
        published: columns `PUBLISHED_COLUMNS`.
        ours: tables of the study as it is.
        released: tables of the study with the overlay that does what the released code does.
        reason: of table, dataset and method: what may set our number apart.

    Returns:
        columns `COMPARISON_COLUMNS`; NaN where a number has not been run. `stand_in`: the embedded study's, of other images
        and another model.
    """
    rows = []
    for row in published.to_dict("records"):
        theirs, embedded = DATASETS[row["dataset"]]
        mine, other, stand_in = answer(row, ours, theirs), answer(row, released, theirs), answer(row, ours, embedded)
        rows.append(
            {
                **{name: row[name] for name in ("table", "dataset", "method", "setting", "metric", "source")},
                "published": row["value"],
                "published_error": row["error"],
                **_columns("ours", mine),
                **_columns("released", other),
                **_columns("stand_in", stand_in),
                "ours_n": mine.n,
                "stand_in_dataset": embedded if np.isfinite(stand_in.value) else "",
                "reason": reason(int(row["table"]), row["dataset"], row["method"]),
            }
        )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def answer(published: Mapping[Any, Any], tables: Tables, dataset: str) -> Answer:
    """What a study says where a published number stands; NaN where it has no such row."""
    finders = {
        1: (_retrieval, tables.retrieval),
        3: (_localisation, tables.localisation),
        4: (_editing, tables.editing),
    }
    find, table = finders[int(published["table"])]
    return Answer() if table is None else find(published, table[table["dataset"] == dataset])


def _retrieval(published: Mapping[Any, Any], table: pd.DataFrame) -> Answer:
    """Macro accuracy for the sets that have groups, as ARO reports them, and accuracy over cases for the others."""
    rows = table[table["method"] == _RETRIEVAL[published["method"]]]
    if rows.empty:
        return Answer()
    row = rows.iloc[0]
    kind = "macro" if published["dataset"].startswith("vg_") and np.isfinite(row["macro"]) else "micro"
    return Answer(100 * row[kind], 100 * row[f"{kind}_low"], 100 * row[f"{kind}_high"], int(row["n"]))


def _localisation(published: Mapping[Any, Any], table: pd.DataFrame) -> Answer:
    """The threshold that is best on the scored cases, as published."""
    method, estimator = _LOCALISATION[published["method"]]
    steps = 0 if method == "whole_image" else int(published["setting"].split()[0])
    rows = table[
        (table["method"] == method)
        & (table["estimator"] == estimator)
        & (table["steps"] == steps)
        & (table["threshold_mode"] == "oracle")
    ]
    if rows.empty:
        return Answer()
    row = rows.iloc[0]
    return Answer(100 * row["miou"], 100 * row["miou_low"], 100 * row["miou_high"], int(row["n"]))


def _editing(published: Mapping[Any, Any], table: pd.DataFrame) -> Answer:
    level = published["setting"].split()[0]
    rows = table[
        (table["level"] == level)
        & (table["intervention"] == "omit")
        & (table["change"] == "latent_l2")
        & (table["predictor"] == _EDITING[published["method"], level])
    ]
    if rows.empty:
        return Answer()
    row = rows.iloc[0]
    return Answer(row["r"], row["r_low"], row["r_high"], int(row["n"]))


def _columns(who: str, found: Answer) -> dict[str, float]:
    return {who: found.value, f"{who}_low": found.low, f"{who}_high": found.high}
