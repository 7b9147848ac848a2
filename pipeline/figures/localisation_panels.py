"""Figure: image, CMI, MI and attention maps, and the object's mask, one row a case under its caption."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from pipeline.figures.style import ACCENT, MUTED, colour_map, figure_style
from pipeline.metrics.heatmaps import is_constant, min_max
from pipeline.words import find_word

CELL = 1.35  # inches, side of a picture
STRIP = 0.52  # inches, height of the caption above it
ROWS_OF_ONE_COLUMN = 6  # more rows than this are set in two columns
CAPTION_SIZE = 8.5


@dataclass(frozen=True)
class Panel:
    """One row of the figure.

    Attributes:
        image: (H, W, 3) uint8, as the model sees it.
        caption: the full prompt.
        word: the word asked for, as it stands in the caption.
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


def draw(panels: Sequence[Panel], palette: str, attention_name: str = "attention") -> Figure:
    """One row a case: image | CMI | MI | attention | mask.

    CMI and MI of a row share a scale from 0 to their joint maximum, so their colours compare; their totals in nats
    stand above them. Attention has no unit and is scaled alone. One colour bar serves all. The mask's outline is drawn
    on every map; its column is left out when no case has a mask.

    Args:
        panels: the rows, in order.
        palette: Matplotlib's name of a perceptually uniform colour map.
        attention_name: which attention is drawn, for the column's head.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    heads = ["image", "CMI", "MI", attention_name]
    if any(panel.mask is not None for panel in panels):
        heads.append("mask")
    columns = 2 if len(panels) > ROWS_OF_ONE_COLUMN else 1
    rows = max(-(-len(panels) // columns), 1)
    width, row_height, foot = len(heads) * CELL, CELL + STRIP, 0.5
    figure_width, figure_height = columns * width + (columns - 1) * 0.45 + 0.1, rows * row_height + foot + 0.3
    with figure_style():
        figure = Figure(figsize=(figure_width, figure_height))
        grid = figure.add_gridspec(
            rows,
            columns,
            left=0.05 / figure_width,
            right=1 - 0.05 / figure_width,
            bottom=foot / figure_height,
            top=1 - 0.3 / figure_height,
            wspace=0.45 / width,
            hspace=0.0,
        )
        for index, panel in enumerate(panels):
            # Down the first column, then down the second.
            place = grid[index % rows, index // rows]
            _draw_row(figure, place, panel, heads, colours, with_heads=index % rows == 0)
        _draw_colour_bar(figure, colours, figure_width, figure_height)
    return figure


def _draw_row(
    figure: Figure, place: SubplotSpec, panel: Panel, heads: list[str], colours: Colormap, *, with_heads: bool
) -> None:
    grid = GridSpecFromSubplotSpec(2, len(heads), place, height_ratios=[STRIP, CELL], hspace=0.0, wspace=0.04)
    strip = figure.add_subplot(grid[0, :])
    strip.axis("off")
    _write_caption(strip, panel, len(heads) * CELL)
    cells = [figure.add_subplot(grid[1, column]) for column in range(len(heads))]
    top = max((float(m.max()) for m in (panel.cmi, panel.mi) if m is not None), default=1.0)
    cells[0].imshow(panel.image, interpolation="nearest")
    _draw_map(cells[1], panel.cmi, panel, colours, top)
    _draw_map(cells[2], panel.mi, panel, colours, top)
    attention = panel.attention
    if attention is not None and not is_constant(attention):
        attention = min_max(attention)
    _draw_map(cells[3], attention, panel, colours, 1.0)
    if len(heads) > 4:
        _draw_mask(cells[4], panel)
    notes = ["", _total(panel.cmi, panel.cmi_nats), _total(panel.mi, panel.mi_nats), "", ""]
    if panel.iou is not None:
        notes[1] += f", IoU {100 * panel.iou:.0f} %"
    for cell, head, note in zip(cells, heads, notes, strict=False):
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
        cell.set_title(note, fontsize=7.5, color=MUTED, pad=2.0)
        if with_heads:
            cell.annotate(
                head,
                xy=(0.5, 1.0),
                xytext=(0, 41),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=10,
                fontweight="bold",
                annotation_clip=False,
            )


def _total(heat: np.ndarray | None, nats: float) -> str:
    return "" if heat is None else f"{nats:.{1 if abs(nats) >= 10 else 2}f} nats"


def _draw_map(axes: Axes, heat: np.ndarray | None, panel: Panel, colours: Colormap, top: float) -> None:
    if heat is None:
        axes.set_facecolor("#F2F2F2")
        axes.text(0.5, 0.5, "no map", transform=axes.transAxes, ha="center", va="center", color=MUTED)
        axes.set_box_aspect(1)
        return
    axes.imshow(heat, cmap=colours, vmin=0.0, vmax=top if top > 0 else 1.0, interpolation="nearest")
    if panel.mask is not None:
        _outline(axes, panel.mask, "white")


def _draw_mask(axes: Axes, panel: Panel) -> None:
    """The object in its colours, the rest faded."""
    if panel.mask is None:
        axes.axis("off")
        return
    grey = panel.image.mean(axis=2, keepdims=True)
    faded = np.broadcast_to(205 + 0.18 * grey, panel.image.shape)
    axes.imshow(np.where(panel.mask[:, :, None], panel.image, faded).astype(np.uint8), interpolation="nearest")
    _outline(axes, panel.mask, "black")


def _outline(axes: Axes, mask: np.ndarray, colour: str) -> None:
    if mask.any() and not mask.all():
        # A border of zeros closes outlines that run along the edge of the picture.
        padded = np.pad(mask.astype(float), 1)
        rows, columns = (np.arange(-1, size + 1) for size in mask.shape)
        axes.contour(columns, rows, padded, levels=[0.5], colors=colour, linewidths=0.7)
        axes.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))


def _write_caption(axes: Axes, panel: Panel, width: float) -> None:
    """The caption with the word in bold colour, in at most two lines, and the note after it."""
    lines = caption_lines(panel.caption, panel.word, characters=int(width * 13.5), most=2)
    spans = _find(" ".join(lines), panel.word)
    boxes: list[Artist] = []
    start = 0
    for index, line in enumerate(lines):
        pieces: list[Artist] = []
        for text, is_word in split_at(line, [(low - start, high - start) for low, high in spans[:1]]):
            weight, colour = ("bold", ACCENT) if is_word else ("normal", "black")
            # "$" would start Matplotlib's mathematics.
            style = {"fontsize": CAPTION_SIZE, "fontweight": weight, "color": colour, "parse_math": False}
            pieces.append(TextArea(text, textprops=style))
        if index == len(lines) - 1 and panel.note:
            pieces.append(TextArea(f"   {panel.note}", textprops={"fontsize": CAPTION_SIZE - 1, "color": MUTED}))
        boxes.append(HPacker(children=pieces, pad=0, sep=0, align="baseline"))
        start += len(line) + 1
    packed = VPacker(children=boxes, pad=0, sep=2, align="left")
    box = AnnotationBbox(
        packed,
        (0.0, 0.0),
        xybox=(0, 13),
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
    return find_word(text, word) or find_word(text, word, ignore_case=True)


def split_at(line: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Pieces of a line with whether they lie in one of the spans; spans may begin or end outside the line."""
    pieces, end = [], 0
    for low, high in spans:
        low, high = min(max(low, 0), len(line)), min(max(high, 0), len(line))
        pieces += [(line[end:low], False), (line[low:high], True)]
        end = high
    return [piece for piece in [*pieces, (line[end:], False)] if piece[0]]


def _draw_colour_bar(figure: Figure, colours: Colormap, width: float, height: float) -> None:
    length = min(3.2, 0.5 * width)
    axes = figure.add_axes(((width - length) / 2 / width, 0.33 / height, length / width, 0.1 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), colours), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.5, 1], labels=["0", "½", "1"])
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.set_label("share of the row's maximum (CMI and MI on one scale, attention on its own)", fontsize=8, labelpad=1)
