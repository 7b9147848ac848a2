"""Figure: an image, its caption with every word in the colour of its nats, and the maps of three words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from infodecomp.figures.reading_order import visual_order
from infodecomp.figures.style import MUTED, PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure

HEADING = "How informative is each word about the image?"
NOTE = (
    "Colour of a word: its CMI iᵒ, its information about the whole image given the other words, in nats; under it"
    " the number with its standard error ({draws} draws). Maps: the same by pixel, for the {count} most informative"
    " words, on one scale."
)
SHOWN = 3  # words with maps

_CAPTION = 0.52  # inches, height of the caption with its numbers
_GAP = 0.06  # inches, between pictures
_BAR = 0.5  # inches, room of the colour bar to the right of the maps
_FULL_LINE = 40  # characters in a line of the caption


@dataclass(frozen=True)
class TeaserWord:
    """A word of the caption: its place (characters), its nats with their standard error, and its map (H, W)."""

    text: str
    spans: Sequence[tuple[int, int]]
    nats: float
    error: float
    heat: np.ndarray


@dataclass(frozen=True)
class _Piece:
    text: str
    word: TeaserWord | None
    counted: bool  # its number is written under this occurrence


def draw(image: np.ndarray, caption: str, words: Sequence[TeaserWord], palette: str, draws: int) -> Figure:
    """Image and maps in a row under the caption.

    Args:
        image: (H, W, 3) uint8, as the model sees it.
        caption: the prompt.
        words: every word of the caption.
        palette: of `figures.palette`.
        draws: number of draws of each number, for the note.

    Raises:
        InputError: there is no such colour map.
    """
    colours = colour_map(palette)
    shown = most_nats(words, SHOWN)
    nats = Normalize(0.0, max((word.nats for word in words), default=1.0) or 1.0)
    heat_top = max((float(word.heat.max()) for word in shown), default=1.0) or 1.0
    lines = caption_pieces(caption, words)
    side = (PAGE - _BAR - SHOWN * _GAP) / (SHOWN + 1)
    strip = _CAPTION * len(lines)
    with figure_style():
        figure, (room,) = panel_figure(
            [strip + 0.16 + side],
            columns=1,
            width=PAGE,
            left=0.0,
            right=0.0,
            above=0.02,
            below=0.04,
            heading=HEADING,
            note=NOTE.format(draws=draws, count=len(shown)),
        )
        room.axis("off")
        _write_caption(room, lines, colours, nats)
        place, (width, height) = room.get_position(), figure.get_size_inches()
        for column, word in enumerate((None, *shown)):
            cell = figure.add_axes((column * (side + _GAP) / width, place.y0, side / width, side / height))
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(False)
            if word is None:
                cell.imshow(image)
                continue
            cell.imshow(word.heat, cmap=colours, vmin=0.0, vmax=heat_top)
            cell.set_title(word.text, fontsize=8.5, fontweight="bold", pad=3)
        bar = figure.add_axes((1 - (_BAR - 0.06) / width, place.y0, 0.08 / width, side / height))
        scale = figure.colorbar(ScalarMappable(Normalize(0, heat_top), colours), cax=bar)
        scale.outline.set_visible(False)
        scale.ax.tick_params(labelsize=SMALL_SIZE, length=2, pad=1)
        scale.set_label("nats per pixel of the latent", fontsize=SMALL_SIZE, labelpad=2)
    return figure


def most_nats(words: Sequence[TeaserWord], count: int) -> list[TeaserWord]:
    """The most informative words, in the order of the caption."""
    chosen = sorted(words, key=lambda word: -word.nats)[:count]
    return [word for word in words if any(word is other for other in chosen)]


def caption_pieces(caption: str, words: Sequence[TeaserWord], characters: int = _FULL_LINE) -> list[list[_Piece]]:
    """A caption as words and the text between them, in lines of about `_FULL_LINE` characters."""
    places = sorted(
        ((span, word, number == 0) for word in words for number, span in enumerate(word.spans)),
        key=lambda place: place[0],
    )
    lines: list[list[_Piece]] = [[]]
    end = length = 0
    for (start, stop), word, first in places:
        between = " ".join(caption[end:start].split()) if caption[end:start].strip() else ""
        if length + stop - start > characters and lines[-1]:
            lines.append([])
            length = 0
        if between:
            lines[-1].append(_Piece(between, None, False))
        lines[-1].append(_Piece(caption[start:stop], word, first))
        length += stop - end
        end = stop
    rest = caption[end:].strip()
    if rest:
        lines[-1].append(_Piece(rest, None, False))
    return lines


def _write_caption(room: Axes, lines: Sequence[Sequence[_Piece]], colours: Colormap, nats: Normalize) -> None:
    rows: list[Artist] = [
        HPacker(
            children=[_written(line[index], colours, nats) for index in visual_order([piece.text for piece in line])],
            pad=0,
            sep=5,
            align="top",
        )
        for line in lines
    ]
    room.add_artist(
        AnnotationBbox(
            VPacker(children=rows, pad=0, sep=4, align="left"),
            (0.0, 1.0),
            xycoords="axes fraction",
            box_alignment=(0, 1),
            frameon=False,
            pad=0,
            annotation_clip=False,
        )
    )


def _written(piece: _Piece, colours: Colormap, nats: Normalize) -> VPacker:
    """A word on a field of its colour, its number under it."""
    style: dict[str, object] = {"fontsize": 14}
    number = " "
    if piece.word is not None:
        field = colours(float(nats(max(piece.word.nats, 0.0))))
        style |= {
            "color": _readable(field),
            "fontweight": "bold",
            "bbox": {"facecolor": field, "linewidth": 0, "boxstyle": "round,pad=0.22"},
        }
        if piece.counted:
            number = f"{piece.word.nats:.1f} ± {piece.word.error:.1f}"
    under = TextArea(number, textprops={"fontsize": SMALL_SIZE, "color": MUTED})
    return VPacker(children=[TextArea(piece.text, textprops=style), under], pad=3, sep=6, align="center")


def _readable(field: object) -> str:
    """Black or white letters, whichever is easier to read on a colour."""
    red, green, blue = to_rgb(field)  # type: ignore[arg-type]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
