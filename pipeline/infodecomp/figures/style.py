"""Look shared by the figures: styles of methods, titles of datasets, sizes, panels under a heading, saving.

`style.mplstyle` beside this file holds Matplotlib's settings; `infodecomp.methods` names and colours the methods.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from infodecomp.figures.fonts import use_font, without_glyph_warnings
from infodecomp.methods import METHODS, RETRIEVAL_STYLES, Style
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.runs.storage import atomic_path

ACCENT = "#C43C00"  # the word in a caption
MUTED = "#6B6B6B"  # secondary text
GUIDE = "#E4E4E4"  # grid lines

COLUMN, PAGE = 3.25, 6.75  # inches, widths of figures: in a column of two, or across the page

HEADING_SIZE = 9.5  # points
NOTE_SIZE = 7.0  # points, of the text under a heading, of legends and beside panels
SMALL_SIZE = 6.0  # points, of numbers in and under pictures
_LINE = 0.135  # inches, height of a line of the note
_LETTER = 0.0565  # inches, width of a letter of the note
_HEADING_LINE, _HEADING_LETTER = 0.17, 0.085  # inches, of the heading
_PAD = 0.04  # inches, around what is drawn

_NOTEBOOK_DPI = 110

STYLE_FILE = Path(__file__).with_name("style.mplstyle")

# `figures.palette: paper` draws heat maps in the colours of the published figures.
_PALETTES = {"paper": "jet"}


# Of the methods that have rows of their own: maps of words, and scores of captions.
METHOD_STYLES: dict[str, Style] = {**{key: method.style for key, method in METHODS.items()}, **RETRIEVAL_STYLES}


class DatasetTitle(NamedTuple):
    """The question that a retrieval dataset asks, and how its false captions are made."""

    question: str
    source: str


DATASET_TITLES: dict[str, DatasetTitle] = {
    "vg_relation": DatasetTitle("Who does what to whom?", "VG-Relation: objects swapped"),
    "vg_attribution": DatasetTitle("What has which attribute?", "VG-Attribution: attributes swapped"),
    "coco_order": DatasetTitle("Which word order is right?", "COCO-Order: words shuffled"),
    "flickr30k_order": DatasetTitle("Which word order is right?", "Flickr30k-Order: words shuffled"),
    "scenes_vg_relation": DatasetTitle("What is where?", "scenes: objects swapped"),
    "scenes_vg_attribution": DatasetTitle("What has which attribute?", "scenes: attributes swapped"),
    "scenes_noun_swap": DatasetTitle("What is there?", "scenes: a noun replaced"),
    "scenes_coco_order": DatasetTitle("Which word order is right?", "scenes as in COCO-Order"),
    "scenes_flickr30k_order": DatasetTitle("Which word order is right?", "scenes as in Flickr30k-Order"),
}


def dataset_title(dataset: str) -> DatasetTitle:
    """Title of a retrieval dataset; a dataset without one goes by its name."""
    return DATASET_TITLES.get(dataset, DatasetTitle(dataset.replace("_", " "), ""))


def method_style(method: str) -> Style:
    """Style of a method; a method without one is black and called by its key."""
    return METHOD_STYLES.get(method, Style(method.replace("_", " "), "#000000"))


@contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib settings of every figure, for the length of a `with` block."""
    with mpl.rc_context(fname=checked(STYLE_FILE)):
        yield


def colour_map(name: str) -> mpl.colors.Colormap:
    """The colour map of heat maps by its Matplotlib name, or `paper` for that of the published figures.

    Raises:
        InputError: Matplotlib has no such colour map.
    """
    name = _PALETTES.get(name, name)
    if name not in mpl.colormaps:
        raise InputError(f"the palette is {name!r}; it must be a Matplotlib colour map such as cividis or viridis.")
    return mpl.colormaps[name]


def panel_width(columns: int, left: float, right: float, label_room: float = 0.0, whole: float = PAGE) -> float:
    """Width of each panel that makes a `panel_figure` with this many columns as wide as a page, or as `whole`; inches."""
    return (whole - label_room) / columns - left - right


