"""Figure: what an edited caption does to an image, and what CMI, MI and attention foretold of it, one strip a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from pipeline.figures.edited_caption import caption_lines, edited_words, write_caption
from pipeline.figures.style import MUTED, colour_map, figure_style, panel_figure

HEADING = "Where does an edited caption change the image, and did CMI foretell it?"
NOTE = (
    "A word of the caption is left out (struck through) or swapped (the new word in blue). Reconstruction and edited image"
    " come from the same noise; change is the squared difference of their latents. CMI is of the word given the rest of the"
    " caption, in a swap against the swapped caption. r: correlation of CMI and change over the pixels of the latent."
    " Under each map stands its scale; CMI and MI of a strip share one."
)
AGREEMENTS = "Clearest agreements of CMI and change"
MISSES = "Clearest misses"
HEADS = ("real", "reconstruction", "edited", "change", "CMI", "MI", "attention")

STRIPS_OF_ONE_COLUMN = 6  # more strips than this are set in two columns: agreements left, misses right

# A map whose largest value is below this share of the figure's largest is drawn dark, not stretched to full contrast.
FAINT = 0.05

_CELL, _GAP = 1.12, 0.05  # inches, side of a picture and space between two
_TITLES = 0.56  # inches, title of a group and heads of its columns
_LINE = 0.17  # inches, a line of a caption
_SCALE = 0.32  # inches, colour bar under a map, with its numbers
_WIDTH = len(HEADS) * _CELL + (len(HEADS) - 1) * _GAP
_CAPTION_SIZE = 8.5  # points
_CHARACTERS = 110  # in a line of a caption, beside which r stands


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


def draw(agreements: Sequence[Strip], misses: Sequence[Strip], palette: str) -> Figure:
    """One strip a case: real | reconstruction | edited | change | CMI | MI | attention, under the edited caption.

    CMI and MI of a strip share a colour scale from 0, change has its own from 0, attention from its lowest to its
    highest value; the ends stand under each map. A map that stays below a twentieth of the figure's largest value is
    scaled to that twentieth, so that next to nothing looks like it. Totals stand in the corners of the maps.

    Args:
        agreements, misses: the strips of the two groups in their order; one of them may be empty.
        palette: Matplotlib's name of a perceptually uniform colour map.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    strips = [*agreements, *misses]
    lines = [caption_lines(edited_words(strip.before, strip.after), _CHARACTERS, 2) for strip in strips]
    columns = 2 if len(strips) > STRIPS_OF_ONE_COLUMN and agreements and misses else 1
    places = _places(len(agreements), len(misses), columns)
    titles = {0: AGREEMENTS} if agreements else {}
    titles |= {len(agreements): MISSES} if misses else {}
    captions = [_LINE * count for count in lines_of_rows(places, lines, columns)]
    heights = [
        _TITLES * (index in titles) + caption + _CELL + _SCALE for index, caption in zip(places, captions, strict=True)
    ]
    change_tops = scale_tops([float(strip.change.max()) for strip in strips])
    information_tops = scale_tops([float(max(strip.cmi.max(), strip.mi.max())) for strip in strips])
    with figure_style():
        figure, panels = panel_figure(
            heights,
            columns=columns,
            width=_WIDTH,
            left=0.02,
            right=0.4 if columns == 2 else 0.02,
            above=0.1,
            below=0.02,
            heading=HEADING,
            note=NOTE,
        )
        for panel, index, caption, height in zip(panels, places, captions, heights, strict=True):
            panel.axis("off")
            if index is None:
                continue
            cells = picture_cells(panel, height, len(HEADS), _CELL, _GAP, _SCALE)
            write_caption(cells[0], lines[index], size=_CAPTION_SIZE, above=4)
            _draw_strip(cells, strips[index], colours, change_tops[index], information_tops[index])
            if index in titles:
                write_titles(cells, HEADS, titles[index], 72 * caption, 9)
    return figure


def lines_of_rows(places: Sequence[int | None], lines: Sequence[Sequence[object]], columns: int) -> list[int]:
    """Lines of the longest caption in the row of each place, so that a row is equally high in every column.

    `places` names the strip of each place, row by row, `lines` holds the lines of each strip's caption.
    """
    counts = [0 if index is None else len(lines[index]) for index in places]
    starts = [place - place % columns for place in range(len(counts))]
    return [max(counts[start : start + columns]) for start in starts]


