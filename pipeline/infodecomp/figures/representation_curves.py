"""Figure: integrands of the information of a description against log-SNR, beside the exact curve; one panel a model."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infodecomp.figures.style import GUIDE, balanced_columns, figure_style, panel_figure, panel_width

HEADING = "At which noise level does a decoder make use of what it knows?"
NOTE = (
    "Integrands of iˢ and iᵒ, whose integrals over the log-SNR α are nats: means over images and draws in bins, with one"
    " standard error. Grey: slope of the exact curve I(x_α; z). A total can be right while its integrand is wrong."
)
_ROOM = {"left": 0.34, "right": 0.08}
# Curve → label, colour, line style.
LINES = {
    "exact": ("exact curve", "#9A9A9A", "-"),
    "standard": ("iˢ", "#0B62A4", (0, (3, 1.5))),
    "orthogonal": ("iᵒ", "#0B62A4", "-"),
    "exact_standard": ("iˢ, exact denoiser", "#2B8A3E", (0, (3, 1.5))),
    "delta_u": ("Δᵤ", "#C43C00", (0, (1, 1))),
    "delta_c": ("Δ꜀", "#C43C00", "-"),
}


def draw(table: pd.DataFrame) -> Figure:
    """table: of `representation.table_columns.CURVE_COLUMNS`."""
    models = list(dict.fromkeys(table["model"]))
    columns = balanced_columns(len(models), 3)
    shown = [name for name in LINES if name in set(table["curve"])]
    with figure_style():
        figure, panels = panel_figure(
            [1.4] * len(models),
            columns=columns,
            width=min(panel_width(columns, **_ROOM, label_room=0.1), 3.0),
            **_ROOM,
            above=0.3,
            below=0.36,
            label_room=0.1,
            heading=HEADING,
            note=NOTE,
            legend=[_line(name) for name in shown],
        )
        for axes, model in zip(panels, models, strict=True):
            _draw_model(axes, table[table["model"] == model])
            axes.set_title(model, loc="left", fontsize=7.5, fontweight="bold", pad=3)
    return figure


def _draw_model(axes: Axes, rows: pd.DataFrame) -> None:
    for name in LINES:
        curve = rows[rows["curve"] == name]
        if curve.empty:
            continue
        middle = (curve["low"] + curve["high"]) / 2
        if name == "exact":
            axes.fill_between(middle, 0, curve["value"], color=LINES[name][1], alpha=0.3, linewidth=0)
        line = _line(name)
        line.set_data(middle, curve["value"])
        axes.add_line(line)
        low, high = curve["value"] - curve["error"], curve["value"] + curve["error"]
        axes.fill_between(middle, low, high, color=LINES[name][1], alpha=0.15, linewidth=0)
    axes.autoscale_view()
    axes.grid(axis="y", color=GUIDE)
    axes.set_xlabel("log-SNR α", fontsize=6.5, labelpad=1)
    axes.set_ylabel("nats per unit of α", fontsize=6.5, labelpad=2)
    axes.tick_params(labelsize=6, length=2, pad=1.5)


def _line(name: str) -> Line2D:
    label, colour, style = LINES[name]
    return Line2D([], [], color=colour, linestyle=style, linewidth=1.1, label=label)
