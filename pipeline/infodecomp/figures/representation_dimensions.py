"""Figure: what each dimension or factor says alone and given the others, with total and dual total correlation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from infodecomp.figures.style import GUIDE, MUTED, PAGE, figure_style, panel_figure

HEADING = "What does each part of a description say, alone and given the others?"
NOTE = (
    "Bars: exact nats. Points: iᵒ with its {confidence:g} % interval over images. TC, what the parts repeat, is the sum of"
    " the bars alone less the whole; DTC, what more than one part knows, is the whole less the bars given the rest."
)
# Quantity → label and colour.
BARS = {"alone": ("alone, I(x; z_k)", "#8FB9DD"), "given_rest": ("given the rest, I(x; z_k | rest)", "#1F5F99")}
_WIDTH = 0.38


def draw(dimensions: pd.DataFrame, information: pd.DataFrame, confidence: float) -> Figure:
    """dimensions, information: of `representation.table_columns`; one panel a model."""
    models = list(dict.fromkeys(dimensions["model"]))
    room = {"left": 0.4, "right": 0.05}
    with figure_style():
        figure, panels = panel_figure(
            [1.25] * len(models),
            columns=1,
            width=PAGE - sum(room.values()),
            **room,
            above=0.3,
            below=0.3,
            heading=HEADING,
            note=NOTE.format(confidence=100 * confidence),
            legend=[
                *(Patch(color=colour, label=label) for label, colour in BARS.values()),
                Line2D([], [], color="black", marker="o", markersize=2.5, linewidth=0.8, label="iᵒ"),
            ],
        )
        for axes, model in zip(panels, models, strict=True):
            _draw_model(axes, dimensions[dimensions["model"] == model])
            whole = information[information["model"] == model].iloc[0]
            correlations = f"TC {whole['tc']:.2f}, DTC {whole['dtc']:.2f}".replace("-0.00", "0.00")
            title = f"{model}: {whole['exact']:.2f} of {whole['entropy']:.2f} nats, {correlations}"
            axes.set_title(title, loc="left", fontsize=7.5, fontweight="bold", pad=3)
    return figure


def _draw_model(axes: Axes, rows: pd.DataFrame) -> None:
    parts = list(dict.fromkeys(rows["part"]))
    for side, (quantity, (_, colour)) in enumerate(BARS.items()):
        found = rows[rows["quantity"] == quantity]
        places = np.arange(len(parts)) + (side - 0.5) * _WIDTH
        axes.bar(places, found["exact"], _WIDTH, color=colour)
        value = found["orthogonal"].to_numpy()
        ends = np.abs(np.stack([value - found["orthogonal_low"], found["orthogonal_high"] - value]))
        axes.errorbar(places, value, ends, fmt="o", color="black", markersize=2, linewidth=0.8)
    axes.axhline(0, color=MUTED, linewidth=0.5)
    axes.set_xticks(range(len(parts)), parts)
    axes.set_ylabel("nats", fontsize=6.5, labelpad=2)
    axes.grid(axis="y", color=GUIDE)
    axes.tick_params(labelsize=6.5, length=2, pad=1.5)
