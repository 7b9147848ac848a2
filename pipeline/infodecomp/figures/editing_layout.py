"""What the figures of edited images share: a strip of pictures and maps under its caption, and the layout of strips.

Strips stand in groups, agreements of CMI and change and misses, each under its title and the heads of its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from infodecomp.figures.edited_caption import caption_lines, edited_words, write_caption
from infodecomp.figures.style import figure_style, panel_figure

AGREEMENTS = "Clearest agreements of CMI and change"
MISSES = "Clearest misses"

# A map whose largest value is below this share of the figure's largest is drawn dark, not stretched to full contrast.
FAINT = 0.05

_CAPTION_LINES = 2  # most lines of a caption


@dataclass(frozen=True)
class Strip:
    """One edited image.

    Attributes:
        before, after: the caption as it was and as it was edited.
        real, unchanged, edited: (H, W, 3) uint8: the image, its reconstruction, and the edited reconstruction.
        change: (H, W), map to draw, squared latent difference of unchanged and edited, summed over channels.
        cmi, mi: (H, W), maps to draw, nats per pixel of the latent image.
        attention: (H, W), any unit.
        change_total: sum of the change over the latent image.
        cmi_nats, mi_nats: totals over the latent image.
        r: correlation of CMI and change over the pixels of the latent image.
    """

    before: str
    after: str
    real: np.ndarray
    unchanged: np.ndarray
    edited: np.ndarray
    change: np.ndarray
    cmi: np.ndarray
    mi: np.ndarray
    attention: np.ndarray
    change_total: float
    cmi_nats: float
    mi_nats: float
    r: float


class Room(NamedTuple):
    """Free room around every strip, inches."""

    left: float
    right: float
    above: float
    below: float


@dataclass(frozen=True)
class Layout:
    """How the strips of a figure are set; lengths in inches, sizes of letters and `caption_above` in points.

    Attributes:
        heading, note: over the figure.
        heads: over the cells of a strip.
        cell, gap: side of a cell, and space between two.
        titles: height of a group's title and the heads under it.
        line: height of a line of a caption.
        below: room under the cells for what is written there.
        room: around every strip.
        caption_size, head_size: of letters.
        caption_above: from the cells up to the last line of the caption.
        characters: in a line of a caption.
    """

    heading: str
    note: str
    heads: Sequence[str]
    cell: float
    gap: float
    titles: float
    line: float
    below: float
    room: Room
    caption_size: float
    head_size: float
    caption_above: float
    characters: int

    @property
    def width(self) -> float:
        """Of a strip."""
        return len(self.heads) * self.cell + (len(self.heads) - 1) * self.gap


def draw_strips(
    strips: Sequence[Strip],
    places: Sequence[int | None],
    titles: Mapping[int, str],
    columns: int,
    layout: Layout,
    draw_cells: Callable[[Sequence[Axes], int], None],
) -> Figure:
    """Strips in rows of columns, each under its caption.

    Args:
        strips: what there is to draw.
        places: which strip goes to each place, row by row; None for an empty place.
        titles: strip → title of the group over it, "" for the heads of the columns alone. Where the first strip of a row
            has one, all strips of that row have one.
        columns: of strips.
        layout: of a strip.
        draw_cells: draws the strip of a number in its cells.
    """
    lines = [
        caption_lines(edited_words(strip.before, strip.after), layout.characters, _CAPTION_LINES) for strip in strips
    ]
    captions = [layout.line * count for count in lines_of_rows(places, lines, columns)]
    titled = [places[place - place % columns] in titles for place in range(len(places))]
    heights = [
        layout.titles * first + caption + layout.cell + layout.below
        for first, caption in zip(titled, captions, strict=True)
    ]
    with figure_style():
        figure, panels = panel_figure(
            heights,
            columns=columns,
            width=layout.width,
            **layout.room._asdict(),
            heading=layout.heading,
            note=layout.note,
        )
        for panel, index, caption, height in zip(panels, places, captions, heights, strict=True):
            panel.axis("off")
            if index is None:
                continue
            cells = _picture_cells(panel, height, layout)
            write_caption(cells[0], lines[index], size=layout.caption_size, above=layout.caption_above)
            draw_cells(cells, index)
            if index in titles:
                _write_titles(cells, layout.heads, titles[index], 72 * caption, layout.head_size)
    return figure


def lines_of_rows(places: Sequence[int | None], lines: Sequence[Sequence[object]], columns: int) -> list[int]:
    """Lines of the longest caption in the row of each place, so that rows have one height in all columns.

    `places` names the strip of each place, row by row, `lines` holds the lines of each strip's caption.
    """
    counts = [0 if index is None else len(lines[index]) for index in places]
    starts = [place - place % columns for place in range(len(counts))]
    return [max(counts[start : start + columns]) for start in starts]


def scale_tops(largest: Sequence[float]) -> list[float]:
    """Upper ends of colour scales from the largest values of maps: these, or a twentieth of the largest of all."""
    faint = FAINT * max(largest, default=0.0)
    return [max(value, faint) for value in largest]


def draw_map(axes: Axes, heat: np.ndarray, colours: Colormap, low: float, high: float) -> None:
    """A map in colours from `low` to `high`; a constant map has the darkest."""
    axes.imshow(heat, cmap=colours, vmin=low, vmax=high if high > low else low + 1.0, interpolation="nearest")


def write_beside(axes: Axes, x: float, y: float, up: float, text: str, side: str, **style: Any) -> None:
    """A text `up` points above the point (x, y) of a panel, axes fraction; `side` is the text's side at that point."""
    axes.annotate(
        text,
        xy=(x, y),
        xytext=(0, up),
        xycoords="axes fraction",
        textcoords="offset points",
        ha=side,
        va="baseline",
        annotation_clip=False,
        **style,
    )


def number(value: float) -> str:
    """A value of any size with two or three digits."""
    size = abs(value)
    places = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2
    text = f"{value:,.{places}f}" if size >= 0.1 or value == 0 else f"{value:.2g}"
    return text.replace("-", "−")


def correlation(r: float) -> str:
    """A correlation such as "r = −0.12"."""
    return f"r = {r:.2f}".replace("-", "−")


def _picture_cells(panel: Axes, height: float, layout: Layout) -> list[Axes]:
    """Square cells side by side across a panel with this height in inches, over the room below them."""
    side, width = layout.cell, layout.width
    cells = [
        panel.inset_axes((column * (side + layout.gap) / width, layout.below / height, side / width, side / height))
        for column in range(len(layout.heads))
    ]
    for cell in cells:
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
    return cells


def _write_titles(cells: Sequence[Axes], heads: Sequence[str], title: str, above: float, size: float) -> None:
    """The title of a group and, under it, the heads of its columns, `above` points over the pictures."""
    for cell, head in zip(cells, heads, strict=True):
        write_beside(cell, 0.5, 1.0, above + 9, head, "center", fontsize=size, fontweight="bold")
    if title:
        write_beside(cells[0], 0.0, 1.0, above + size + 14, title, "left", fontsize=8.5, fontweight="bold")
