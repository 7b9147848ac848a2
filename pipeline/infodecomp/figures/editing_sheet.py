"""Figure: many edited images at once: those whose change CMI predicts best, and those where it does worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from infodecomp.figures.style import MUTED, colour_map, draw_share_bar, figure_style

HEADING = "Edited images where CMI agrees with the change, and where it does not"
NOTE = (
    "{shown} of {edits:,} edits, chosen by the rank of r, the correlation of CMI and change over the pixels of the"
    " latent. Struck through: the word left out; blue: its replacement; unchanged: the reconstruction with the"
    " original caption. Under the maps: their totals. Where both are close to zero, as for a word that the rest of"
    " the caption implies, r means little."
)
SCALE = "share of the largest value of the map, change and CMI each; faint maps: of a twentieth of the largest of all"
HEADS = ("real", "unchanged", "edited", "change", "CMI")

LAYOUT = Layout(
    heading=HEADING,
    note=NOTE,
    heads=HEADS,
    cell=0.6,
    gap=0.025,
    titles=0.42,
    line=0.115,
    below=0.13,  # the line of totals
    room=Room(left=0.02, right=0.25, above=0.08, below=0.02),
    caption_size=6.5,
    head_size=6.5,
    caption_above=3,
    characters=58,
)
_COLUMNS = 2


def draw(agreements: Sequence[Strip], misses: Sequence[Strip], palette: str, edits: int) -> Figure:
    """Small strips of real | unchanged | edited | change | CMI in two columns, agreements above misses.

    Args:
        agreements, misses: the strips of the two groups in their order; one of them may be empty.
        palette: of `figures.palette`.
        edits: among how many they were chosen, for the note.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    strips = [*agreements, *misses]
    places, titles = list[int | None](), dict[int, str]()
    for title, first, count in ((AGREEMENTS, 0, len(agreements)), (MISSES, len(agreements), len(misses))):
        # Every strip of a group's first row has heads, and its first strip the title too.
        titles |= {first + index: title if index == 0 else "" for index in range(min(count, _COLUMNS))}
        places += [*range(first, first + count), *[None] * (-count % _COLUMNS)]  # the last row is filled up
    change_tops = scale_tops([float(strip.change.max()) for strip in strips])
    cmi_tops = scale_tops([float(strip.cmi.max()) for strip in strips])

    def draw_cells(cells: Sequence[Axes], index: int) -> None:
        _draw_cells(cells, strips[index], colours, change_tops[index], cmi_tops[index])

    layout = replace(LAYOUT, note=NOTE.format(shown=len(strips), edits=edits))
    figure = draw_strips(strips, places, titles, _COLUMNS, layout, draw_cells)
    with figure_style():
        draw_share_bar(figure, colours, SCALE)
    return figure


def _draw_cells(cells: Sequence[Axes], strip: Strip, colours: Colormap, change_top: float, cmi_top: float) -> None:
    for cell, picture in zip(cells, (strip.real, strip.unchanged, strip.edited), strict=False):
        cell.imshow(picture, interpolation="nearest")
    draw_map(cells[3], strip.change, colours, 0.0, change_top)
    draw_map(cells[4], strip.cmi, colours, 0.0, cmi_top)
    for cell, x, text, side in (
        (cells[0], 0.0, correlation(strip.r), "left"),
        (cells[3], 0.5, f"Σ {number(strip.change_total)}", "center"),
        (cells[4], 0.5, f"{number(strip.cmi_nats)} nats", "center"),
    ):
        write_beside(cell, x, 0.0, -8, text, side, fontsize=6, color=MUTED)
