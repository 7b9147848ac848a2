"""Figure: which pixels each factor, or dimension of a code, speaks about: exact maps beside those of a trained decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.editing_layout import write_beside
from infodecomp.figures.style import MUTED, PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure, shorten

HEADING = "Which pixels does each part of a description speak about?"
NOTE = (
    "{model}: {shown} images, a column for each part. Above a map: its sum, iᵒ in nats. {lines} The maps in a column of an"
    " image share a scale from 0 to the number below them, in nats per pixel."
)
# Parts that fit on a page.
MOST_PARTS = 8
_GAP, _HEAD = 0.03, 0.16  # inches, between cells, and of the numbers above them


@dataclass(frozen=True)
class MapRow:
    """One image: its picture, (H, W, 3) uint8, and lines of maps, label → (parts, h, w), nats."""

    picture: np.ndarray
    lines: dict[str, np.ndarray]


def draw(rows: Sequence[MapRow], parts: Sequence[str], model: str, palette: str) -> Figure:
    """The picture and its maps, one below the other for each line.

    >>> row = MapRow(np.zeros((2, 2, 3), dtype=np.uint8), {"exact": np.ones((1, 2, 2))})
    >>> len(draw([row], ["tint"], "factors", "cividis").axes) > 0
    True
    """
    shown, labels = parts[:MOST_PARTS], list(rows[0].lines)
    cell = (PAGE - 0.5 - len(shown) * _GAP) / (len(shown) + 1)
    cell = min(cell, 0.8)
    heights = [len(labels) * (cell + _HEAD) for _ in rows]
    with figure_style():
        figure, panels = panel_figure(
            heights,
            columns=1,
            width=(len(shown) + 1) * (cell + _GAP) + 0.5,
            left=0.0,
            right=0.0,
            above=0.16,
            below=0.1,
            heading=HEADING,
            note=NOTE.format(model=model, shown=len(rows), lines=_meaning(labels)),
        )
        for number, (panel, row, height) in enumerate(zip(panels, rows, heights, strict=True)):
            panel.axis("off")
            _draw_row(panel, row, shown, cell, height, palette, heads=number == 0)
    return figure


def _meaning(labels: Sequence[str]) -> str:
    meanings = {
        "alone": "Alone: what the part says by itself, MI.",
        "given rest": "Given rest: what it adds when all other parts are known, CMI.",
        "exact": "Exact: what the part adds when all others are known, CMI, by Bayes' rule.",
        "model": "Model: the same by the trained decoder.",
    }
    return " ".join(meanings[label] for label in labels)


def _draw_row(
    panel: Axes, row: MapRow, parts: Sequence[str], cell: float, height: float, palette: str, *, heads: bool
) -> None:
    width = (len(parts) + 1) * (cell + _GAP) + 0.5
    tops = [max(float(maps[k].max()) for maps in row.lines.values()) or 1.0 for k in range(len(parts))]

    def place(column: int, line: int) -> Axes:
        left = column * (cell + _GAP) + (0.5 if column else 0.0)
        bottom = height - (line + 1) * (cell + _HEAD)
        axes = panel.inset_axes((left / width, bottom / height, cell / width, cell / height))
        axes.axis("off")
        return axes

    picture = place(0, 0)
    picture.imshow(row.picture, interpolation="nearest")
    for line, (label, maps) in enumerate(row.lines.items()):
        for column, (part, heat) in enumerate(zip(parts, maps, strict=False), start=1):
            axes = place(column, line)
            axes.imshow(heat, cmap=colour_map(palette), vmin=0, vmax=tops[column - 1], interpolation="nearest")
            write_beside(axes, 0.5, 1.0, 2, f"{heat.sum():.1f}", "center", fontsize=SMALL_SIZE - 0.5)
            if heads and line == 0:
                write_beside(axes, 0.5, 1.0, 10, shorten(part, 12), "center", fontsize=SMALL_SIZE + 0.5)
            if line == len(row.lines) - 1:
                end = f"{tops[column - 1]:.2g}"
                write_beside(axes, 0.5, 0.0, -6.5, end, "center", fontsize=SMALL_SIZE - 0.5, color=MUTED)
            if column == 1:
                write_beside(axes, -0.06, 0.5, 0, label, "right", fontsize=SMALL_SIZE, color=MUTED)
