"""An edited caption: removed words are struck through, and words that replace them follow in a second colour."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, cast

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from infodecomp.figures.reading_order import visual_runs
from infodecomp.figures.style import ACCENT
from infodecomp.words.letters import PLAIN_WORD, SIGN

OLD = ACCENT  # removed words
NEW = "#0072B2"  # what was put in: Okabe and Ito's blue

Kind = Literal["same", "old", "new"]
_COLOURS: dict[Kind, str] = {"same": "black", "old": OLD, "new": NEW}


@dataclass(frozen=True)
class Word:
    """A word or a sign of punctuation; `apart`: white space comes before it."""

    text: str
    kind: Kind
    apart: bool


def edited_words(before: str, after: str) -> list[Word]:
    """The words of `before` with those that `after` lacks marked "old", each followed by what replaces it, "new".

    A mask `_` says only that something is gone: it is not shown as a new word.
    """
    old, new = _tokens(before), _tokens(after)
    matcher = difflib.SequenceMatcher(None, [text for text, _ in old], [text for text, _ in new], autojunk=False)
    words = []
    for tag, low, high, low_new, high_new in matcher.get_opcodes():
        words += [Word(text, "same" if tag == "equal" else "old", apart) for text, apart in old[low:high]]
        put_in = [] if tag == "equal" else [token for token in new[low_new:high_new] if token[0] != "_"]
        words += [Word(text, "new", apart or index == 0) for index, (text, apart) in enumerate(put_in)]
    return words


def caption_lines(words: Sequence[Word], characters: int, most: int) -> list[list[Word]]:
    """Words set in at most `most` lines of at most `characters`, with an ellipsis where the caption is cut.

    A caption whose first edited word comes too late is cut at its beginning too, so that the edit is always shown.
    """
    lines = _fill(words, characters)
    if len(lines) <= most:
        return lines
    first = next((index for index, word in enumerate(words) if word.kind != "same"), 0)
    if words[first] not in [word for line in lines[:most] for word in line]:
        start, room = first, characters // 2
        while start > 0 and (room := room - len(words[start - 1].text) - 1) > 0:
            start -= 1
        lines = _fill([Word("…", "same", False), *words[start:]], characters)
    if len(lines) > most:
        lines = [*lines[: most - 1], [*_fill(lines[most - 1], characters - 2)[0], Word("…", "same", True)]]
    return lines


def write_caption(axes: Axes, lines: Sequence[Sequence[Word]], *, size: float, above: float) -> None:
    """Write lines of a caption over a panel, flush with its left edge.

    Args:
        axes: the panel.
        lines: from `caption_lines`.
        size: of the letters, points.
        above: points between the panel's upper edge and the last line.
    """
    rows: list[Artist] = [
        HPacker(
            children=[_text(text, kind, size) for text, kind in _on_paper(_runs(line))], pad=0, sep=0, align="baseline"
        )
        for line in lines
    ]
    box = AnnotationBbox(
        VPacker(children=rows, pad=0, sep=2, align="left"),
        (0.0, 1.0),
        xybox=(0, above),
        xycoords="axes fraction",
        boxcoords="offset points",
        box_alignment=(0, 0),
        frameon=False,
        pad=0,
        annotation_clip=False,
    )
    axes.add_artist(box)


class StruckText(TextArea):
    """A text with a line through it at half the height of its small letters."""

    def draw(self, renderer: RendererBase) -> None:
        super().draw(renderer)
        text = cast(Text, self.get_children()[0])
        # The positions of the letters are known only now that the packers have placed them.
        box = text.get_window_extent(renderer)
        size = float(text.get_fontsize())
        above = cast(float, renderer.points_to_pixels(0.27 * size))
        height = float(text.get_transform().transform((0.0, 0.0))[1]) + above
        pen = renderer.new_gc()
        pen.set_foreground(text.get_color())
        pen.set_linewidth(0.09 * size)
        pen.set_capstyle("butt")
        renderer.draw_path(pen, Path([(box.x0, height), (box.x1, height)]), IdentityTransform())
        pen.restore()


def _text(text: str, kind: Kind, size: float) -> TextArea:
    weight = "normal" if kind == "same" else "bold"
    style = {"fontsize": size, "fontweight": weight, "color": _COLOURS[kind]}
    return (StruckText if kind == "old" else TextArea)(text, textprops=style)


def _on_paper(runs: Sequence[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
    """Runs from left to right."""
    return [(text, runs[index][1]) for index, text in visual_runs([text for text, _ in runs])]


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words and punctuation of a text, each with whether white space comes before it."""
    return [
        (match.group(2), bool(match.group(1)) and match.start() > 0)
        for match in re.finditer(rf"(\s*)({PLAIN_WORD}|{SIGN})", text)
    ]


def _fill(words: Sequence[Word], characters: int) -> list[list[Word]]:
    """Words in lines that break only at white space; a word longer than a line gets a line to itself."""
    lines: list[list[Word]] = [[]]
    for unit in _units(words):
        if lines[-1] and _length(lines[-1]) + _length(unit) > characters:
            lines.append([])
        lines[-1] += unit
    return lines


def _units(words: Sequence[Word]) -> list[list[Word]]:
    """Words with the signs that touch them."""
    units: list[list[Word]] = []
    for word in words:
        if word.apart or not units:
            units.append([])
        units[-1].append(word)
    return units


def _length(words: Sequence[Word]) -> int:
    return sum(len(word.text) + word.apart for word in words)


def _runs(line: Sequence[Word]) -> list[tuple[str, Kind]]:
    """The texts of a line by kind; the space between two kinds belongs to neither, so that no strike runs over it."""
    runs: list[tuple[str, Kind]] = []
    for kind, words in groupby(line, key=lambda word: word.kind):
        group = list(words)
        text = "".join(" " * word.apart + word.text for word in group)
        if runs and group[0].apart:
            runs.append((" ", "same"))
        runs.append((text.lstrip(), kind))
    return runs
