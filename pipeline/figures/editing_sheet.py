"""Figure: many edited images at once, those in which CMI foretold the change best and those in which it did worst."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from pipeline.figures.edited_caption import caption_lines, edited_words, write_caption
from pipeline.figures.editing_strips import (
    AGREEMENTS,
    MISSES,
    Strip,
    correlation,
    draw_map,
    lines_of_rows,
    number,
    picture_cells,
    scale_tops,
    write_beside,
    write_titles,
)
from pipeline.figures.style import MUTED, colour_map, figure_style, panel_figure

HEADING = "Edited images in which CMI agrees with the change, and in which it misses"
NOTE = (
    "Chosen by the rank of r, the correlation of CMI and change over the pixels of the latent. Struck through: the word"
    " left out; blue: what stands in its place; unchanged: the reconstruction with the caption as it is. Colours run from 0"
    " to the largest value of a map, in faint maps to a twentieth of the largest of all."
)
HEADS = ("real", "unchanged", "edited", "change", "CMI")

_COLUMNS = 3
_CELL, _GAP = 0.66, 0.03  # inches, side of a picture and space between two
_TITLES = 0.5  # inches, title of a group and heads of its columns
_LINE = 0.135  # inches, a line of a caption
_TOTALS = 0.15  # inches, the line under the pictures
_WIDTH = len(HEADS) * _CELL + (len(HEADS) - 1) * _GAP
_CAPTION_SIZE = 7.0  # points
_CHARACTERS = 64  # in a line of a caption


def draw(agreements: Sequence[Strip], misses: Sequence[Strip], palette: str) -> Figure:
    """Small strips of real | unchanged | edited | change | CMI in three columns, agreements above misses.

    Args:
        agreements, misses: the strips of the two groups in their order; one of them may be empty.
        palette: Matplotlib's name of a perceptually uniform colour map.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    strips = [*agreements, *misses]
    lines = [caption_lines(edited_words(strip.before, strip.after), _CHARACTERS, 2) for strip in strips]
    places, titles = list[int | None](), dict[int, str]()
    for title, first, count in ((AGREEMENTS, 0, len(agreements)), (MISSES, len(agreements), len(misses))):
        # Every strip of a group's first row has heads, and its first strip the title too.
        titles |= {first + index: title if index == 0 else "" for index in range(min(count, _COLUMNS))}
        places += [*range(first, first + count), *[None] * (-count % _COLUMNS)]  # the last row is filled up
    captions = [_LINE * count for count in lines_of_rows(places, lines, _COLUMNS)]
    titled = [places[place - place % _COLUMNS] in titles for place in range(len(places))]
    heights = [_TITLES * first + caption + _CELL + _TOTALS for first, caption in zip(titled, captions, strict=True)]
    change_tops = scale_tops([float(strip.change.max()) for strip in strips])
    cmi_tops = scale_tops([float(strip.cmi.max()) for strip in strips])
    with figure_style():
        figure, panels = panel_figure(
            heights,
            columns=_COLUMNS,
            width=_WIDTH,
            left=0.02,
            right=0.22,
            above=0.08,
            below=0.02,
            heading=HEADING,
            note=NOTE,
        )
        for panel, index, caption, height in zip(panels, places, captions, heights, strict=True):
            panel.axis("off")
            if index is None:
                continue
            cells = picture_cells(panel, height, len(HEADS), _CELL, _GAP, _TOTALS)
            write_caption(cells[0], lines[index], size=_CAPTION_SIZE, above=3)
            _draw_strip(cells, strips[index], colours, change_tops[index], cmi_tops[index])
            if index in titles:
                write_titles(cells, HEADS, titles[index], 72 * caption, 7.5)
    return figure


def _draw_strip(cells: Sequence[Axes], strip: Strip, colours: Colormap, change_top: float, cmi_top: float) -> None:
    for cell, picture in zip(cells, (strip.real, strip.unchanged, strip.edited), strict=False):
        cell.imshow(picture, interpolation="nearest")
    draw_map(cells[3], strip.change, colours, 0.0, change_top)
    draw_map(cells[4], strip.cmi, colours, 0.0, cmi_top)
    for cell, x, text, side in (
        (cells[0], 0.0, correlation(strip.r), "left"),
        (cells[3], 0.5, f"Σ {number(strip.change_total)}", "center"),
        (cells[4], 0.5, f"{number(strip.cmi_nats)} nats", "center"),
    ):
        write_beside(cell, x, 0.0, -8, text, side, fontsize=6.5, color=MUTED)
