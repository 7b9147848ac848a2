"""Figure: accuracy against the denoiser evaluations that a case takes, one panel per dataset."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from matplotlib.transforms import offset_copy

from infodecomp.figures.style import (
    COLUMN,
    GUIDE,
    MUTED,
    PAGE,
    balanced_columns,
    figure_style,
    method_style,
    panel_figure,
    panel_width,
    title_panel,
)

HEADING = "How accurate is each score for its cost?"
NOTE = (
    "Accuracy with its {:g} % Wilson interval against denoiser evaluations per case. Scores of about equal cost are"
    " drawn side by side. Horizontal lines, with intervals at the left: scores that need no denoiser. Black dashes:"
    " chance."
)

_MOST_COLUMNS = 2
_ROOM = {"left": 0.12, "right": 0.45, "label_room": 0.45}  # inches
_SAME = 1.15  # ratio of costs up to which scores are set side by side
_BESIDE = 8.0  # points between them


def draw(table: pd.DataFrame, confidence: float = 0.95) -> Figure:
    """Accuracy (all cases alike) in percent; evaluations on a logarithmic axis that all panels share.

    Args:
        table: columns dataset, method, n, micro, micro_low, micro_high, chance (fractions; NaN where unknown),
            evaluations_per_case (0 for methods that run no denoiser).
        confidence: level of the intervals, for the note.
    """
    known = table[np.isfinite(table["micro"])]
    datasets = list(dict.fromkeys(table["dataset"]))
    columns = balanced_columns(len(datasets), _MOST_COLUMNS)
    with figure_style():
        figure, panels = panel_figure(
            [1.6] * len(datasets),
            columns=columns,
            width=panel_width(columns, **_ROOM, whole=COLUMN if columns == 1 else PAGE),
            **_ROOM,
            above=0.42,
            below=0.48,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
            legend=[_key(str(method), rows) for method, rows in known.groupby("method", sort=False)],
        )
        for number, (panel, dataset) in enumerate(zip(panels, datasets, strict=True)):
            _set_axes(panel, known["evaluations_per_case"], first=number % columns == 0)
            chance = 100 * float(table.loc[table["dataset"] == dataset, "chance"].max())
            _draw_dataset(panel, str(dataset), known[known["dataset"] == dataset], chance)
    return figure


def _key(method: str, rows: pd.DataFrame) -> Line2D:
    style = method_style(method)
    if _runs_denoiser(rows).any():
        return Line2D([], [], color=style.colour, marker=style.marker, markersize=5, linewidth=1.4, label=style.label)
    return Line2D([], [], color=style.colour, linestyle=style.line, linewidth=1.6, label=style.label)


def _runs_denoiser(rows: pd.DataFrame) -> pd.Series:
    return rows["evaluations_per_case"] > 0  # NaN, too, is none


def _set_axes(axes: Axes, evaluations: pd.Series, *, first: bool) -> None:
    axes.set(ylim=(0, 100), yticks=range(0, 101, 25), xscale="log")
    axes.grid(axis="y", color=GUIDE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_minor_locator(NullLocator())
    if first:
        axes.set_ylabel("accuracy (%)")
    else:
        axes.set_yticklabels([])
    counted = evaluations[evaluations > 0]
    if counted.empty:
        axes.set(xlim=(1, 10), xticks=[], xlabel="no score here runs the denoiser")
        return
    low, high = counted.min() / 2, counted.max() * 2
    axes.set(xlim=(low, high), xlabel="denoiser evaluations per case")
    ticks = round_numbers(low, high)
    axes.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])


def round_numbers(low: float, high: float) -> list[float]:
    """The numbers 1, 2, 5, 10, 20, … from `low` to `high`; over more than two decades the powers of ten alone."""
    leading = (1,) if high / low > 100 else (1, 2, 5)
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    numbers = [first * 10.0**decade for decade in decades for first in leading]
    return [number for number in numbers if low <= number <= high]


def _draw_dataset(axes: Axes, dataset: str, rows: pd.DataFrame, chance: float) -> None:
    if np.isfinite(chance):
        _draw_chance(axes, chance)
    running = rows[_runs_denoiser(rows)]
    for place, row in enumerate(_records(rows[~_runs_denoiser(rows)])):
        style, beside = method_style(row["method"]), 0.04 + 0.05 * place
        axes.axhline(100 * row["micro"], color=style.colour, linestyle=style.line, linewidth=1.4)
        axes.plot(
            [beside, beside],
            [100 * row["micro_low"], 100 * row["micro_high"]],
            color=style.colour,
            linewidth=1.4,
            transform=axes.get_yaxis_transform(),
        )
    for row, offset in zip(_records(running), side_by_side(running["evaluations_per_case"]), strict=True):
        style = method_style(row["method"])
        transform = offset_copy(axes.transData, cast(Figure, axes.figure), x=offset, units="points")
        x, y = row["evaluations_per_case"], 100 * row["micro"]
        interval = [100 * row["micro_low"], 100 * row["micro_high"]]
        axes.plot([x, x], interval, color=style.colour, linewidth=1.4, transform=transform)
        (mark,) = axes.plot(x, y, style.marker, color=style.colour, markersize=5.2, mec="white", mew=0.6)
        mark.set(transform=transform, clip_on=False)
    n = rows["n"].max()
    title_panel(axes, dataset, f"{int(n):,} cases" if np.isfinite(n) else "no score")


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], rows.to_dict("records"))


def _draw_chance(axes: Axes, chance: float) -> None:
    axes.axhline(chance, color="#333333", linestyle=(0, (4, 3)), linewidth=1.0)
    axes.annotate(
        f"chance\n{chance:.0f} %",
        xy=(1, chance),
        xytext=(4, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=6.5,
        color=MUTED,
        va="center",
        annotation_clip=False,
    )


def side_by_side(evaluations: pd.Series) -> list[float]:
    """Shift of each point in points of type, so that points of about equal cost do not cover each other.

    Sorted by cost, a point belongs to the run of the one before it if its cost is at most `_SAME` times that; a run is
    spread evenly about its place.
    """
    costs = evaluations.to_numpy(dtype=float)
    order = np.argsort(costs, kind="stable")
    breaks = np.flatnonzero(costs[order][1:] > _SAME * costs[order][:-1]) + 1
    shifts = np.zeros(len(costs))
    for run in np.split(order, breaks):
        shifts[run] = _BESIDE * (np.arange(len(run)) - (len(run) - 1) / 2)
    return [float(shift) for shift in shifts]
