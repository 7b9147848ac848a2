"""Figure: captions as matrices of their words: redundancy and synergy of every two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.pair_maps import MEASURES, SIGNED
from infodecomp.figures.style import (
    MUTED,
    NOTE_SIZE,
    SMALL_SIZE,
    colour_map,
    figure_style,
    panel_figure,
    panel_width,
    shorten,
)

HEADING = "Which words of a caption say the same, and which need each other?"
NOTE = (
    "The captions of {dataset} with the most words in pairs. Below the diagonal: redundancy of two words"
    " ({measure}); above it: their synergy; on it, in grey: the information of each word. Whole image, iᵒ of the"
    " words alone, nats. Orange: above zero, violet: below; each caption has its own scale, with zero in the"
    " middle."
)
_LEFT, _RIGHT, _LETTERS = 0.5, 0.1, 46


@dataclass(frozen=True)
class Matrix:
    """A caption. words: k of them. redundancy, synergy: (k, k), nats, symmetric, NaN where two are no pair. total: (k,)."""

    caption: str
    words: Sequence[str]
    redundancy: np.ndarray
    synergy: np.ndarray
    total: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """(k, k): redundancy below the diagonal, synergy above it, NaN on it."""
        below = np.tri(len(self.words), k=-1, dtype=bool)
        return np.where(below, self.redundancy, np.where(below.T, self.synergy, np.nan))


def draw(matrices: Sequence[Matrix], dataset: str, measure: str) -> Figure:
    """One panel per caption, three in a row."""
    columns = min(3, len(matrices))
    width = panel_width(3, _LEFT, _RIGHT)
    with figure_style():
        figure, panels = panel_figure(
            [width] * len(matrices),
            columns=columns,
            width=width,
            left=_LEFT,
            right=_RIGHT,
            above=0.32,
            below=0.5,
            heading=HEADING,
            note=NOTE.format(dataset=dataset, measure=MEASURES[measure]),
        )
        for axes, matrix in zip(panels, matrices, strict=True):
            _draw_matrix(axes, matrix)
    return figure


def _draw_matrix(axes: Axes, matrix: Matrix) -> None:
    shown, count = matrix.shown, len(matrix.words)
    top = float(np.nanmax(np.abs(shown))) or 1.0
    axes.imshow(shown, cmap=colour_map(SIGNED), vmin=-top, vmax=top)
    axes.set_xticks(
        range(count), [shorten(word, 10) for word in matrix.words], rotation=40, ha="right", fontsize=SMALL_SIZE
    )
    axes.set_yticks(range(count), [shorten(word, 10) for word in matrix.words], fontsize=SMALL_SIZE)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row in range(count):
        for column in range(count):
            value = matrix.total[row] if row == column else shown[row, column]
            if np.isfinite(value):
                strong = row != column and abs(value) > 0.6 * top
                colour = MUTED if row == column else "white" if strong else "black"
                text = f"{value:.1f}".replace("-0.0", "0.0").replace("-", "−")
                axes.text(column, row, text, ha="center", va="center", fontsize=SMALL_SIZE, color=colour)
    axes.set_title(shorten(matrix.caption, _LETTERS), loc="left", fontsize=NOTE_SIZE, pad=5)
