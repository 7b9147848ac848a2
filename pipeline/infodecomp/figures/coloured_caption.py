"""A caption whose words stand on fields in the colours of their nats, with the numbers under them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, to_rgb
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from infodecomp.figures.reading_order import visual_order
from infodecomp.figures.style import MUTED, SMALL_SIZE

LINE = 0.52  # inches, height of a line of the caption with its numbers
FULL_LINE = 40  # characters in a line of the caption


@dataclass(frozen=True)
class CaptionWord:
    """A word of the caption: its places (characters), its nats with their standard error. `nats` None: it has none."""

    text: str
    spans: Sequence[tuple[int, int]]
    nats: float | None
    error: float


@dataclass(frozen=True)
class Piece:
    """A part of a line: a word, or the text between words (`word` None). counted: its number is written under it."""

    text: str
    word: CaptionWord | None
    counted: bool


def caption_pieces(caption: str, words: Sequence[CaptionWord], characters: int = FULL_LINE) -> list[list[Piece]]:
    """A caption as words and the text between them, in lines of about as many characters."""
    places = sorted(
        ((span, word, number == 0) for word in words for number, span in enumerate(word.spans)),
        key=lambda place: place[0],
    )
    lines: list[list[Piece]] = [[]]
    end = length = 0
    for (start, stop), word, first in places:
        between = " ".join(caption[end:start].split()) if caption[end:start].strip() else ""
        if length + stop - start > characters and lines[-1]:
            lines.append([])
            length = 0
        if between:
            lines[-1].append(Piece(between, None, False))
        lines[-1].append(Piece(caption[start:stop], word, first))
        length += stop - end
        end = stop
    rest = caption[end:].strip()
    if rest:
        lines[-1].append(Piece(rest, None, False))
    return lines


def write_caption(room: Axes, lines: Sequence[Sequence[Piece]], colours: Colormap, nats: Normalize) -> None:
    """Write lines of a caption at the top of a panel, flush with its left edge."""
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


def readable(field: object) -> str:
    """Black or white letters, whichever is easier to read on a colour.

    >>> readable("yellow"), readable("navy")
    ('black', 'white')
    """
    red, green, blue = to_rgb(field)  # type: ignore[arg-type]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def decimals(error: float) -> int:
    """Decimals of a number with this standard error: one, or more where the error would read 0.0.

    >>> decimals(0.3), decimals(0.04), decimals(0.004)
    (1, 2, 3)
    """
    return next((places for places in (1, 2) if not 0 < error < 0.95 * 10**-places), 3)


def rounded(value: float, places: int) -> str:
    """A number with a real minus sign, which zero never has.

    >>> rounded(-4.04, 1), rounded(-0.04, 1)
    ('−4.0', '0.0')
    """
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def with_error(value: float, error: float) -> str:
    """A number with its standard error, to the same decimal; without an error that is unknown.

    >>> with_error(-4.04, 0.3), with_error(0.071, 0.03), with_error(-0.02, float("nan"))
    ('−4.0 ± 0.3', '0.07 ± 0.03', '0.0')
    """
    places = decimals(error)
    shown = rounded(value, places)
    return f"{shown} ± {error:.{places}f}" if math.isfinite(error) else shown


def _written(piece: Piece, colours: Colormap, nats: Normalize) -> VPacker:
    """A word on a field of its colour, its number under it."""
    style: dict[str, object] = {"fontsize": 14}
    number = " "
    if piece.word is not None and piece.word.nats is not None:
        field = colours(float(nats(max(piece.word.nats, float(nats.vmin or 0.0)))))
        style |= {
            "color": readable(field),
            "fontweight": "bold",
            "bbox": {"facecolor": field, "linewidth": 0, "boxstyle": "round,pad=0.22"},
        }
        if piece.counted:
            number = with_error(piece.word.nats, piece.word.error)
    elif piece.word is not None:
        style["color"] = MUTED
        number = "not measured"
    under = TextArea(number, textprops={"fontsize": SMALL_SIZE, "color": MUTED})
    return VPacker(children=[TextArea(piece.text, textprops=style), under], pad=3, sep=6, align="center")