def balanced_columns(panels: int, most: int) -> int:
    """Number of columns, at most `most`, that fills the rows best: 4 panels in at most 3 columns give 2 by 2."""
    rows = -(-panels // most)
    return -(-panels // rows)


class PanelFigure(Figure):
    """A figure that a notebook shows though nobody has imported pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with without_glyph_warnings():
            self.savefig(buffer, format="png", dpi=_NOTEBOOK_DPI)
        return buffer.getvalue()


def panel_figure(
    heights: Sequence[float],
    *,
    columns: int,
    width: float,
    left: float,
    right: float,
    above: float,
    below: float,
    label_room: float = 0.0,
    heading: str,
    note: str,
    legend: Sequence[Artist] = (),
) -> tuple[Figure, list[Axes]]:
    """A figure of panels in columns, under a heading, a note and one legend for all.

    Lengths are in inches, so that text keeps its size and its distances whatever the number of panels. Each panel goes
    under the shortest column so far, the first such: panels of one height stand in rows.

    Args:
        heights: of the panels, in their order.
        columns: number of columns.
        width: of a panel.
        left, right, above, below: room around every panel for its labels.
        label_room: more room to the left of the first column, for labels that a row of panels shares.
        heading: the question that the figure answers.
        note: how to read it; both are wrapped to a column for panels that are no wider, else to a page.
        legend: labelled artists.

    Returns:
        the figure and its panels in their order.
    """
    figure_width = label_room + columns * (left + width + right)
    text_width = COLUMN if figure_width <= COLUMN + 1e-6 else PAGE
    title = textwrap.wrap(heading, int(text_width / _HEADING_LETTER))
    lines = textwrap.wrap(note, int(text_width / _LETTER)) or [""]
    legend_rows = -(-len(legend) // max(int(text_width / 1.45), 1))
    titled = _HEADING_LINE * len(title)
    head = 0.13 + titled + _LINE * len(lines) + (0.1 + 0.17 * legend_rows if legend else 0.0)
    places, used = [], [head] * columns
    for height in heights:
        column = used.index(min(used))
        places.append((label_room + column * (left + width + right) + left, used[column] + above + height))
        used[column] += above + height + below
    figure_height = max(used)
    figure = PanelFigure(figsize=(figure_width, figure_height))
    for number, line in enumerate(title):
        top = 1 - _HEADING_LINE * number / figure_height
        figure.text(0.02 / figure_width, top, line, fontsize=HEADING_SIZE, fontweight="bold", va="top")
    for number, line in enumerate(lines):
        # One text per line: within one text, distances between lines would depend on their letters.
        baseline = 1 - (0.16 + titled + _LINE * number) / figure_height
        figure.text(0.02 / figure_width, baseline, line, fontsize=NOTE_SIZE, color=MUTED, va="baseline")
    if legend:
        figure.legend(
            handles=list(legend),
            loc="upper left",
            bbox_to_anchor=(0.02 / figure_width, 1 - (0.16 + titled + _LINE * len(lines)) / figure_height),
            ncols=-(-len(legend) // legend_rows),
            frameon=False,
            fontsize=NOTE_SIZE,
            borderaxespad=0,
            borderpad=0,
            columnspacing=1.4,
            handlelength=2.0,
        )
    panels = [
        figure.add_axes((x / figure_width, 1 - y / figure_height, width / figure_width, height / figure_height))
        for (x, y), height in zip(places, heights, strict=True)
    ]
    return figure, panels


def draw_share_bar(figure: Figure, colours: mpl.colors.Colormap, label: str) -> None:
    """One bar from 0 to 1 under all panels; the figure grows by its room when it is saved."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0.5 - 0.9 / width, -0.14 / height, 1.8 / width, 0.08 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), colours), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.5, 1], labels=["0", "½", "1"])
    bar.ax.tick_params(labelsize=SMALL_SIZE, length=2, pad=1)
    bar.set_label(label, fontsize=6.5, labelpad=1)


def sentence_figure(heading: str, sentence: str) -> Figure:
    """A figure with one sentence that says why there is nothing to draw."""
    with figure_style():
        figure = Figure(figsize=(5.0, 0.8))
        figure.text(0.01, 1, heading, fontsize=HEADING_SIZE, fontweight="bold", va="top")
        figure.text(0.01, 0.66, textwrap.fill(sentence, 84), fontsize=NOTE_SIZE, color=MUTED, va="top")
    return figure


def shorten(text: str, characters: int) -> str:
    """A text of at most this many characters, with an ellipsis where it is cut."""
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}…"


def title_panel(axes: Axes, dataset: str, detail: str) -> None:
    """Write over a panel the question of its dataset, and below it its source and a detail."""
    title = dataset_title(dataset)
    text = " · ".join(part for part in (title.source, detail) if part)
    for size, weight, colour, offset, line in (
        (8, "bold", "black", 15, shorten(title.question, 32)),
        (6.5, "normal", MUTED, 5, text),
    ):
        axes.annotate(
            line,
            xy=(0, 1),
            xytext=(0, offset),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=size,
            fontweight=weight,
            color=colour,
            annotation_clip=False,
        )


def save_figure(figure: Figure, stem: Path, vector_format: str, font: str | None = None) -> list[Path]:
    """Write a figure as PNG (300 dpi) and in a vector format, without dates, so that equal figures give equal files.

    A file is exactly a column or a page wide, so that letters have their size wherever it is set without scaling, and as
    high as what is drawn; only what is wider than a page makes it wider.

    Args:
        figure: to write.
        stem: path without suffix; the folder is made.
        vector_format: such as "pdf" or "svg"; "png" writes the PNG alone.
        font: as for `fonts.use_font`.

    Returns:
        the files written.
    """
    # Without fixed ids an SVG would differ from run to run.
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(vector_format, {})
    written = []
    with figure_style(), without_glyph_warnings():
        use_font(figure, stem, font)
        cut = _cut(figure)
    for suffix, metadata in {"png": {}, vector_format: undated}.items():
        path = stem.with_name(f"{stem.name}.{suffix}")
        fixed = mpl.rc_context({"svg.hashsalt": "infodecomp"})
        with figure_style(), fixed, without_glyph_warnings(), atomic_path(path) as temporary:
            figure.savefig(temporary, format=suffix, metadata=metadata, bbox_inches=cut)
        written.append(path)
    return written


def _cut(figure: Figure) -> Bbox:
    """The part of a figure that is saved, inches: what is drawn, a column or a page wide."""
    dpi = figure.dpi
    figure.set_dpi(mpl.rcParams["savefig.dpi"])  # letters are a little wider or narrower at another
    drawn = figure.get_tightbbox()
    figure.set_dpi(dpi)
    width = next((width for width in (COLUMN, PAGE) if drawn.width <= width), drawn.width + 2 * _PAD)
    left = drawn.x0 - min(_PAD, (width - drawn.width) / 2)
    return Bbox.from_extents(left, drawn.y0 - _PAD, left + width, drawn.y1 + _PAD)
