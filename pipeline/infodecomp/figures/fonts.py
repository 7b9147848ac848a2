"""Letters that the figures' own font lacks: drawn in a font that the study names, or reported in one sentence."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from infodecomp.runs.ledger import checked

OWN = "DejaVu Sans"  # comes with Matplotlib
FILES = (".ttf", ".otf", ".ttc")

# What has no ink: white space, and signs that steer the letters around them.
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf"}
_SHOWN = 8


def use_font(figure: Figure, name: Path | str, font: str | None, setting: str = "figures → font") -> None:
    """Draw letters that DejaVu Sans lacks in `font`; prints one warning of those that are in neither.

    Args:
        figure: whose texts are changed.
        name: of the figure, for the warning.
        font: name of an installed font or path of a font file; None: there is none.
        setting: where the font is named, for the warning.
    """
    texts = [text for text in figure.findobj(Text) if _lacking(text.get_text(), [OWN])]
    if not texts:
        return
    second = _family(font) if font else None
    families = [OWN, second] if second else [OWN]
    for text in texts:
        text.set_fontfamily(families)
    lacking = _lacking("".join(text.get_text() for text in texts), families)
    if font and second is None:
        remedy = f"{setting} is {font!r}, which is neither an installed font nor a file in {', '.join(FILES)}"
    else:
        remedy = f"name a font that has them as {setting}"
    if lacking:
        letters = " ".join(lacking[:_SHOWN]) + (" …" if len(lacking) > _SHOWN else "")
        print(
            f"warning: {name}: {' and '.join(families)} {'have' if second else 'has'} no glyph for {letters}, drawn as "
            f"boxes; {remedy}.",
            flush=True,
        )


@contextmanager
def without_glyph_warnings() -> Iterator[None]:
    """Within the block, Matplotlib does not repeat for each letter what `use_font` has said."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _family(font: str) -> str | None:
    """The family of an installed font or a font file; None if there is no such font."""
    try:
        if Path(font).suffix.lower() in FILES:
            font_manager.fontManager.addfont(checked(Path(font)))
            return str(font_manager.FontProperties(fname=font).get_name())
        font_manager.findfont(font, fallback_to_default=False)
    except (OSError, RuntimeError, ValueError):
        return None
    return font


def _lacking(text: str, families: Sequence[str]) -> list[str]:
    """The characters of a text, each once, for which no family has a glyph."""
    seen = [one for one in dict.fromkeys(text) if ord(one) > 127 and unicodedata.category(one) not in _UNSEEN]
    return [one for one in seen if not any(ord(one) in _glyphs(family) for family in families)]


@cache
def _glyphs(family: str) -> frozenset[int]:
    """Code points that a font has glyphs for."""
    return frozenset(font_manager.get_font(font_manager.findfont(family)).get_charmap())
