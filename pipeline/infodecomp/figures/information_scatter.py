"""Figure: conditional against plain mutual information, one dot per word, by class and by kind of word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from infodecomp.figures.style import COLUMN, GUIDE, MUTED, NOTE_SIZE, PAGE, figure_style, panel_figure, panel_width
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.correlation import across_cases

HEADING = "Is a word less informative once the rest of the caption is known?"
NOTE = (
    "Each dot is a case: iᵒ totals over the image, on axes stretched near zero. Dashed: CMI = MI; below it, the"
    " rest of the caption says part of what the word says. r: Pearson's, over cases, with its {:g} % bootstrap"
    " interval over images."
)
# Okabe and Ito's colours, then the same with another marker.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
_MARKERS = ("o", "^", "s")
_LEFT, _RIGHT = 0.48, 1.05  # inches; right: for the names of the groups
_MOST_GROUPS = len(_COLOURS) * len(_MARKERS)
_FEWEST = 3  # fewest cases for which r is given


def draw(
    panels: Sequence[tuple[str, pd.DataFrame]], rng: np.random.Generator, resamples: int, confidence: float
) -> Figure:
    """A panel for each title: CMI over MI with r in the corner.

    Args:
        panels: title and cases: columns group (of what a dot takes its colour), image_id, mi, cmi (nats, i^o totals).
        rng: of the bootstrap.
        resamples: of the bootstrap.
        confidence: of the intervals, such as 0.95.
    """
    columns = min(2, max(len(panels), 1))
    width = panel_width(columns, _LEFT, _RIGHT, whole=COLUMN if columns == 1 else PAGE)
    with figure_style():
        figure, rooms = panel_figure(
            [width] * len(panels),
            columns=columns,
            width=width,
            left=_LEFT,
            right=_RIGHT,
            above=0.34,
            below=0.42,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
        )
        for axes, (title, cases) in zip(rooms, panels, strict=True):
            _draw_panel(axes, title, cases, _correlation(cases, rng, resamples, confidence))
    return figure


def _draw_panel(axes: Axes, title: str, cases: pd.DataFrame, r: str) -> None:
    groups = list(cases["group"].value_counts(sort=True).index)
    groups = sorted(groups[: _MOST_GROUPS - 1]) + (["others"] if len(groups) >= _MOST_GROUPS else [])
    marks = []
    for number, name in enumerate(groups):
        rows = cases[~cases["group"].isin(groups)] if name == "others" else cases[cases["group"] == name]
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number // len(_COLOURS) % len(_MARKERS)]
        style: dict[str, Any] = {
            "color": "#AAAAAA" if name == "others" else colour,
            "marker": marker,
            "markersize": 3.2,
        }
        axes.plot(rows["mi"], rows["cmi"], linestyle="none", alpha=0.75, mew=0, **style)
        marks.append(Line2D([], [], linestyle="none", mew=0, label=f"{name} ({len(rows)})", **style))
    top = 1.08 * max(float(cases["mi"].max()), float(cases["cmi"].max()), 1e-6)
    for axis in ("x", "y"):
        getattr(axes, f"set_{axis}scale")("function", functions=(_root, _square))
        getattr(axes, f"set_{axis}lim")(0, top)
    ticks = [value for value in (0, 0.5, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if value <= top]
    if len(ticks) < 3:
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    else:
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.set_yticks(ticks, [f"{value:g}" for value in ticks])
    axes.plot([0, top], [0, top], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.grid(color=GUIDE)
    axes.set(xlabel="MI (nats)", ylabel="CMI (nats)")
    axes.set_title(f"{title} · {len(cases):,} cases", loc="left", fontweight="bold", pad=12)
    axes.annotate(
        r,
        xy=(0, 1),
        xytext=(0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=NOTE_SIZE,
        color=MUTED,
    )
    axes.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize=6, borderaxespad=0, handletextpad=0.1
    )


def _correlation(cases: pd.DataFrame, rng: np.random.Generator, resamples: int, confidence: float) -> str:
    if len(cases) < _FEWEST:
        return f"fewer than {_FEWEST} cases"
    image, names = pd.factorize(cases["image_id"])
    weights = resample_weights(len(names), resamples, rng)
    found = across_cases(cases["mi"].to_numpy(float), cases["cmi"].to_numpy(float), image.astype(np.int64), weights)
    if not np.isfinite(found.value):
        return "no r: all values are equal"
    low, high = found.interval(confidence)
    return f"r = {found.value:.2f}  [{low:.2f}, {high:.2f}]".replace("-", "−")


def _root(value: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(value, 0.0))


def _square(value: np.ndarray) -> np.ndarray:
    return np.square(value)
