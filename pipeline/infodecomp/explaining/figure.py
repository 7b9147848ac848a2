"""Figure: a picture, its caption with every word in the colour of its nats, and the maps of its words."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from infodecomp.explaining.caption_parts import written_words
from infodecomp.explaining.explanation import Explanation, Key, WordExplanation
from infodecomp.explaining.kinds import ORTHOGONAL, Kind, kind_of, word_of
from infodecomp.figures.coloured_caption import FULL_LINE, LINE, CaptionWord, Piece, caption_pieces, write_caption
from infodecomp.figures.fonts import use_font
from infodecomp.figures.style import PAGE, SMALL_SIZE, balanced_columns, colour_map, figure_style, panel_figure, shorten
from infodecomp.metrics.heatmaps import upsample_bilinear

HEADING = "How informative is each word about the image?"
PALETTE = "cividis"

MARGIN = 0.06  # inches, around everything
_COLUMNS = 4  # panels in a row, at most
_GAP = 0.06  # inches, between panels
_TITLE = 0.2  # inches, over a panel
_BAR = 0.5  # inches, room of the colour bar to the right of the maps


def explanation_figure(
    explanation: Explanation,
    *,
    words: Sequence[Key] | None = None,
    method: str = "cmi",
    estimator: str = ORTHOGONAL,
    palette: str = PALETTE,
    font: str | None = None,
) -> Figure:
    """The caption over the picture and the maps of its words, all on one scale.

    Args:
        explanation: of the picture.
        words: those with maps, by their keys; None: every word that has one.
        method: key of a quantity ("cmi", "mi") or of another method with maps ("attention"). The caption's colours are its
            totals, or those of CMI for a method without totals.
        estimator: "orthogonal" or "standard", for quantities.
        palette: a Matplotlib colour map; signed maps have their own, with zero in its middle.
        font: name or file of a font for letters that DejaVu Sans lacks, such as Chinese ones.

    Returns:
        a Matplotlib figure, which `.savefig` writes.

    Raises:
        InputError: there is no such word, map or colour map.
    """
    kind = kind_of(explanation, method, estimator)
    counted = kind if kind.estimator else kind_of(explanation)
    chosen = explanation.words if words is None else [word_of(explanation, key) for key in words]
    shown = [word for word in chosen if kind.heat(word) is not None]
    columns = balanced_columns(len(shown) + 1, _COLUMNS)
    side = (PAGE - _BAR - (_COLUMNS - 1) * _GAP) / _COLUMNS
    tall = side * explanation.picture.shape[0] / explanation.picture.shape[1]
    lines = _caption_lines(explanation, counted)
    strip, rows = LINE * len(lines), -(-(len(shown) + 1) // columns)
    with figure_style():
        figure, (room,) = panel_figure(
            [strip + rows * (_TITLE + tall)],
            columns=1,
            width=PAGE,
            left=0.0,
            right=0.0,
            above=0.02,
            below=0.04,
            heading=HEADING,
            note=_note(explanation, kind, counted),
        )
        room.axis("off")
        write_caption(room, lines, colour_map(counted.palette(palette)), _nats_scale(explanation, counted))
        scale = Normalize(*kind.scale(heat for word in shown if (heat := kind.heat(word)) is not None))
        top = float(room.get_position().y1) * figure.get_figheight() - strip
        for number, word in enumerate((None, *shown)):
            row, column = divmod(number, columns)
            place = (column * (side + _GAP), top - (row + 1) * (_TITLE + tall), side, tall)
            _draw_panel(axes_at(figure, place), explanation, word, kind, colour_map(kind.palette(palette)), scale)
        bar = (columns * (side + _GAP), top - _TITLE - tall, 0.08, tall)
        draw_bar(figure, bar, kind, colour_map(kind.palette(palette)), scale)
        add_margin(figure, MARGIN)
        use_font(figure, "the plot", font, "font=")
    return figure


def _caption_words(explanation: Explanation, kind: Kind) -> list[CaptionWord]:
    found = []
    for word in written_words(explanation.words):
        quantity = kind.quantity(word)
        nats, error = (quantity.total, quantity.error) if quantity else (None, 0.0)
        found.append(CaptionWord(word.span.text, [(word.span.start, word.span.end)], nats, error))
    return found


def _caption_lines(explanation: Explanation, kind: Kind) -> list[list[Piece]]:
    """The caption in as few lines as it needs, of about equal length."""
    words = _caption_words(explanation, kind)
    lines = caption_pieces(explanation.caption, words)
    for characters in range(len(explanation.caption) // len(lines), FULL_LINE):
        even = caption_pieces(explanation.caption, words, characters)
        if len(even) == len(lines):
            return even
    return lines


def _nats_scale(explanation: Explanation, kind: Kind) -> Normalize:
    totals = [quantity.total for word in explanation.words if (quantity := kind.quantity(word))]
    most = max(map(abs, totals) if kind.signed else totals, default=1.0) or 1.0
    return Normalize(-most if kind.signed else 0.0, most)


def _note(explanation: Explanation, kind: Kind, counted: Kind) -> str:
    draws = explanation.settings.get("draws")
    error = f"standard error ({draws} draws)" if draws else "standard error"
    maps = "Maps: the same by cell" if kind == counted else f"Maps: {kind.note}"
    quantity = counted.note if counted.signed else f"{counted.label}, {counted.note}"
    sentences = [f"Colour of a word: {quantity}, in nats; under it the number with its {error}."]
    sentences += [f"{maps}, on one scale.", *(f"Warning: {warning}" for warning in explanation.warnings)]
    return " ".join(sentences)


def axes_at(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    """Axes at a place in inches: left, bottom, width, height."""
    width, height = figure.get_size_inches()
    left, bottom, wide, tall = place
    return figure.add_axes((left / width, bottom / height, wide / width, tall / height))


def _draw_panel(
    axes: Axes, explanation: Explanation, word: WordExplanation | None, kind: Kind, colours: Colormap, scale: Normalize
) -> None:
    """The picture, or the map of a word."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    heat = kind.heat(word) if word else None
    if word is None or heat is None:
        axes.imshow(explanation.picture)
        return
    height, width = explanation.picture.shape[:2]
    axes.imshow(upsample_bilinear(heat.astype(float), (height, width)), cmap=colours, norm=scale)
    again = f" ({word.span.occurrence + 1})" if word.span.occurrence else ""
    axes.set_title(shorten(word.span.text, 18) + again, fontsize=8.5, fontweight="bold", pad=3)


def draw_bar(
    figure: Figure, place: tuple[float, float, float, float], kind: Kind, colours: Colormap, scale: Normalize
) -> None:
    """The colour bar of maps at a place in inches: left, bottom, width, height."""
    bar = figure.colorbar(ScalarMappable(scale, colours), cax=axes_at(figure, place))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL_SIZE, length=2, pad=1)
    bar.set_label(f"{kind.unit} per cell" if kind.unit == "nats" else kind.unit, fontsize=SMALL_SIZE, labelpad=2)


def add_margin(figure: Figure, margin: float) -> None:
    """Enlarge a figure by a margin on all sides; everything in it keeps its size."""
    width, height = figure.get_size_inches()
    wide, tall = width + 2 * margin, height + 2 * margin
    figure.set_size_inches(wide, tall)
    for axes in figure.axes:
        left, bottom, across, up = axes.get_position().bounds
        place = (
            (left * width + margin) / wide,
            (bottom * height + margin) / tall,
            across * width / wide,
            up * height / tall,
        )
        axes.set_position(place)
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position(((x * width + margin) / wide, (y * height + margin) / tall))
