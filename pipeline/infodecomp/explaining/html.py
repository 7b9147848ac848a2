"""An explanation as HTML: point at a word, and see its map over the picture and its nats with their interval."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.colors import to_hex

from infodecomp.explaining.caption_parts import caption_parts
from infodecomp.explaining.explanation import Explanation, Quantity, WordExplanation
from infodecomp.explaining.kinds import Kind, kinds_of
from infodecomp.explaining.overlay import PALETTE
from infodecomp.explaining.web_pictures import SMALL, map_uri, picture_uri
from infodecomp.figures.coloured_caption import decimals, readable, rounded, with_error
from infodecomp.figures.style import colour_map
from infodecomp.runs.storage import write_text

CONFIDENCE = 0.95
TEMPLATES = Path(__file__).parent / "templates"

# Colours of a page on light and on dark paper, as on the page of a study.
_LIGHT = {"paper": "#fcfbf9", "raised": "#ffffff", "ink": "#1f1d1a", "muted": "#5f5a54", "line": "#e2ded8"}
_LIGHT |= {"accent": "#a83400", "soft": "#f4e7df"}
_DARK = {"paper": "#171614", "raised": "#201e1b", "ink": "#ece8e1", "muted": "#a9a29a", "line": "#37332e"}
_DARK |= {"accent": "#ff9a6b", "soft": "#3a2a21"}

_ROOT = re.compile(r"\.idc(?![-\w])")  # the root class in the style sheet; other classes have it as a prefix
_STOPS = 12  # of the gradient of a colour bar


def explanation_html(explanation: Explanation, *, palette: str = PALETTE, unfolded: bool = False) -> str:
    """A part of a page, such as a notebook's output: no scripts, nothing from outside, and no effect on what is around it.

    Args:
        explanation: to show.
        palette: a Matplotlib colour map for words and maps; signed maps have their own, with zero in its middle.
        unfolded: whether the table of words is open at the beginning.

    Raises:
        InputError: there is no such colour map.
    """
    kinds = kinds_of(explanation)
    parts = caption_parts(explanation.caption, explanation.words)
    height, width = explanation.picture.shape[:2]
    scope, style = _style(len(explanation.words), len(kinds))
    return (
        _environment()
        .get_template("explanation.html")
        .render(
            scope=scope,
            style=Markup(style),  # ours alone: nothing of the caption is in it
            warnings=explanation.warnings,
            caption=explanation.caption,
            picture=picture_uri(explanation.picture),
            pixels=max(height, width) <= SMALL,
            height=height,
            width=width,
            parts=[{"text": text, "word": word if word >= 0 else None} for text, word in parts],
            others=sorted(set(range(len(explanation.words))) - {word for _, word in parts}),
            words=_words(explanation, kinds, palette),
            kinds=[_described(kind, palette) for kind in kinds],
            whole=_whole(explanation),
            table=_table(explanation, kinds),
            facts=list(_facts(explanation.settings)),
            unfolded=unfolded,
        )
    )


def explanation_page(explanation: Explanation, *, palette: str = PALETTE) -> str:
    """A whole page that needs no other file; arguments and errors as for `explanation_html`."""
    fragment = Markup(explanation_html(explanation, palette=palette, unfolded=True))
    return _environment().get_template("page.html").render(caption=explanation.caption, fragment=fragment)


def write_explanation_page(path: Path, explanation: Explanation, *, palette: str = PALETTE) -> None:
    """Write `explanation_page` to a file, whole or not at all."""
    write_text(path, explanation_page(explanation, palette=palette))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is None or not name.endswith(".css"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


@cache
def _style(words: int, kinds: int) -> tuple[str, str]:
    """The class of what is shown, and its style sheet, whose every rule holds for that class alone.

    The class names the content of the sheet, so that explanations by two versions of this package stand in one page.
    """
    template = _environment().get_template("explanation.css")
    light, dark = (
        " ".join(f"--{name}: {value};" for name, value in colours.items()) + f" color-scheme: {scheme};"
        for colours, scheme in ((_LIGHT, "light"), (_DARK, "dark"))
    )
    digest = hashlib.sha256(template.render(words=1, kinds=1, light=light, dark=dark).encode()).hexdigest()[:8]
    scope = f"infodecomp-{digest}"
    return scope, _ROOT.sub(f".{scope}", template.render(words=words, kinds=kinds, light=light, dark=dark))


def _words(explanation: Explanation, kinds: Sequence[Kind], palette: str) -> list[dict[str, Any]]:
    shared = {
        kind: kind.scale(heat for word in explanation.words if (heat := kind.heat(word)) is not None) for kind in kinds
    }
    most = _most_informative(explanation, kinds)
    fields = _fields(explanation, kinds, palette)
    return [
        {
            "number": number,
            "text": word.span.text,
            "again": _again(word),
            "reason": word.reason,
            "first": number == most,
            "fields": fields[number],
            "shown": [
                _shown(word, heat, place, kind, shared[kind], palette)
                for place, kind in enumerate(kinds)
                if (heat := kind.heat(word)) is not None
            ],
        }
        for number, word in enumerate(explanation.words)
    ]


def _again(word: WordExplanation) -> int:
    """2 for the second of equal words, and so on; 0 for the first."""
    return word.span.occurrence + 1 if word.span.occurrence else 0


def _most_informative(explanation: Explanation, kinds: Sequence[Kind]) -> int:
    """The word that is shown first."""
    totals = [kinds[0].quantity(word) if kinds else None for word in explanation.words]
    return max(range(len(totals)), key=lambda number: getattr(totals[number], "total", -math.inf), default=0)


def _fields(explanation: Explanation, kinds: Sequence[Kind], palette: str) -> list[str]:
    """Of each word, the colours of its field and letters for each kind of map, as CSS variables."""
    found: list[list[str]] = [[] for _ in explanation.words]
    for place, kind in enumerate(kinds):
        quantities = [kind.quantity(word) for word in explanation.words]
        scale = kind.scale([np.array([quantity.total for quantity in quantities if quantity] or [0.0])])
        for styles, quantity in zip(found, quantities, strict=True):
            if quantity is None:
                styles += [f"--f{place}: var(--soft)", f"--t{place}: var(--ink)"]
                continue
            share = (quantity.total - scale[0]) / (scale[1] - scale[0])
            field = to_hex(colour_map(kind.palette(palette))(min(max(share, 0.0), 1.0)))
            styles += [f"--f{place}: {field}", f"--t{place}: {readable(field)}"]
    return ["; ".join(styles) for styles in found]


def _shown(
    word: WordExplanation, heat: np.ndarray, place: int, kind: Kind, shared: tuple[float, float], palette: str
) -> dict[str, Any]:
    """One map of a word, on its own scale and on that of all words."""
    quantity = kind.quantity(word)
    scales = {"own": kind.scale([heat]), "all": shared}
    return {
        "kind": place,
        "brief": _brief(quantity) if quantity else "\xa0",
        "text": f"{kind.label} {_spoken(quantity)}" if quantity else kind.label,
        "scales": [
            {
                "scale": name,
                "image": map_uri(heat, kind, ends, palette),
                "low": scale_end(ends[0]),
                "high": scale_end(ends[1]),
            }
            for name, ends in scales.items()
        ],
    }


def _described(kind: Kind, palette: str) -> dict[str, str]:
    stops = [to_hex(colour) for colour in colour_map(kind.palette(palette))(np.linspace(0, 1, _STOPS))]
    unit = "nats per cell" if kind.unit == "nats" else kind.unit
    return {
        "label": kind.label,
        "note": kind.note,
        "unit": unit,
        "gradient": f"linear-gradient(90deg, {', '.join(stops)})",
    }


def _brief(quantity: Quantity) -> str:
    return with_error(quantity.total, quantity.error)


def _spoken(quantity: Quantity) -> str:
    if not math.isfinite(quantity.error):
        return f"{_brief(quantity)} nats; too few draws for an interval"
    return f"{_brief(quantity)} nats, {CONFIDENCE:.0%} interval {_interval(quantity)}".replace("%", "\xa0%")


def _interval(quantity: Quantity) -> str:
    if not math.isfinite(quantity.error):
        return "–"
    low, high = quantity.interval(CONFIDENCE)
    places = decimals(quantity.error)
    return f"{rounded(low, places)} to {rounded(high, places)}"


def _whole(explanation: Explanation) -> str:
    quantity = explanation.caption_nats.get("standard")
    return f"The whole caption: log likelihood ratio {_spoken(quantity)}." if quantity else ""


def _table(explanation: Explanation, kinds: Sequence[Kind]) -> dict[str, Any]:
    counted = [kind for kind in kinds if kind.estimator]
    percent = f"{CONFIDENCE:.0%}".replace("%", "\xa0%")
    return {
        "heads": [head for kind in counted for head in (f"{kind.label}, nats", percent)] or ["nats"],
        "rows": [
            {
                "text": word.span.text,
                "again": _again(word),
                "reason": word.reason,
                "cells": [
                    cell
                    for kind in counted
                    for quantity in (kind.quantity(word),)
                    for cell in ((_brief(quantity), _interval(quantity)) if quantity else ("–", "–"))
                ],
            }
            for word in explanation.words
        ],
    }


def _facts(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings in words; those that are not set are left out."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}, {inner}", text) for inner, text in _facts(value))
        elif isinstance(value, list | tuple):
            yield name, ", ".join(str(one) for one in value)
        elif value is not None:
            yield name, value if isinstance(value, str) else json.dumps(value)


def scale_end(value: float) -> str:
    """An end of a scale: two significant digits.

    >>> scale_end(-4.04), scale_end(0.0321), scale_end(0.0), scale_end(170.0)
    ('−4.0', '0.032', '0', '170')
    """
    if value == 0:
        return "0"
    return rounded(value, max(1 - math.floor(math.log10(abs(value))), 0))
