"""Figure: image, MI, CMI and attention maps, and the object's mask, one row per case under its caption."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from infodecomp.figures.reading_order import visual_runs
from infodecomp.figures.style import (
    ACCENT,
    MUTED,
    PAGE,
    SMALL_SIZE,
    colour_map,
    draw_share_bar,
    figure_style,
    panel_figure,
)
from infodecomp.metrics.heatmaps import is_constant, min_max
from infodecomp.words.occurrences import find_word

CELL = 1.0  # inches, side of a picture in one column; in two, what the page leaves
STRIP = 0.42  # inches, height of the caption above it
ROWS_OF_ONE_COLUMN = 4  # more rows than this are set in two columns
CAPTION_SIZE = 7.0
_HEADS = 0.2  # inches, height of the heads of the columns
_GAP = 0.03  # inches, between two pictures
_GUTTER = 0.28  # inches, between two columns
_LETTERS_AN_INCH = 17.0  # of a caption

HEADING = "How informative is a word about each pixel?"
NOTE = (
    "{shown} of {n:,} cases of {dataset}, chosen {chosen}. MI: of the word alone; CMI: of the word given the rest of the"
    " caption; both iᵒ, on one scale, with totals over the image above the maps; above the image: the value that is 1 on"
    " that scale, in nats per pixel of the latent. Attention has no unit."
)
SCALE = "share of the largest value: of MI and CMI together, in nats per pixel of the latent; of attention"
CHOSEN = {
    True: "from the best IoU of CMI to the worst, down the columns",
    False: "by a hash, not by their maps",
}


@dataclass(frozen=True)
class Panel:
    """One row of the figure.

    Attributes:
        image: (H, W, 3) uint8, as the model sees it.
        caption: the full prompt.
        word: the word, as written in the caption.
        note: what to say of the word, such as its type or label.
        cmi, mi: (H, W), maps to draw, nats per pixel of the latent image, on one scale; None if not estimated.
        cmi_nats, mi_nats: totals over the latent image.
        attention: (H, W), any unit; None if not recorded.
        mask: (H, W) bool; None if the word has none.
        iou: IoU of the CMI map with the mask at the threshold of the table; None without a mask.
    """

    image: np.ndarray
    caption: str
    word: str
    note: str
    cmi: np.ndarray | None
    mi: np.ndarray | None
    cmi_nats: float
    mi_nats: float
    attention: np.ndarray | None
    mask: np.ndarray | None
    iou: float | None


def draw(panels: Sequence[Panel], palette: str, attention_name: str = "attention", note: str = "") -> Figure:
    """One row per case: image | MI | CMI | attention | mask.

    MI and CMI of a row share a scale from 0 to their joint maximum, so their colours compare; their totals in nats
    stand above them. Attention has no unit and is scaled alone. One colour bar serves all. The mask's outline is drawn
    on every map; its column is left out when no case has a mask.

    Args:
        panels: the rows, in order: down the first column, then down the second.
        palette: of `figures.palette`.
        attention_name: which attention is drawn, for the column's head.
        note: how to read the figure, from `note`.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    heads = ["image", "MI", "CMI", attention_name]
    if any(panel.mask is not None for panel in panels):
        heads.append("mask")
    columns = 2 if len(panels) > ROWS_OF_ONE_COLUMN else 1
    rows = max(-(-len(panels) // columns), 1)
    places = [column * rows + row for row in range(rows) for column in range(columns)]
    strips = [_HEADS + STRIP if place < columns else STRIP for place in range(len(places))]
    width = (PAGE - (columns - 1) * _GUTTER) / columns
    cell = (width - (len(heads) - 1) * _GAP) / len(heads) if columns == 2 else CELL
    with figure_style():
        figure, rooms = panel_figure(
            [strip + cell for strip in strips],
            columns=columns,
            width=width if columns == 2 else len(heads) * cell + (len(heads) - 1) * _GAP,
            left=0.0,
            right=_GUTTER if columns == 2 else 0.0,
            above=0.0,
            below=0.08,
            heading=HEADING,
            note=note,
        )
        for room, strip, index in zip(rooms, strips, places, strict=True):
            room.axis("off")
            if index < len(panels):
                head_row = heads if strip > STRIP else [""] * len(heads)
                _draw_row(figure, room, panels[index], cell, head_row, colours)
        draw_share_bar(figure, colours, SCALE)
    return figure


def note(shown: int, n: int, dataset: str, *, by_quality: bool) -> str:
    """How to read the figure: `shown` of the n cases of a dataset, and how they were chosen."""
    return NOTE.format(shown=shown, n=n, dataset=dataset, chosen=CHOSEN[by_quality])


def _draw_row(figure: Figure, room: Axes, panel: Panel, side: float, heads: Sequence[str], colours: Colormap) -> None:
    """Pictures of a case along the lower edge of its room, the caption above them."""
    place, (width, height) = room.get_position(), figure.get_size_inches()
    cells = [
        figure.add_axes((place.x0 + column * (side + _GAP) / width, place.y0, side / width, side / height))
        for column in range(len(heads))
    ]
    top = max((float(m.max()) for m in (panel.cmi, panel.mi) if m is not None), default=1.0)
    cells[0].imshow(panel.image)
    _draw_map(cells[1], panel.mi, panel, colours, top)
    _draw_map(cells[2], panel.cmi, panel, colours, top)
    attention = panel.attention
    if attention is not None and not is_constant(attention):
        attention = min_max(attention)
    _draw_map(cells[3], attention, panel, colours, 1.0)
    if len(cells) > 4:
        _draw_mask(cells[4], panel)
    over = [f"1 = {top:.2g}", _total(panel.mi, panel.mi_nats), _total(panel.cmi, panel.cmi_nats), "", ""]
    if panel.iou is not None:
        over[4] = f"CMI IoU {100 * panel.iou:.0f} %"
    for cell, head, text in zip(cells, heads, over, strict=False):
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
        cell.set_title(text, fontsize=SMALL_SIZE, color=MUTED, pad=2.0)
        if head:
            _write_over(cell, head, 0.5, 72 * STRIP, ha="center", fontsize=7.5, fontweight="bold")
    _write_caption(cells[0], panel, len(cells) * side)


def _write_over(cell: Axes, text: str, x: float, up: float, **style: Any) -> None:
    cell.annotate(
        text,
        xy=(x, 1.0),
        xytext=(0, up),
        xycoords="axes fraction",
        textcoords="offset points",
        va="bottom",
        annotation_clip=False,
        **style,
    )


def _total(heat: np.ndarray | None, nats: float) -> str:
    return "" if heat is None else f"{nats:.{1 if abs(nats) >= 10 else 2}f} nats"


def _draw_map(axes: Axes, heat: np.ndarray | None, panel: Panel, colours: Colormap, top: float) -> None:
    if heat is None:
        axes.set_facecolor("#F2F2F2")
        axes.text(0.5, 0.5, "no map", transform=axes.transAxes, ha="center", va="center", color=MUTED)
        axes.set_box_aspect(1)
        return
    axes.imshow(heat, cmap=colours, vmin=0.0, vmax=top if top > 0 else 1.0)
    if panel.mask is not None:
        _outline(axes, panel.mask, "white")


def _draw_mask(axes: Axes, panel: Panel) -> None:
    """The object in its colours, the rest faded."""
    if panel.mask is None:
        axes.axis("off")
        return
    grey = panel.image.mean(axis=2, keepdims=True)
    faded = np.broadcast_to(205 + 0.18 * grey, panel.image.shape)
    axes.imshow(np.where(panel.mask[:, :, None], panel.image, faded).astype(np.uint8))
    _outline(axes, panel.mask, "black")


def _outline(axes: Axes, mask: np.ndarray, colour: str) -> None:
    if mask.any() and not mask.all():
        # A border of zeros closes outlines that run along the edge of the picture.
        padded = np.pad(mask.astype(float), 1)
        rows, columns = (np.arange(-1, size + 1) for size in mask.shape)
        axes.contour(columns, rows, padded, levels=[0.5], colors=colour, linewidths=0.5)
        axes.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))


