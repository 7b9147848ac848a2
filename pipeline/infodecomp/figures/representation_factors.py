"""Figure: exact nats that a code and each of its dimensions carry about each factor; one panel a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.style import PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure, sentence_figure

HEADING = "Which dimension says what about which factor?"
NOTE = (
    "Exact nats. First column: the whole code; others: one dimension alone. In brackets: ln n, the entropy of the factor."
    " Colours from 0 to ln n of the factor. Where the code says much and no dimension does, the factor is spread over"
    " several."
)
_ROW, _LEFT, _RIGHT = 0.2, 1.0, 0.05  # inches


def draw(table: pd.DataFrame, palette: str) -> Figure:
    """table: of `representation.table_columns.FACTOR_COLUMNS`."""
    if table.empty:
        return sentence_figure(HEADING, "The images have no attributes that are classes.")
    models = list(dict.fromkeys(table["model"]))
    factors = {model: list(dict.fromkeys(table[table["model"] == model]["factor"])) for model in models}
    with figure_style():
        figure, panels = panel_figure(
            [_ROW * len(factors[model]) for model in models],
            columns=1,
            width=PAGE - _LEFT - _RIGHT,
            left=_LEFT,
            right=_RIGHT,
            above=0.42,
            below=0.12,
            heading=HEADING,
            note=NOTE,
        )
        for axes, model in zip(panels, models, strict=True):
            _draw_model(axes, table[table["model"] == model], factors[model], palette)
            axes.set_title(model, loc="left", fontsize=7.5, fontweight="bold", pad=14)
    return figure


def _draw_model(axes: Axes, rows: pd.DataFrame, factors: list[str], palette: str) -> None:
    parts = list(dict.fromkeys(rows["part"]))
    nats = rows.pivot(index="factor", columns="part", values="exact").loc[factors, parts]
    entropy = rows.groupby("factor")["entropy"].first().loc[factors]
    share = nats.div(entropy, axis=0).to_numpy()
    axes.imshow(share, cmap=colour_map(palette), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    values = nats.to_numpy(dtype=float)
    for row, column in np.ndindex(share.shape):
        colour = "white" if share[row, column] < 0.5 else "black"
        text = f"{values[row, column]:.2f}".replace("-0.00", "0.00")
        axes.text(column, row, text, ha="center", va="center", fontsize=SMALL_SIZE, color=colour)
    labels = [f"{factor} ({value:.2f})" for factor, value in zip(factors, entropy, strict=True)]
    axes.set_yticks(range(len(factors)), labels)
    axes.set_xticks(range(len(parts)), ["code", *parts[1:]])
    axes.xaxis.tick_top()
    axes.tick_params(labelsize=6.5, length=0, pad=2)
    axes.axvline(0.5, color="white", linewidth=2)
