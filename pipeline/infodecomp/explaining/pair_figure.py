"""Figure: what two words of a caption share, what is unique to each, and what they say only together, cell by cell."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from infodecomp.explaining.figure import MARGIN, add_margin, axes_at
from infodecomp.explaining.word_pair import Estimator, WordPair
from infodecomp.figures.coloured_caption import with_error
from infodecomp.figures.fonts import use_font
from infodecomp.figures.pair_maps import HEADING, MEASURES, SIGNED
from infodecomp.figures.style import PAGE, SMALL_SIZE, colour_map, figure_style, panel_figure, shorten
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.metrics.partial_information import Redundancy

PALETTE = "cividis"

_GAP, _BAR, _TITLE = 0.06, 0.5, 0.32  # inches: between panels, for the colour bar, over a panel


def pair_figure(
    pair: WordPair,
    *,
    measure: Redundancy = "min",
    estimator: Estimator = "orthogonal",
    palette: str = PALETTE,
    font: str | None = None,
) -> Figure:
    """The picture | redundancy | unique to the first word | to the second | synergy, on one scale, in nats per cell.

    Args:
        pair: of an explanation.
        measure, estimator: as for `WordPair.parts`.
        palette: a Matplotlib colour map, where no cell is below zero; else one with zero in its middle.
        font: name or file of a font for letters that DejaVu Sans lacks.

    Raises:
        InputError: there is no such measure, estimator or colour map.
    """
    parts = pair.parts(measure, estimator).items()
    scale, colours = _scale([part.map for _, part in parts], palette)
    columns = len(parts) + 1
    side = (PAGE - _BAR - (columns - 1) * _GAP) / columns
    height, width = pair.picture.shape[:2]
    tall = side * height / width
    with figure_style():
        figure, (room,) = panel_figure(
            [_TITLE + tall],
            columns=1,
            width=PAGE,
            left=0.0,
            right=0.0,
            above=0.02,
            below=0.04,
            heading=HEADING,
            note=_note(pair, measure),
        )
        room.axis("off")
        bottom = float(room.get_position().y0) * figure.get_figheight()
        panels = [axes_at(figure, (k * (side + _GAP), bottom, side, tall)) for k in range(columns)]
        for axes in panels:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        panels[0].imshow(pair.picture)
        for axes, (name, part) in zip(panels[1:], parts, strict=True):
            axes.imshow(upsample_bilinear(part.map.astype(np.float64), (height, width)), cmap=colours, norm=scale)
            axes.set_title(f"{shorten(name, 19)}\n{with_error(part.total, part.error)}", fontsize=7.5, pad=3)
        _draw_bar(figure, axes_at(figure, (columns * (side + _GAP), bottom, 0.08, tall)), scale, colours)
        add_margin(figure, MARGIN)
        use_font(figure, "the plot", font, "font=")
    return figure


def _scale(maps: list[np.ndarray], palette: str) -> tuple[Normalize, Colormap]:
    """One scale for all maps, with zero at its start or, where there is less, in its middle."""
    sequential = colour_map(palette)
    most = max(float(np.abs(one).max()) for one in maps) or 1.0
    if any((one < 0).any() for one in maps):
        return Normalize(-most, most), colour_map(SIGNED)
    return Normalize(0.0, most), sequential


def _note(pair: WordPair, measure: Redundancy) -> str:
    given = "given the rest of the caption" if pair.given == "rest" else "without other words"
    words = f"“{pair.first.text}” and “{pair.second.text}” in “{shorten(pair.caption, 90)}”, {given}."
    return (
        f"{words} Redundancy: {MEASURES[measure]}; each cell is decomposed by itself, and the maps sum to what both words "
        f"say. Over a map: its total in nats, with its standard error ({pair.draws} draws)."
    )


def _draw_bar(figure: Figure, axes: Axes, scale: Normalize, colours: Colormap) -> None:
    bar = figure.colorbar(ScalarMappable(scale, colours), cax=axes)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL_SIZE, length=2, pad=1)
    bar.set_label("nats per cell", fontsize=SMALL_SIZE, labelpad=2)
