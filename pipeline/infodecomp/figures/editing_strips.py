"""Figure: what an edited caption does to an image, and what CMI, MI and attention predicted; one strip per case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from infodecomp.figures.editing_layout import (
    AGREEMENTS,
    MISSES,
    Layout,
    Room,
    Strip,
    correlation,
    draw_map,
    draw_strips,
    number,
    scale_tops,
    write_beside,
)
from infodecomp.figures.style import MUTED, colour_map

HEADING = "Where does an edited caption change the image, and did CMI predict it?"
NOTE = (
    "{shown} of {edits:,} edits, chosen by the rank of r, the correlation of CMI and change over the pixels of the"
    " latent. A word of the caption is left out (struck through) or swapped (new word in blue). Reconstruction and"
    " edited image start from the same noise; change: squared difference of their latents. CMI: of the word given"
    " the rest of the caption, for a swap against the swapped caption. Under each map: its scale; in its corner:"
    " its total. CMI and MI of a strip share a scale, in nats per pixel of the latent; change and attention have no"
    " unit. Where change and CMI are both close to zero, as for a word that the rest of the caption implies, r"
    " means little."
)
HEADS = ("real", "reconstruction", "edited", "change", "CMI", "MI", "attention")

LAYOUT = Layout(
    heading=HEADING,
    note=NOTE,
    heads=HEADS,
    cell=0.92,
    gap=0.04,
    titles=0.45,
    line=0.135,
    below=0.28,  # colour bar under a map, with its numbers
    room=Room(left=0.02, right=0.02, above=0.1, below=0.02),
    caption_size=7.5,
    head_size=7.5,
    caption_above=3,
    characters=100,  # leaves room for r beside them
)


def draw(agreements: Sequence[Strip], misses: Sequence[Strip], palette: str, edits: int) -> Figure:
    """One strip per case: real | reconstruction | edited | change | CMI | MI | attention, under the edited caption.

    CMI and MI of a strip share a colour scale from 0, change has its own from 0, attention from its lowest to its
    highest value; the ends stand under each map. A map that stays below a twentieth of the figure's largest value is
    scaled to that twentieth, so that next to nothing looks like it. Totals stand in the corners of the maps.

    Args:
        agreements, misses: the strips of the two groups in their order; one of them may be empty.
        palette: of `figures.palette`.
        edits: among how many they were chosen, for the note.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    strips = [*agreements, *misses]
    titles = {0: AGREEMENTS} if agreements else {}
    titles |= {len(agreements): MISSES} if misses else {}
    change_tops = scale_tops([float(strip.change.max()) for strip in strips])
    information_tops = scale_tops([float(max(strip.cmi.max(), strip.mi.max())) for strip in strips])

    def draw_cells(cells: Sequence[Axes], index: int) -> None:
        draw_strip(cells, strips[index], colours, change_tops[index], information_tops[index])

    layout = replace(LAYOUT, note=NOTE.format(shown=len(strips), edits=edits))
    return draw_strips(strips, range(len(strips)), titles, 1, layout, draw_cells)


def scale_labels(low: float, high: float) -> tuple[str, str]:
    """The ends of a scale, the lower one with as many decimals as the upper one."""
    upper = number(high)
    return f"{low:.{len(upper.partition('.')[2])}f}" if low else "0", upper


def draw_strip(cells: Sequence[Axes], strip: Strip, colours: Colormap, change_top: float, nats_top: float) -> None:
    """A strip in its cells; change_top, nats_top: ends of the scales of the change, and of CMI and MI."""
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
    write_beside(cells[-1], 1.0, 1.0, 6.5, correlation(strip.r), "right", fontsize=LAYOUT.caption_size, color=MUTED)


def _write_corner(cell: Axes, text: str) -> None:
    shade = {"facecolor": "black", "alpha": 0.55, "linewidth": 0, "boxstyle": "square,pad=0.2"}
    cell.text(
        *(0.965, 0.035, text),
        transform=cell.transAxes,
        ha="right",
        va="bottom",
        fontsize=6,
        color="white",
        bbox=shade,
    )


def _draw_scale(cell: Axes, colours: Colormap, low: float, high: float) -> None:
    """A colour bar under a map with the values of its ends."""
    bar = cell.inset_axes((0.18, -0.085, 0.64, 0.045))
    bar.imshow(np.linspace(0, 1, 256)[None], cmap=colours, aspect="auto")
    bar.set(yticks=[])
    bar.set_xticks([0, 255], labels=scale_labels(low, high), fontsize=6, color=MUTED)
    bar.tick_params(length=0, pad=1.5)
    bar.spines[:].set_visible(False)