def _write_caption(axes: Axes, panel: Panel, width: float) -> None:
    """The caption with the word in bold colour, in at most two lines, and the note after it."""
    lines = caption_lines(panel.caption, panel.word, characters=int(width * _LETTERS_AN_INCH), most=2)
    spans = _find(" ".join(lines), panel.word)
    boxes: list[Artist] = []
    start = 0
    for index, line in enumerate(lines):
        pieces: list[Artist] = []
        parts = split_at(line, [(low - start, high - start) for low, high in spans[:1]])
        for part, text in visual_runs([text for text, _ in parts]):
            is_word = parts[part][1]
            weight, colour = ("bold", ACCENT) if is_word else ("normal", "black")
            style = {"fontsize": CAPTION_SIZE, "fontweight": weight, "color": colour}
            pieces.append(TextArea(text, textprops=style))
        if index == len(lines) - 1 and panel.note:
            pieces.append(TextArea(f"   {panel.note}", textprops={"fontsize": CAPTION_SIZE - 1, "color": MUTED}))
        boxes.append(HPacker(children=pieces, pad=0, sep=0, align="baseline"))
        start += len(line) + 1
    packed = VPacker(children=boxes, pad=0, sep=2, align="left")
    box = AnnotationBbox(
        packed,
        (0.0, 1.0),
        xybox=(0, 11),
        xycoords="axes fraction",
        boxcoords="offset points",
        box_alignment=(0, 0),
        frameon=False,
        pad=0,
        annotation_clip=False,
    )
    axes.add_artist(box)


def caption_lines(caption: str, word: str, characters: int, most: int) -> list[str]:
    """A caption wrapped to at most `most` lines of at most `characters`, with an ellipsis where it is cut.

    A caption in which the word comes too late is cut at its beginning too, so that the word is always shown.
    """
    text = " ".join(caption.split())
    lines = textwrap.wrap(text, characters, max_lines=most, placeholder=" …") or [""]
    spans = _find(text, word)
    if spans and not _find(" ".join(lines), word):
        begin = text.find(" ", max(spans[0][0] - characters, 0))
        lines = textwrap.wrap(f"…{text[begin:]}", characters, max_lines=most, placeholder=" …")
    return lines


def _find(text: str, word: str) -> list[tuple[int, int]]:
    word = " ".join(word.split())  # as in the text, whose spaces are made plain
    return find_word(text, word) or find_word(text, word, ignore_case=True)


def split_at(line: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Pieces of a line with whether they are in one of the spans; spans may begin or end outside the line."""
    pieces, end = [], 0
    for low, high in spans:
        low, high = min(max(low, 0), len(line)), min(max(high, 0), len(line))
        pieces += [(line[end:low], False), (line[low:high], True)]
        end = high
    return [piece for piece in [*pieces, (line[end:], False)] if piece[0]]
