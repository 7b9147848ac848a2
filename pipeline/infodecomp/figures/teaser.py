"""Figure: an image, its caption with every word in the colour of its nats, and the maps of three words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from infodecomp.figures.coloured_caption import LINE, CaptionWord, caption_pieces, write_caption
from infodecomp.figures.style import PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure

HEADING = "How informative is each word about the image?"
NOTE = (
    "Colour of a word: its CMI iᵒ, its information about the whole image given the other words, in nats; under it"
    " the number with its standard error ({draws} draws). Maps: the same by pixel, for the {count} most informative"
    " words, on one scale."
)
SHOWN = 3  # words with maps

_GAP = 0.06  # inches, between pictures
_BAR = 0.5  # inches, room of the colour bar to the right of the maps


@dataclass(frozen=True)
class TeaserWord(CaptionWord):
    """A word of the caption with its map (H, W)."""

    nats: float
    heat: np.ndarray


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
    strip = LINE * len(lines)
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
        write_caption(room, lines, colours, nats)
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
