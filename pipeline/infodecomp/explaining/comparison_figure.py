"""Figure: a picture and the maps of its words by two models, one under the other, on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from infodecomp.explaining.comparison import Comparison
from infodecomp.explaining.explanation import Key, WordExplanation
from infodecomp.explaining.figure import MARGIN, add_margin, axes_at, draw_bar
from infodecomp.explaining.kinds import ORTHOGONAL, Kind, kind_of
from infodecomp.figures.coloured_caption import with_error
from infodecomp.figures.fonts import use_font
from infodecomp.figures.style import PAGE, colour_map, figure_style, panel_figure, shorten
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.runs.errors import InputError

HEADING = "What does each model see of the words in the picture?"
PALETTE = "cividis"
MOST = 6  # words in a row

_GAP, _BAR, _TITLE, _HEAD = 0.06, 0.5, 0.2, 0.2  # inches: between panels, for the colour bar, over a panel, over a row


def comparison_figure(
    comparison: Comparison,
    *,
    words: Sequence[Key] | None = None,
    method: str = "cmi",
    estimator: str = ORTHOGONAL,
    palette: str = PALETTE,
    font: str | None = None,
) -> Figure:
    """A row for each explanation: its picture, and the maps of the words; all maps on one scale, with totals over them.

    Args:
        comparison: of two explanations.
        words: those with maps, by their keys; None: the six that carry most, by the larger of the two.
        method, estimator: as for `explanation_figure`.
        palette: a Matplotlib colour map; signed maps have their own, with zero in its middle.
        font: name or file of a font for letters that DejaVu Sans lacks.

    Raises:
        InputError: there is no such word, map or colour map.
    """
    kinds = [kind_of(one, method, estimator) for one in (comparison.first, comparison.second)]
    shown = _shown(comparison, kinds, words)
    heats = _heats(shown, kinds)
    scale = Normalize(*kinds[0].scale(heat for row in heats for heat in row if heat is not None))
    colours = colour_map(kinds[0].palette(palette))
    columns = len(shown) + 1
    side = (PAGE - _BAR - MOST * _GAP) / (MOST + 1)
    pictures = [comparison.first.picture, comparison.second.picture]
    tall = [side * picture.shape[0] / picture.shape[1] for picture in pictures]
    with figure_style():
        figure, rooms = panel_figure(
            [_HEAD + _TITLE + height for height in tall],
            columns=1,
            width=PAGE,
            left=0.0,
            right=0.0,
            above=0.02,
            below=0.04,
            heading=HEADING,
            note=f"“{shorten(comparison.first.caption, 110)}”. Maps: {kinds[0].note}, on one scale; over a map: its total.",
        )
        for row, (room, kind, picture) in enumerate(zip(rooms, kinds, pictures, strict=True)):
            room.axis("off")
            bottom = float(room.get_position().y0) * figure.get_figheight()
            room.text(0.0, 1.0, shorten(comparison.labels[row], 80), fontweight="bold", fontsize=8.5, va="top")
            panels = [axes_at(figure, (k * (side + _GAP), bottom, side, tall[row])) for k in range(columns)]
            _draw(panels[0], picture)
            for axes, pair, heat in zip(panels[1:], shown, heats[row], strict=True):
                _draw(axes, None if heat is None else upsample_bilinear(heat.astype(np.float64), picture.shape[:2]))
                for image in axes.images:
                    image.set(cmap=colours, norm=scale)
                axes.set_title(_title(pair[row], kind), fontsize=7, pad=3)
        bar = (columns * (side + _GAP), bottom, 0.08, tall[1])
        draw_bar(figure, bar, kinds[0], colours, scale)
        add_margin(figure, MARGIN)
        use_font(figure, "the plot", font, "font=")
    return figure


def _shown(
    comparison: Comparison, kinds: Sequence[Kind], keys: Sequence[Key] | None
) -> list[tuple[WordExplanation, WordExplanation]]:
    """The words with maps: those that are named, or those that carry most, in the order of the caption."""
    both = {pair[0].span.key: pair for pair in comparison.words}
    if keys is not None:
        for key in keys:
            if key not in both:
                raise InputError(f"the word {key!r} is not in both explanations; allowed are {list(both)}.")
        return [both[key] for key in keys]

    def nats(pair: tuple[WordExplanation, WordExplanation]) -> float:
        found = [kind.quantity(word) for kind, word in zip(kinds, pair, strict=True)]
        return max((one.total for one in found if one), default=0.0)

    most = sorted(both.values(), key=nats, reverse=True)[:MOST]
    return [pair for pair in both.values() if any(pair is one for one in most)]


def _heats(
    shown: Sequence[tuple[WordExplanation, WordExplanation]], kinds: Sequence[Kind]
) -> list[list[np.ndarray | None]]:
    """The maps of each row; where grids differ, nats are per cell of the finer one, so that colours mean the same."""
    heats = [[kind.heat(pair[row]) for pair in shown] for row, kind in enumerate(kinds)]
    finest = max((heat.size for row in heats for heat in row if heat is not None), default=1)
    if not kinds[0].estimator:
        return heats
    return [[None if heat is None else heat * (heat.size / finest) for heat in row] for row in heats]


def _draw(axes: Axes, picture: np.ndarray | None) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if picture is not None:
        axes.imshow(picture)


def _title(word: WordExplanation, kind: Kind) -> str:
    found = kind.quantity(word)
    again = f" ({word.span.occurrence + 1})" if word.span.occurrence else ""
    return f"{shorten(word.span.text, 10)}{again}" + (f" {with_error(found.total, found.error)}" if found else "")
