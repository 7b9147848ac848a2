"""Figure: how often each score picks the true caption, with intervals, one panel per dataset."""

from __future__ import annotations

import textwrap
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infodecomp.figures.style import (
    GUIDE,
    MUTED,
    NOTE_SIZE,
    balanced_columns,
    figure_style,
    method_style,
    panel_figure,
    panel_width,
    title_panel,
)

HEADING = "Does the model pick the true caption?"
NOTE = (
    "Share of cases in which the true caption has the highest score. The false captions have the same or nearly the"
    " same words, with another meaning. Lines: {:g} % intervals, Wilson over cases; for the mean over groups,"
    " bootstrap over groups. Dashed: chance."
)

_ROW = 0.27  # inches, height of a method
_MOST_COLUMNS = 2
_ROOM = {"left": 0.12, "right": 0.5, "label_room": 1.3}  # inches
_APART = 0.19  # rows, half the distance between the share of all cases and the mean over groups


def draw(table: pd.DataFrame, confidence: float = 0.95) -> Figure:
    """Accuracy in percent: a dot for all cases alike (micro), a diamond below it for the mean over groups (macro).

    Methods stand in the order of the table; one that a dataset lacks keeps its row, so that rows compare.

    Args:
        table: columns dataset, method, n, n_failed, micro, micro_low, micro_high, macro, macro_low, macro_high,
            chance (fractions; NaN where unknown).
        confidence: level of the intervals, for the note.
    """
    datasets, methods = list(dict.fromkeys(table["dataset"])), list(dict.fromkeys(table["method"]))
    lines = max(len(failures(rows)) for _, rows in table.groupby("dataset"))
    columns = balanced_columns(len(datasets), _MOST_COLUMNS)
    with figure_style():
        figure, panels = panel_figure(
            [_ROW * len(methods) + 0.25] * len(datasets),
            columns=columns,
            width=min(panel_width(columns, **_ROOM), 3.0),
            **_ROOM,
            above=0.42,
            below=0.42 + 0.1 * lines,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
            legend=_legend(table),
        )
        for number, (panel, dataset) in enumerate(zip(panels, datasets, strict=True)):
            rows = table[table["dataset"] == dataset]
            _draw_dataset(panel, str(dataset), rows, methods, with_names=number % columns == 0)
    return figure


def _legend(table: pd.DataFrame) -> list[Line2D]:
    entries = [Line2D([], [], color="#444444", marker="o", markersize=5.5, linewidth=1.4, label="all cases")]
    if np.isfinite(table["macro"]).any():
        entries.append(
            Line2D(
                [],
                [],
                color="#444444",
                marker="D",
                markersize=4.2,
                mfc="white",
                linewidth=0.8,
                label="mean over groups of cases, with equal weights",
            )
        )
    return entries


def _draw_dataset(axes: Axes, dataset: str, rows: pd.DataFrame, methods: list[str], *, with_names: bool) -> None:
    records = cast(list[dict[str, Any]], rows.to_dict("records"))
    by_method = {str(row["method"]): row for row in records}
    axes.set(xlim=(0, 100), ylim=(len(methods) - 0.4, -1.1), xticks=range(0, 101, 25), xlabel="accuracy (%)")
    axes.grid(axis="x", color=GUIDE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(methods)), [method_style(method).label if with_names else "" for method in methods])
    axes.spines["left"].set_visible(False)
    _draw_chance(axes, 100 * float(rows["chance"].max()))
    for place, method in enumerate(methods):
        if method in by_method:
            _draw_method(axes, place, method, by_method[method])
        else:
            _write(axes, place, "–")
    n = rows["n"].max()
    title_panel(axes, dataset, f"{int(n):,} cases" if np.isfinite(n) else "")
    axes.annotate(
        "\n".join(failures(rows)),
        xy=(0, 0),
        xytext=(0, -28),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=6,
        color=MUTED,
        va="top",
        annotation_clip=False,
    )


def failures(rows: pd.DataFrame) -> list[str]:
    """Lines with the number of cases without a score, by method if it differs; none if all have one."""
    failed = {
        str(method): int(count)
        for method, count in zip(rows["method"], rows["n_failed"].fillna(0), strict=True)
        if count > 0
    }
    if not failed:
        return []
    if len(failed) == len(rows) and len(set(failed.values())) == 1:
        return [f"without any score: {next(iter(failed.values())):,}"]
    each = ", ".join(f"{method_style(method).label} {count:,}".replace(" ", "\xa0") for method, count in failed.items())
    # A method stays on the line of its number.
    return [line.replace("\xa0", " ") for line in textwrap.wrap(f"without a score: {each}", 56)]


def _draw_chance(axes: Axes, chance: float) -> None:
    if not np.isfinite(chance):
        return
    axes.axvline(chance, color="#333333", linestyle=(0, (4, 3)), linewidth=1.0)
    axes.annotate(
        f"chance {chance:.0f} %",
        xy=(chance, -0.75),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=6.5,
        color="#333333",
        va="center",
    )


def _draw_method(axes: Axes, place: int, method: str, row: dict[str, Any]) -> None:
    style = method_style(method)
    if not np.isfinite(row["micro"]):
        _write(axes, place, "no score", size=6)
        return
    grouped = np.isfinite(row["macro"])
    above, below = (place - _APART, place + _APART) if grouped else (place, place)
    axes.plot([100 * row["micro_low"], 100 * row["micro_high"]], [above, above], color=style.colour, linewidth=1.8)
    axes.plot(100 * row["micro"], above, "o", color=style.colour, markersize=5.2, mec="white", mew=0.6, clip_on=False)
    if grouped:
        axes.plot([100 * row["macro_low"], 100 * row["macro_high"]], [below, below], color=style.colour, linewidth=0.8)
        axes.plot(
            100 * row["macro"], below, "D", color=style.colour, markersize=3.2, mfc="white", mew=1.0, clip_on=False
        )
        _write(axes, below, f"{100 * row['macro']:.1f}", size=6, colour=MUTED)
    _write(axes, above, f"{100 * row['micro']:.1f}", colour="black")


def _write(axes: Axes, place: float, text: str, *, size: float = NOTE_SIZE, colour: str = MUTED) -> None:
    """A number right of the panel, or why there is none."""
    axes.annotate(
        text,
        xy=(1, place),
        xytext=(27, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=size,
        color=colour,
        annotation_clip=False,
    )
