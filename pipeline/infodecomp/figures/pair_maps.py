"""Figure: two words' information about each pixel, decomposed: redundancy, unique to each, synergy; one row per pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.editing_layout import number, write_beside
from infodecomp.figures.style import ACCENT, MUTED, PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure, shorten
from infodecomp.metrics.partial_information import ATOMS

HEADING = "What do two words share, what is unique to each, and what do they carry only jointly?"
NOTE = (
    "{shown} of {n:,} pairs of words of {dataset}, from the least redundant to the most, at even ranks of their"
    " redundant share. Redundancy ({measure}), unique to the first and to the second word, and synergy of every"
    " pixel, iᵒ; left: of the words alone, right: given the rest of the caption. Orange: above zero, violet: below,"
    " white: zero; all maps of a row share a scale, whose end, in nats per pixel of the latent, is under its image."
    " Over the maps: the same quantities of the whole image, in nats, with standard errors."
)
MEASURES = {
    "ppid": "specificity less ambiguity",
    "min": "minimum",
    "ccs": "common change in surprisal",
}
SIGNED = "PuOr_r"  # zero in the middle, safe for the colour-blind
HEADS = ("redundancy", "unique 1", "unique 2", "synergy")

_CELLS = 1 + 2 * len(HEADS)
_GAP, _GUTTER = 0.03, 0.12  # inches, between two maps and between two blocks
_CELL = (PAGE - 2 * _GUTTER - (_CELLS - 3) * _GAP) / _CELLS
_CAPTION, _HEAD_ROOM = 0.33, 0.16  # inches, of the caption and the totals over a row, and of the heads
_LETTERS = 96  # of a caption


@dataclass(frozen=True)
class Row:
    """One pair of words.

    image: (H, W, 3) uint8. alone, given_rest: the atoms in their order, (4, h, w), nats a pixel. totals: (2, 4), those of
    the whole image alone and given the rest, nats; errors: (2, 4), their standard errors.
    """

    caption: str
    first: str
    second: str
    image: np.ndarray
    alone: np.ndarray
    given_rest: np.ndarray
    totals: np.ndarray
    errors: np.ndarray


def draw(rows: Sequence[Row], note: str) -> Figure:
    """image | four maps alone | four maps given the rest, one row per pair, on a signed scale with zero in the middle."""
    heights = [_HEAD_ROOM * (not index) + _CAPTION + _CELL for index in range(len(rows))]
    with figure_style():
        figure, panels = panel_figure(
            heights,
            columns=1,
            width=PAGE,
            left=0.0,
            right=0.0,
            above=0.05,
            below=0.12,
            heading=HEADING,
            note=note,
        )
        for index, (panel, row, height) in enumerate(zip(panels, rows, heights, strict=True)):
            panel.axis("off")
            _draw_row(panel, row, height, heads=index == 0)
    return figure


def note(shown: int, n: int, dataset: str, measure: str) -> str:
    """How to read the figure."""
    return NOTE.format(shown=shown, n=n, dataset=dataset, measure=MEASURES[measure])


def _draw_row(panel: Axes, row: Row, height: float, *, heads: bool) -> None:
    lefts = [k * (_CELL + _GAP) + (_GUTTER - _GAP) * ((k > 0) + (k > len(HEADS))) for k in range(_CELLS)]
    cells = [panel.inset_axes((left / PAGE, 0.0, _CELL / PAGE, _CELL / height)) for left in lefts]
    for cell in cells:
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set(visible=True, linewidth=0.4, color="#CCCCCC")
    cells[0].imshow(row.image, interpolation="nearest")
    maps = [*row.alone, *row.given_rest]
    top = max(float(np.abs(one).max()) for one in maps) or 1.0
    colours = colour_map(SIGNED)
    totals, errors = row.totals.ravel(), row.errors.ravel()
    for cell, heat, total, error in zip(cells[1:], maps, totals, errors, strict=True):
        cell.imshow(heat, cmap=colours, vmin=-top, vmax=top, interpolation="nearest")
        write_beside(cell, 0.5, 1.0, 2, f"{_nats(total)} ± {error:.1f}", "center", fontsize=SMALL_SIZE - 0.5)
    write_beside(cells[0], 0.5, 0.0, -6.5, f"± {number(top)} nats", "center", fontsize=SMALL_SIZE - 0.5, color=MUTED)
    style = {"fontsize": SMALL_SIZE + 1}
    write_beside(
        cells[0], 0.0, 1.0, 12, f"{row.first} + {row.second}", "left", color=ACCENT, fontweight="bold", **style
    )
    write_beside(cells[2], 0.0, 1.0, 12, shorten(row.caption, _LETTERS), "left", **style)
    if heads:
        for cell, head in zip(cells[1:], HEADS * 2, strict=True):
            write_beside(cell, 0.5, 1.0, 24, head, "center", fontsize=SMALL_SIZE + 0.5, fontweight="bold")
        for cell, head in ((cells[1], "alone"), (cells[1 + len(ATOMS)], "given the rest of the caption")):
            write_beside(cell, 0.0, 1.0, 33, head, "left", fontsize=SMALL_SIZE + 0.5, color=MUTED)


def _nats(value: float) -> str:
    return f"{value:.1f}".replace("-0.0", "0.0").replace("-", "−")