def scale_tops(largest: Sequence[float]) -> list[float]:
    """Upper ends of colour scales from the largest values of maps: these, or a twentieth of the largest of all."""
    faint = FAINT * max(largest, default=0.0)
    return [max(value, faint) for value in largest]


def picture_cells(panel: Axes, height: float, count: int, side: float, gap: float, below: float) -> list[Axes]:
    """Square cells side by side across a panel of so many inches in height, `below` inches above its lower edge."""
    width = count * side + (count - 1) * gap
    cells = [
        panel.inset_axes((column * (side + gap) / width, below / height, side / width, side / height))
        for column in range(count)
    ]
    for cell in cells:
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
    return cells


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


def write_titles(cells: Sequence[Axes], heads: Sequence[str], title: str, above: float, size: float) -> None:
    """The title of a group and, under it, the heads of its columns, `above` points over the pictures."""
    for cell, head in zip(cells, heads, strict=True):
        write_beside(cell, 0.5, 1.0, above + 9, head, "center", fontsize=size, fontweight="bold")
    if title:
        write_beside(cells[0], 0.0, 1.0, above + size + 17, title, "left", fontsize=10.5, fontweight="bold")


def number(value: float) -> str:
    """A value of any size with two or three digits."""
    size = abs(value)
    places = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2
    text = f"{value:,.{places}f}" if size >= 0.1 or value == 0 else f"{value:.2g}"
    return text.replace("-", "−")


def scale_labels(low: float, high: float) -> tuple[str, str]:
    """The ends of a scale, the lower one with as many decimals as the upper one."""
    upper = number(high)
    return f"{low:.{len(upper.partition('.')[2])}f}" if low else "0", upper


def correlation(r: float) -> str:
    """A correlation such as "r = −0.12"."""
    return f"r = {r:.2f}".replace("-", "−")


def _places(agreements: int, misses: int, columns: int) -> list[int | None]:
    """Which strip stands at each place: group after group, or in two columns side by side; None for an empty place."""
    first, second = range(agreements), range(agreements, agreements + misses)
    if columns == 1:
        return [*first, *second]
    return [index for pair in zip_longest(first, second) for index in pair]


def _draw_strip(cells: Sequence[Axes], strip: Strip, colours: Colormap, change_top: float, nats_top: float) -> None:
    for cell, picture in zip(cells, (strip.real, strip.unchanged, strip.edited), strict=False):
        cell.imshow(picture, interpolation="nearest")
    low, high = float(strip.attention.min()), float(strip.attention.max())
    for cell, heat, ends, corner in (
        (cells[3], strip.change, (0.0, change_top), f"Σ {number(strip.change_total)}"),
        (cells[4], strip.cmi, (0.0, nats_top), f"{number(strip.cmi_nats)} nats"),
        (cells[5], strip.mi, (0.0, nats_top), f"{number(strip.mi_nats)} nats"),
        (cells[6], strip.attention, (low, high), ""),
    ):
        draw_map(cell, heat, colours, *ends)
        _draw_scale(cell, colours, *ends)
        if corner:
            _write_corner(cell, corner)
    write_beside(cells[-1], 1.0, 1.0, 6.5, correlation(strip.r), "right", fontsize=_CAPTION_SIZE, color=MUTED)


def _write_corner(cell: Axes, text: str) -> None:
    shade = {"facecolor": "black", "alpha": 0.55, "linewidth": 0, "boxstyle": "square,pad=0.2"}
    cell.text(
        *(0.965, 0.035, text),
        transform=cell.transAxes,
        ha="right",
        va="bottom",
        fontsize=7,
        color="white",
        bbox=shade,
    )


def _draw_scale(cell: Axes, colours: Colormap, low: float, high: float) -> None:
    """A colour bar under a map with the values of its ends."""
    bar = cell.inset_axes((0.18, -0.085, 0.64, 0.045))
    bar.imshow(np.linspace(0, 1, 256)[None], cmap=colours, aspect="auto")
    bar.set(yticks=[])
    bar.set_xticks([0, 255], labels=scale_labels(low, high), fontsize=6.5, color=MUTED)
    bar.tick_params(length=0, pad=1.5)
    bar.spines[:].set_visible(False)
