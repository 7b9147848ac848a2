"""Figure: the table of localisation: mIoU of every method at its best and at a held-out threshold, with intervals."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infodecomp.figures.style import GUIDE, MUTED, PAGE, SMALL_SIZE, figure_style, method_style, panel_figure

HEADING = "How well does each method find the named object?"
NOTE = (
    "Mean intersection over union of thresholded maps and masks, one row per number of steps or draws (grey). Dots:"
    " threshold chosen on one half of the images, scored on the other; rings: the best threshold on the same cases,"
    " as published. Lines: {:g} % bootstrap intervals over images."
)
ESTIMATORS = {"orthogonal": " iᵒ", "standard": " iˢ", "-": ""}

_ROW = 0.15  # inches, height of a row
_NAMES = 2.1  # inches, room for names and steps
_NUMBERS = 0.95  # inches, room for the numbers at the right


def draw(table: pd.DataFrame, confidence: float) -> Figure:
    """A panel per dataset, a row per method, estimator and number of steps, in the order of the table.

    Args:
        table: columns dataset, method, estimator, steps, threshold_mode (oracle | held_out), n, miou, miou_low,
            miou_high (fractions; NaN where unknown).
        confidence: level of the intervals, for the note.
    """
    groups = list(table.groupby("dataset", sort=False))
    with figure_style():
        figure, panels = panel_figure(
            [_ROW * (len(_rows(of_dataset)) + 0.6) for _, of_dataset in groups],
            columns=1,
            width=PAGE - _NAMES - _NUMBERS,
            left=_NAMES,
            right=_NUMBERS,
            above=0.3,
            below=0.42,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
            legend=[_mark("held_out", "#444444", "held-out threshold"), _mark("oracle", "#444444", "best threshold")],
        )
        for axes, (dataset, of_dataset) in zip(panels, groups, strict=True):
            _draw_dataset(axes, str(dataset), of_dataset)
    return figure


def _rows(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    return list(dict.fromkeys(zip(table["method"], table["estimator"], table["steps"], strict=True)))


def _draw_dataset(axes: Axes, dataset: str, table: pd.DataFrame) -> None:
    rows = _rows(table)
    by_row: dict[tuple[str, str, int], dict[str, Any]] = {}
    for record in cast(list[dict[str, Any]], table.to_dict("records")):
        by_row.setdefault((record["method"], record["estimator"], record["steps"]), {})[record["threshold_mode"]] = (
            record
        )
    highest = 100 * float(np.nanmax([*table["miou_high"], 0.1]))
    axes.set(ylim=(len(rows) - 0.3, -0.8), xlim=(0, min(1.05 * highest, 100)), xlabel="mIoU (%)")
    axes.set_title(f"{dataset} · {int(table['n'].max()):,} cases", loc="left", fontweight="bold")
    axes.grid(axis="x", color=GUIDE)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks([])
    previous = ""
    for place, row in enumerate(rows):
        method, estimator, steps = row
        style = method_style(method)
        name = f"{style.label}{ESTIMATORS.get(estimator, f' {estimator}')}"
        if name != previous:
            _write(axes, place, name, -34, "right", color="black", fontsize=7)
        previous = name
        _write(axes, place, str(steps) if steps else "–", -8, "right", color=MUTED, fontsize=SMALL_SIZE)
        for mode in ("oracle", "held_out"):
            found = by_row[row].get(mode)
            if found is None or not np.isfinite(found["miou"]):
                continue
            if mode == "held_out":
                axes.plot(
                    [100 * found["miou_low"], 100 * found["miou_high"]],
                    [place, place],
                    color=style.colour,
                    linewidth=1.6,
                )
            mark = _mark(mode, style.colour)
            mark.set_data([100 * found["miou"]], [place])
            axes.add_line(mark)
        held_out = by_row[row].get("held_out") or by_row[row].get("oracle")
        _write(axes, place, _number(held_out), 62, "right", x=1.0, color="black", fontsize=SMALL_SIZE)


def _number(found: dict[str, Any] | None) -> str:
    if found is None or not np.isfinite(found["miou"]):
        return "no score"
    return f"{100 * found['miou']:.1f}  ({100 * found['miou_low']:.1f}–{100 * found['miou_high']:.1f})"


def _mark(mode: str, colour: str, label: str = "") -> Line2D:
    ring = mode == "oracle"
    return Line2D(
        [],
        [],
        color=colour,
        linestyle="none",
        marker="o",
        markersize=6.0 if ring else 3.6,
        mfc="none" if ring else colour,
        mew=0.8 if ring else 0.0,
        label=label,
        zorder=4,
    )


def _write(axes: Axes, place: float, text: str, offset: float, side: str, *, x: float = 0.0, **style: Any) -> None:
    axes.annotate(
        text,
        xy=(x, place),
        xytext=(offset, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha=side,
        va="center",
        annotation_clip=False,
        **style,
    )
