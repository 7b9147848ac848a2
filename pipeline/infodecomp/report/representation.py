"""The overview's tables on codes: what they say, dimension by dimension and about factors, how good they and samples are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.report.cells import Cell, Heading, Number, Table, interval
from infodecomp.report.layout import StudyFolder, rows
from infodecomp.representation.markdown import FACTORS, factor_tables, information_tables
from infodecomp.representation.published import PAPER_COLUMNS
from infodecomp.representation.published_markdown import paper_table
from infodecomp.representation.quality_columns import OVER_SEEDS, QUALITY_COLUMNS, SAMPLE_COLUMNS
from infodecomp.representation.quality_markdown import quality_tables, samples_table
from infodecomp.representation.table_columns import TABLES
from infodecomp.runs.storage import read_table
from infodecomp.tables.markdown import Captioned
from infodecomp.tables.text import MISSING, decimals, percent
from infodecomp.tables.text import interval as ends_of

_NATS = decimals(2)
_COLUMNS = {
    **TABLES,
    **{"quality": {**QUALITY_COLUMNS, **OVER_SEEDS}, "samples": {**SAMPLE_COLUMNS, **OVER_SEEDS}},
    "paper": PAPER_COLUMNS,
}


def representation_tables(study: StudyFolder, confidence: float) -> list[Table]:
    """The tables that have rows, without columns in which every cell is missing. Published scores only where some of the
    study stand beside them. confidence: of the intervals."""
    return [table for table in map(_filled, _tables(study, confidence)) if table.body and len(table.head) > table.words]


def _tables(study: StudyFolder, confidence: float) -> Iterator[Table]:
    information = _read(study, "information")
    if len(information):
        yield _information(information, confidence)
        yield from map(_as_cells, information_tables(information, confidence)[1:])
    by_dimension, by_factor = _read(study, "by_dimension"), _read(study, "by_factor")
    if len(by_dimension):
        yield _by_dimension(by_dimension, confidence)
    for of_model in factor_tables(by_factor):
        yield _as_cells(of_model, f"{of_model.caption.strip('*')}: {FACTORS[0].lower()}{FACTORS[1:]}")
    quality, samples, paper = (_read(study, name) for name in ("quality", "samples", "paper"))
    if len(quality):
        yield from map(_as_cells, quality_tables(quality))
    if len(samples):
        yield _as_cells(samples_table(samples))
    if paper[["ours", "stand_in"]].notna().any(axis=None):
        yield _as_cells(paper_table(paper))


def _read(study: StudyFolder, name: str) -> pd.DataFrame:
    """One of the tables of `representation`; without rows if it was not made."""
    path, columns = study.table(f"representation_{name}.parquet"), _COLUMNS[name]
    return read_table(path, columns) if path.is_file() else pd.DataFrame(columns=list(columns))


def _information(frame: pd.DataFrame, confidence: float) -> Table:
    """What each description carries of an image: exact, and by both estimators of its decoder, from 0 to ln K."""
    most = float(frame["entropy"].max())
    body = [
        [
            *(row["model"], row["decoder"], f"{row['images']:,}", _NATS(row["entropy"])),
            *(_measured(row, name, (0.0, 1.1 * most)) for name in ("exact", "standard", "orthogonal")),
            *(_NATS(row[name]) for name in ("rate", "delta_u", "delta_c")),
        ]
        for row in rows(frame)
    ]
    head = ["description", "decoder", "images", "ln K", "exact I(x; z)", "iˢ", "iᵒ", "rate", "Δ_u", "Δ_c"]
    caption = (
        f"Nats that a code, or factors, carry about an image, drawn from 0, with {100 * confidence:g} % intervals over "
        "images. ln K, the faint line: entropy of the images. Rate: an upper bound. Δ_u, Δ_c: distance of a trained decoder "
        "from Bayes’ rule without and with the code; iˢ is I − Δ_c + Δ_u."
    )
    return Table(head, body, words=2, caption=caption)


def _by_dimension(frame: pd.DataFrame, confidence: float) -> Table:
    """A row a part: alone, and given the others."""
    quantities = {"alone": "alone", "given_rest": "given the others"}
    head: list[str | Heading] = ["description", "part"]
    for name in quantities.values():
        head += [Heading(title, name) for title in ("exact", "iˢ", "iᵒ", "in the box %")]
    body = []
    for (model, part), found in frame.groupby(["model", "part"], sort=False):
        of_part = {row["quantity"]: row for row in rows(found)}
        cells: list[Cell] = [str(model), str(part)]
        for name in quantities:
            row = of_part[name]
            cells += [_measured(row, estimate) for estimate in ("exact", "standard", "orthogonal")]
            cells.append(percent(row["inside"]))
        body.append(cells)
    caption = (
        "Nats that each dimension or factor carries about an image, I(x; z_k) and I(x; z_k | rest), with "
        f"{100 * confidence:g} % intervals over images. In the box: the share of the map of iᵒ inside the box of the object."
    )
    return Table(head, body, words=2, caption=caption)


def _measured(row: Mapping[str, Any], name: str, drawn: tuple[float, float] | None = None) -> Cell:
    """A value with its interval, drawn on an axis between these ends, with a mark at the entropy of the images."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return MISSING
    axis = interval(value, low, high, ends=drawn, mark=row["entropy"]) if drawn else None
    return Number(_NATS(value), ends_of(low, high, 2) if np.isfinite(low) else "", axis)


def _as_cells(table: Captioned, caption: str = "") -> Table:
    """A table for people on the page; lines of its caption become sentences."""
    return Table(
        head=[column.head for column in table.columns],
        body=[[column.cell(row) for column in table.columns] for row in table.rows],
        words=len(list(takewhile(lambda column: column.side == "left", table.columns))),
        caption=" ".join((caption or table.caption).split()),
    )


def _filled(table: Table) -> Table:
    """A table without the columns in which every cell is missing."""
    kept = [k for k in range(len(table.head)) if any(row[k] != MISSING for row in table.body)]
    return Table(
        head=[table.head[k] for k in kept],
        body=[[row[k] for k in kept] for row in table.body],
        words=sum(k < table.words for k in kept),
        caption=table.caption,
    )
