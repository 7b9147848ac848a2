"""Figures of pictures that a decoder makes of codes: samples by sampler, traversals of dimensions, interpolations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.figures.style import MUTED, PAGE, SMALL_SIZE, figure_style, panel_figure

SAMPLES_HEADING = "What does each sampler draw?"
SAMPLES_NOTE = (
    "{model}: the first {count} samples of each sampler, in the order of their seeds, none left out. All start from the same"
    " noise, and those that take a code of the prior from the same one, so that rows may be alike. {rest}"
)

TRAVERSALS_HEADING = "What does the decoder do with each dimension of the code?"
TRAVERSALS_NOTE = (
    "{model}: the code of one image with one dimension set to the values above, everything else and the noise x_T kept."
    " Left: the image, and what the dimension says about images that the others do not. A value that"
    " does not go with the others belongs to no image, so a strip shows the decoder rather than the code."
)

INTERPOLATIONS_HEADING = "What lies between two images?"
INTERPOLATIONS_NOTE = (
    "{model}: first and last column, images; between them, the decoder's images of codes, of noises x_T, or of both, a share"
    " of the way. x_T comes from reversed DDIM, which keeps what the code lacks."
)

_GAP = 0.03  # inches, between pictures
_HEAD = 0.16  # inches, for the titles of columns
_NAMES = 0.95  # inches, for the names of rows
_LARGEST = 0.62  # inches, side of a picture


@dataclass(frozen=True)
class Strip:
    """A row of pictures. pictures: uint8 (n, H, W, 3). detail: small text under the name."""

    name: str
    pictures: np.ndarray
    detail: str = ""


def draw_samples(model: str, samples: Mapping[str, np.ndarray], details: Mapping[str, str], rest: str = "") -> Figure:
    """Rows of samples by sampler.

    Args:
        model: its name.
        samples: sampler → uint8 (n, H, W, 3), of one n.
        details: sampler → text under its name, such as the share that is valid.
        rest: more for the note.
    """
    strips = [Strip(name.replace("_", " "), drawn, details.get(name, "")) for name, drawn in samples.items()]
    note = SAMPLES_NOTE.format(model=model, count=len(strips[0].pictures), rest=rest).strip()
    return _draw_strips(strips, [], SAMPLES_HEADING, note)


def draw_traversals(
    model: str, picture: np.ndarray, strips: np.ndarray, values: Sequence[float], nats: Sequence[float]
) -> Figure:
    """A row for each dimension, its value rising from left to right.

    Args:
        model: its name.
        picture: the image whose code it is, uint8 (H, W, 3).
        strips: uint8 (d, values, H, W, 3).
        values: of the dimension.
        nats: I(x; z_k | z_rest) of each dimension; NaN where it is not known.
    """
    details = [f"{value:.2f} nats" if np.isfinite(value) else "" for value in nats]
    rows = [
        Strip(f"z{number}", np.concatenate([picture[None], strip]), detail)
        for number, (strip, detail) in enumerate(zip(strips, details, strict=True))
    ]
    titles = ["image", *(f"{value:+.1f}".replace("-", "−") for value in values)]
    return _draw_strips(rows, titles, TRAVERSALS_HEADING, TRAVERSALS_NOTE.format(model=model))


def draw_interpolations(
    model: str, ends: Sequence[np.ndarray], ways: Mapping[str, np.ndarray], shares: Sequence[float]
) -> Figure:
    """A row for each thing that is interpolated, between two images.

    Args:
        model: its name.
        ends: the two images, uint8 (H, W, 3).
        ways: name of what changes → uint8 (shares, H, W, 3).
        shares: of the way, from 0 to 1.
    """
    first, last = (end[None] for end in ends)
    rows = [Strip(name, np.concatenate([first, drawn, last])) for name, drawn in ways.items()]
    titles = ["image", *(f"{share:.2g}" for share in shares), "image"]
    return _draw_strips(rows, titles, INTERPOLATIONS_HEADING, INTERPOLATIONS_NOTE.format(model=model))


def _draw_strips(strips: Sequence[Strip], titles: Sequence[str], heading: str, note: str) -> Figure:
    """Rows of equally many pictures under the titles of their columns."""
    count = len(strips[0].pictures)
    side = min((PAGE - _NAMES) / count - _GAP, _LARGEST)
    head = _HEAD if titles else 0.0  # above the pictures of the first row
    with figure_style():
        figure, rooms = panel_figure(
            [side + head, *[side] * (len(strips) - 1)],
            columns=1,
            width=count * (side + _GAP),
            left=_NAMES,
            right=0.0,
            above=_GAP,
            below=0.0,
            heading=heading,
            note=note,
        )
        for row, (room, strip) in enumerate(zip(rooms, strips, strict=True)):
            room.axis("off")
            _write_name(room, strip, 0.5 if row else 0.5 * side / (side + head))
            for column, (cell, picture) in enumerate(
                zip(_cells(figure, room, side, count), strip.pictures, strict=True)
            ):
                cell.imshow(picture, interpolation="nearest")
                if row == 0 and column < len(titles):
                    cell.set_title(titles[column], fontsize=SMALL_SIZE, color=MUTED, pad=2)
    return figure


def _write_name(room: Axes, strip: Strip, middle: float) -> None:
    """Beside the middle of the pictures, a fraction of the room's height."""
    for text, size, colour, down in ((strip.name, 7.5, "black", 0), (strip.detail, SMALL_SIZE, MUTED, -9)):
        room.annotate(
            text,
            xy=(0, middle),
            xytext=(-4, down + (4 if strip.detail else 0)),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=size,
            color=colour,
            annotation_clip=False,
        )


def _cells(figure: Figure, room: Axes, side: float, count: int) -> list[Axes]:
    place, (width, height) = room.get_position(), figure.get_size_inches()
    cells = []
    for column in range(count):
        x = place.x0 + column * (side + _GAP) / width
        cell = figure.add_axes((x, place.y0, side / width, side / height))
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
        cells.append(cell)
    return cells
