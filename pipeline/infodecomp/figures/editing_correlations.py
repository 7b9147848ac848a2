"""Figure: how well CMI, MI, attention and the object's outline predict the change by an edit: r with intervals."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.style import GUIDE, MUTED, SMALL_SIZE, figure_style, panel_figure, panel_width, sentence_figure

HEADING = "What predicts how much, and where, an edit changes the image?"
NOTE = (
    "Pearson's r with the squared change of the latent, with its {:g} % bootstrap interval over images. Images:"
    " totals, over cases. Pixels: maps, within each image, averaged over cases. Grey: a control that knows the"
    " object's outline and nothing of the model."
)
NOTHING = "No case has been edited: there is nothing to correlate."
TITLES = {"omit": "word left out", "swap": "word swapped"}
LEVELS = {"image": "images", "pixel": "pixels"}
PREDICTORS = {
    "cmi_o": ("CMI iᵒ", "#0072B2"),
    "cmi_s": ("CMI iˢ", "#0072B2"),
    "mi_o": ("MI iᵒ", "#009E73"),
    "attention": ("attention", "#56B4E9"),
    "mask_area": ("object's outline", "#7A7A7A"),
}
CHANGE = "latent_l2"

_ROW = 0.2  # inches, height of a predictor
_LEFT, _RIGHT, _NAMES = 0.2, 0.95, 0.85  # inches


def draw(table: pd.DataFrame, confidence: float) -> Figure:
    """A panel for each intervention and level, a row for each predictor.

    Args:
        table: rows of one dataset: columns level, intervention, predictor, change, r, r_low, r_high, n.
        confidence: of the intervals, for the note.
    """
    shown = table[(table["change"] == CHANGE) & table["predictor"].isin(list(PREDICTORS)) & np.isfinite(table["r"])]
    groups = [
        (intervention, level, shown[(shown["intervention"] == intervention) & (shown["level"] == level)])
        for intervention in TITLES
        for level in LEVELS
    ]
    groups = [group for group in groups if len(group[2])]
    if not groups:
        return sentence_figure(HEADING, NOTHING)
    names = [name for name in PREDICTORS if (shown["predictor"] == name).any()]
    low, high = min(0.0, float(shown["r_low"].min())), max(0.0, float(shown["r_high"].max()))
    with figure_style():
        figure, panels = panel_figure(
            [_ROW * len(names) + 0.1] * len(groups),
            columns=2,
            width=panel_width(2, _LEFT, _RIGHT, _NAMES),
            left=_LEFT,
            right=_RIGHT,
            label_room=_NAMES,
            above=0.32,
            below=0.4,
            heading=HEADING,
            note=NOTE.format(100 * confidence),
        )
        for number, (axes, (intervention, level, rows)) in enumerate(zip(panels, groups, strict=True)):
            axes.set_title(
                f"{TITLES[intervention]}, {LEVELS[level]} · n = {int(rows['n'].max()):,}", loc="left", fontweight="bold"
            )
            _draw_panel(axes, rows, names, with_names=number % 2 == 0)
            axes.set_xlim(low - 0.03, min(high + 0.03, 1.0))
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, names: list[str], *, with_names: bool) -> None:
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="r")
    axes.grid(axis="x", color=GUIDE)
    axes.axvline(0, color=MUTED, linewidth=0.7)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(names)), [PREDICTORS[name][0] if with_names else "" for name in names])
    for row in cast(list[dict[str, Any]], rows.to_dict("records")):
        place, colour = names.index(row["predictor"]), PREDICTORS[row["predictor"]][1]
        filled = "white" if row["predictor"] == "cmi_s" else colour
        axes.plot([row["r_low"], row["r_high"]], [place, place], color=colour, linewidth=1.6)
        axes.plot(row["r"], place, "o", color=colour, mfc=filled, markersize=4.5, mew=1.0)
        axes.annotate(
            f"{row['r']:.2f} [{row['r_low']:.2f}, {row['r_high']:.2f}]".replace("-", "−"),
            xy=(1, place),
            xytext=(66, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=SMALL_SIZE,
            color="black",
            annotation_clip=False,
        )
