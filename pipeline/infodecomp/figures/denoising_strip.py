"""Figure: where along the log-SNR a word's nats arise: the noised image, and MI and CMI integrands, from noise to image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from infodecomp.figures.style import MUTED, PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure

HEADING = "At which noise level is each word informative?"
NOTE = (
    'Image {image}: "{caption}". Top: the noised image, decoded, at {count} log-SNRs α. Below: iᵒ integrands of'
    " MI and CMI of the word at each, mean of {noises} noises. Last column: their integral over α, {draws} draws, with"
    " its total. Left: the scale of a word's integrands; right: of its integrals; per pixel of the latent."
)

_GAP = 0.03  # inches, between pictures
_NAMES = 0.62  # inches, for the names of the rows and the scale of the integrands
_WIDER = 0.1  # inches, more room before the integral
_SCALE = 0.44  # inches, for the scale of the integrals
_BAR = 0.05  # inches, width of a colour bar


@dataclass(frozen=True)
class StripWord:
    """Maps of one word: integrands (K, h, w) at each log-SNR, integrals (h, w), and totals in nats."""

    text: str
    mi_levels: np.ndarray
    cmi_levels: np.ndarray
    mi: np.ndarray
    cmi: np.ndarray


def draw(
    noised: np.ndarray, logsnr: np.ndarray, image: np.ndarray, words: Sequence[StripWord], palette: str, note: str
) -> Figure:
    """A row of noised pictures, and two rows of maps for each word.

    MI and CMI of a word share a scale, so that their colours compare.

    Args:
        noised: (K, H, W, 3) uint8.
        logsnr: (K,), ascending.
        image: (H, W, 3) uint8, without noise.
        words: whose maps are drawn.
        palette: of `figures.palette`.
        note: from `NOTE`.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    count = len(logsnr)
    side = (PAGE - _NAMES - _WIDER - _SCALE - count * _GAP) / (count + 1)
    heights = [side + 0.16, *([2 * side + _GAP + 0.26] * len(words))]
    with figure_style():
        figure, rooms = panel_figure(
            heights, columns=1, width=PAGE, left=0.0, right=0.0, above=0.0, below=0.04, heading=HEADING, note=note
        )
        for room in rooms:
            room.axis("off")
        pictures = _cells(figure, rooms[0], side, count + 1, 0)
        for cell, picture, level in zip(pictures, noised, logsnr, strict=False):
            cell.imshow(picture)
            cell.set_title(f"α = {level:.1f}".replace("-", "−"), fontsize=SMALL_SIZE, color=MUTED, pad=2)
        pictures[-1].imshow(image)
        pictures[-1].set_title("no noise", fontsize=SMALL_SIZE, color=MUTED, pad=2)
        for room, word in zip(rooms[1:], words, strict=True):
            _draw_word(figure, room, side, word, colours)
    return figure


def _draw_word(figure: Figure, room: Axes, side: float, word: StripWord, colours: Colormap) -> None:
    """Two rows of maps in the room of a word."""
    count = len(word.mi_levels)
    level_top = float(max(word.mi_levels.max(), word.cmi_levels.max())) or 1.0
    total_top = float(max(word.mi.max(), word.cmi.max())) or 1.0
    for row, (name, levels, total) in enumerate((("MI", word.mi_levels, word.mi), ("CMI", word.cmi_levels, word.cmi))):
        cells = _cells(figure, room, side, count + 1, 1 - row)
        for cell, heat in zip(cells, levels, strict=False):
            cell.imshow(heat, cmap=colours, vmin=0.0, vmax=level_top)
        if row == 0:
            cells[-1].set_title("integral", fontsize=SMALL_SIZE, color=MUTED, pad=2)
        cells[-1].imshow(total, cmap=colours, vmin=0.0, vmax=total_top)
        cells[-1].text(
            *(0.96, 0.05, f"{total.sum():.2f} nats"),
            transform=cells[-1].transAxes,
            ha="right",
            va="bottom",
            fontsize=5.0,
            color="white",
            bbox={"facecolor": "black", "alpha": 0.55, "linewidth": 0, "boxstyle": "square,pad=0.2"},
        )
        cells[0].annotate(
            name,
            xy=(0, 0.5),
            xytext=(-29, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7.5,
            annotation_clip=False,
        )
    top = room.get_position()
    figure.text(top.x0, top.y1 - 0.15 / figure.get_figheight(), word.text, fontsize=8.5, fontweight="bold")
    _draw_scale(figure, room, side, colours, level_top, x=_NAMES - 0.1, ticks="left", label="nats per unit of α")
    end = _NAMES + count * (side + _GAP) + _WIDER + side
    _draw_scale(figure, room, side, colours, total_top, x=end + 0.05, ticks="right", label="nats")


def _cells(figure: Figure, room: Axes, side: float, count: int, row: int) -> list[Axes]:
    """Cells of one row over the lower edge of a room, row 0 the lowest; the last is set a little apart."""
    place, (width, height) = room.get_position(), figure.get_size_inches()
    cells = []
    for column in range(count):
        x = _NAMES + column * (side + _GAP) + (_WIDER if column == count - 1 else 0.0)
        cell = figure.add_axes((x / width, place.y0 + row * (side + _GAP) / height, side / width, side / height))
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
        cells.append(cell)
    return cells


def _draw_scale(
    figure: Figure, room: Axes, side: float, colours: Colormap, top: float, *, x: float, ticks: str, label: str
) -> None:
    """A scale of a word, upright at x inches beside its two rows, numbers and unit on the side `ticks`."""
    place, (width, height) = room.get_position(), figure.get_size_inches()
    axes = figure.add_axes((x / width, place.y0, _BAR / width, (2 * side + _GAP) / height))
    bar = figure.colorbar(ScalarMappable(Normalize(0, top), colours), cax=axes, ticklocation=ticks)
    bar.outline.set_visible(False)
    bar.set_ticks([0, top], labels=["0", f"{top:#.2g}"])
    bar.ax.tick_params(labelsize=5.0, length=0, pad=1)
    bar.set_label(label, fontsize=5.0, labelpad=1, color=MUTED)
