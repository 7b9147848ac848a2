"""Figure: mIoU against the threshold, one line per method, one panel per dataset."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.style import GUIDE, MUTED, PAGE, figure_style, method_style, panel_figure

HEADING = "How well do maps find the named object?"
NOTE = (
    "Mean intersection over union of thresholded maps and masks. Bands: {:g} % bootstrap intervals over images;"
    " dots: the best threshold of a method. The number after a name is its number of steps or draws."
)
_NAMES = 2.0  # inches, room for the names of the lines


def draw(curves: pd.DataFrame, confidence: float = 0.95) -> Figure:
    """mIoU at each threshold with its band; every method at its largest number of steps.

    A dot marks the best threshold of a method (the oracle choice). Of the two estimators of MI and CMI the
    orthogonal one is drawn.

    Args:
        curves: columns dataset, method, estimator, steps, threshold, n, miou, miou_low, miou_high (fractions).
        confidence: level of the intervals, for the note.
    """
    datasets = list(dict.fromkeys(curves["dataset"]))
    with figure_style():
        figure, panels = panel_figure(
            [2.4] * max(len(datasets), 1),
            columns=1,
            width=PAGE - 0.5 - _NAMES,
            left=0.5,
            right=_NAMES,
            above=0.32,
            below=0.42,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
        )
        for panel, dataset in zip(panels, datasets, strict=False):
            _draw_dataset(panel, dataset, curves[curves["dataset"] == dataset])
    return figure


def _draw_dataset(axes: Axes, dataset: str, curves: pd.DataFrame) -> None:
    labels = []
    for method, lines in _largest_steps(curves).groupby("method", sort=False):
        style = method_style(str(method))
        threshold, miou = lines["threshold"].to_numpy(), 100 * lines["miou"].to_numpy()
        if not np.isfinite(miou).any():
            continue
        axes.fill_between(
            threshold, 100 * lines["miou_low"], 100 * lines["miou_high"], color=style.colour, alpha=0.15, linewidth=0
        )
        axes.plot(threshold, miou, color=style.colour, linestyle=style.line, linewidth=1.3)
        if method != "whole_image":
            best = int(np.nanargmax(miou))
            axes.plot(
                threshold[best], miou[best], "o", color=style.colour, markersize=4, mec="white", clip_on=False, zorder=3
            )
        steps = int(lines["steps"].iloc[0])
        labels.append((miou[-1], f"{style.label}, {steps}" if steps else style.label, style.colour))
    axes.set(xlabel="threshold on the scaled map", ylabel="mIoU (%)")
    axes.set_title(f"{dataset} · {int(curves['n'].max()):,} cases", loc="left", fontweight="bold")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=GUIDE, linewidth=0.6)
    axes.margins(x=0)
    _label_lines(axes, labels)


def _largest_steps(curves: pd.DataFrame) -> pd.DataFrame:
    """Rows of the largest number of steps of each method, without the standard estimator, in order of threshold."""
    shown = curves[curves["estimator"] != "standard"]
    largest = shown.groupby("method", sort=False)["steps"].transform("max")
    return shown[shown["steps"] == largest].sort_values("threshold", kind="stable")


def _label_lines(axes: Axes, labels: list[tuple[float, str, str]]) -> None:
    """Write the names of the lines at their right ends, moved apart where they would overlap."""
    if not labels:
        return
    axes.figure.canvas.draw_idle()
    low, high = axes.get_ylim()
    gap = 0.062 * (high - low)
    ordered = sorted(labels)
    heights = spread(np.array([height for height, _, _ in ordered]), gap, low + gap / 2, high)
    for (end, text, colour), height in zip(ordered, heights, strict=True):
        axes.annotate(
            text,
            xy=(1.0, end),
            xytext=(1.035, height),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            color=colour,
            va="center",
            fontsize=7,
            annotation_clip=False,
            # relpos: the line meets the label at its left edge, not behind its text.
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.7,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )
    axes.text(1.035, 1.03, "method, steps", transform=axes.transAxes, color=MUTED, fontsize=6.5, va="bottom")


def spread(heights: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Move sorted heights (n,) apart to at least `gap`, staying within [low, high] where they fit."""
    placed = heights.astype(float).copy()
    for index in range(len(placed)):
        floor = low if index == 0 else placed[index - 1] + gap
        placed[index] = max(placed[index], floor)
    ceiling = max(high, low + gap * (len(placed) - 1))
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed
