"""Figure: how removing pixels affects the model, and the table of faithfulness under the curves."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infodecomp.figures.style import (
    ACCENT,
    GUIDE,
    MUTED,
    SMALL_SIZE,
    figure_style,
    method_style,
    panel_figure,
    panel_width,
)
from infodecomp.methods import METHODS
from infodecomp.metrics.faithfulness import AREAS, verdict

HEADING = "Are the maps true to the model?"
NOTE = (
    "Curves: nats by which the word moves the prediction (iᵒ) while the top pixels of each map are removed or"
    " restored; the less the image shows of what the word says, the more. A faithful map rises early on removal and"
    " falls early on restoration. Below: areas under the curves minus those of another image's map, case by case,"
    " in nats; rank correlations of maps; and {:g} % bootstrap intervals over images. ↑ higher is better, ↓ nearer"
    " 0 is better. A map fails if it is as similar to itself with shuffled weights as with another seed."
)
_CURVES = {
    "deletion": ("top pixels removed", "share of pixels removed (%)"),
    "insertion": ("top pixels restored", "share of pixels restored (%)"),
}
# The map that others are compared with: it is of another image.
_CONTROL = "shuffled"
# With few draws i^s is too noisy to separate methods.
_QUANTITY = "i_o"
# Measure → head of its column, and digits.
_COLUMNS = {
    "deletion_i_o": ("deletion ↑", 1),
    "insertion_i_o": ("insertion ↑", 1),
    "editing": ("with edit ρ ↑", 2),
    "stability": ("another seed ρ ↑", 2),
    "weights": ("shuffled weights ρ ↓", 2),
}
_ESTIMATORS = {"orthogonal": " iᵒ", "standard": " iˢ", "-": ""}

_LEFT, _RIGHT, _CURVE, _ROW = 0.5, 0.12, 1.9, 0.15  # inches
_AXIS = 0.45  # inches, room for the labels of an axis
_NAMES, _VERDICT = 0.2, 0.06  # shares of the table's width: names at the left, verdicts at the right


def draw(table: pd.DataFrame, curves: pd.DataFrame, paired: pd.DataFrame, confidence: float) -> Figure:
    """Two panels per dataset, and below them one row per map.

    Args:
        table: columns dataset, method, estimator, measure, value, low, high, n; areas in nats.
        curves: columns dataset, curve (deletion | insertion), quantity (i_o | i_s), method, estimator, fraction, nats.
        paired: columns dataset, measure, method_a, estimator_a, method_b, estimator_b, difference (a − b), low, high, n.
        confidence: level of the intervals, for the note.
    """
    datasets = list(dict.fromkeys(table["dataset"]))
    maps = list(dict.fromkeys(zip(table["method"], table["estimator"], strict=True)))
    room = _AXIS + _ROW * (len(maps) + 2.2)
    with figure_style():
        figure, panels = panel_figure(
            [_CURVE] * (2 * len(datasets)),
            columns=2,
            width=panel_width(2, _LEFT, _RIGHT),
            left=_LEFT,
            right=_RIGHT,
            above=0.32,
            below=room,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
            legend=[_line(*one) for one in maps],
        )
        for number, dataset in enumerate(datasets):
            pair = panels[2 * number : 2 * number + 2]
            of_dataset, lines = table[table["dataset"] == dataset], curves[curves["dataset"] == dataset]
            lines = lines[lines["quantity"] == _QUANTITY]
            for axes, curve in zip(pair, _CURVES, strict=True):
                _draw_curves(axes, curve, lines[lines["curve"] == curve])
            pair[0].set_title(f"{dataset} · {int(of_dataset['n'].max()):,} cases", loc="left", fontweight="bold")
            _write_table(_under(figure, pair, room), _beyond_control(of_dataset, paired[paired["dataset"] == dataset]))
    return figure


def _line(method: str, estimator: str) -> Line2D:
    style = method_style(method)
    return Line2D([], [], color=style.colour, linestyle=style.line, label=_name(method, estimator))


def _name(method: str, estimator: str) -> str:
    return f"{method_style(method).label}{_ESTIMATORS.get(estimator, f' {estimator}') if METHODS[method].estimators else ''}"


def _draw_curves(axes: Axes, curve: str, lines: pd.DataFrame) -> None:
    title, label = _CURVES[curve]
    for (method, estimator), points in lines.groupby(["method", "estimator"], sort=False):
        drawn = _line(str(method), str(estimator))
        drawn.set_data(100 * points["fraction"].to_numpy(), points["nats"].to_numpy())
        drawn.set_marker("o")
        drawn.set_markersize(2.2)
        axes.add_line(drawn)
    axes.autoscale_view()
    axes.set(xlim=(0, 100), xlabel=label, ylabel="nats" if curve == "deletion" else "")
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.grid(axis="y", color=GUIDE, linewidth=0.6)
    axes.set_title(title, loc="right", fontsize=7, color=MUTED)


def _under(figure: Figure, pair: list[Axes], room: float) -> Axes:
    """Axes across both panels, in the room under them; one unit is a row."""
    left, right = (axes.get_position() for axes in pair)
    height = figure.get_figheight()
    rows = room - _AXIS
    axes = figure.add_axes((0.0, left.y0 - (room - 0.05) / height, right.x1, rows / height))
    axes.set(xlim=(0, 1), ylim=(rows / _ROW, 0))
    axes.set_axis_off()
    return axes


def _beyond_control(table: pd.DataFrame, paired: pd.DataFrame) -> pd.DataFrame:
    """The table with areas minus those of the control; NaN for the control itself, and where it was not judged."""
    known: dict[tuple[str, str, str], tuple[float, float, float]] = {}
    for row in cast(list[dict[str, Any]], paired.to_dict("records")):
        difference, low, high = row["difference"], row["low"], row["high"]
        if row["method_b"] == _CONTROL:
            known[row["measure"], row["method_a"], row["estimator_a"]] = difference, low, high
        elif row["method_a"] == _CONTROL:
            known[row["measure"], row["method_b"], row["estimator_b"]] = -difference, -high, -low
    found = table.copy()
    areas = found["measure"].isin(AREAS)
    keys = zip(*(found.loc[areas, name] for name in ("measure", "method", "estimator")), strict=True)
    found.loc[areas, ["value", "low", "high"]] = np.array([known.get(key, (np.nan,) * 3) for key in keys]).reshape(
        -1, 3
    )
    return found


def _write_table(axes: Axes, table: pd.DataFrame) -> None:
    width = (1 - _NAMES - _VERDICT) / len(_COLUMNS)
    ends = {measure: _NAMES + width * (place + 1) for place, measure in enumerate(_COLUMNS)}
    wide = cast(list[dict[str, Any]], table.to_dict("records"))
    maps = list(dict.fromkeys((row["method"], row["estimator"]) for row in wide))
    found = {(row["method"], row["estimator"], row["measure"]): row for row in wide}
    for measure, (head, digits) in _COLUMNS.items():
        axes.text(ends[measure], 0.6, head, ha="right", va="center", fontsize=SMALL_SIZE, color=MUTED)
        for place, one in enumerate(maps):
            text = _number(found[*one, measure], digits)
            axes.text(ends[measure], place + 1.7, text, ha="right", va="center", fontsize=SMALL_SIZE)
    axes.text(1, 0.6, "sanity", ha="right", va="center", fontsize=SMALL_SIZE, color=MUTED)
    for place, one in enumerate(maps):
        name, colour = _name(*one), method_style(one[0]).colour
        axes.text(0.004, place + 1.7, name, ha="left", va="center", fontsize=SMALL_SIZE + 0.5, color=colour)
        said = verdict(found[*one, "sanity"]["low"])
        colour = {"passes": "black", "fails": ACCENT}.get(said, MUTED)
        axes.text(1, place + 1.7, said, ha="right", va="center", fontsize=SMALL_SIZE, color=colour)
    axes.axhline(1.1, color=GUIDE, linewidth=0.8)


def _number(row: dict[str, Any], digits: int) -> str:
    if not np.isfinite(row["value"]):
        return "–"
    value, low, high = (f"{row[name]:.{digits}f}".replace("-", "−") for name in ("value", "low", "high"))
    # Without the zeros before the point, so that five columns fit a page.
    ends = (end.replace("0.", ".", 1) if end.lstrip("−").startswith("0.") else end for end in (low, high))
    return f"{value} ({', '.join(ends)})"
