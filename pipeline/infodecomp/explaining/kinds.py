"""The kinds of map that an explanation holds: quantities by estimator, and the maps of other methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from infodecomp.explaining.explanation import Explanation, Quantity, WordExplanation
from infodecomp.methods import METHODS, Method
from infodecomp.runs.errors import InputError

ORTHOGONAL = "orthogonal"
SIGNED_PALETTE = "PuOr_r"  # zero in the middle, safe for the colour-blind

# What people look at first; any others follow in the order of the table of methods.
_FIRST = ("cmi", "mi")


@dataclass(frozen=True)
class Kind:
    """One kind of map.

    method, estimator: as in `WordExplanation.quantities`; estimator "" is a map without total. label: its name for people.
    unit: of a cell. note: what it shows. signed: values below zero have a meaning, so that zero is in the middle of the
    colours. from_zero: colours start at zero, not at the lowest value.
    """

    method: str
    estimator: str
    label: str
    unit: str
    note: str
    signed: bool
    from_zero: bool

    def heat(self, word: WordExplanation) -> np.ndarray | None:
        """The word's map (h, w); None if it has none, or one that holds a number that is not finite."""
        quantity = self.quantity(word)
        heat = word.maps.get(self.method) if not self.estimator else quantity.map if quantity else None
        return heat if heat is not None and heat.size and np.isfinite(heat).all() else None

    def quantity(self, word: WordExplanation) -> Quantity | None:
        """The word's total, with its error; None if this kind of map has no total."""
        return word.quantities.get((self.method, self.estimator)) if self.estimator else None

    def scale(self, heats: Iterable[np.ndarray]) -> tuple[float, float]:
        """The values of the first and the last colour for maps drawn on one scale; never equal."""
        ends = [(float(heat.min()), float(heat.max())) for heat in heats]
        low, high = min((end[0] for end in ends), default=0.0), max((end[1] for end in ends), default=0.0)
        if self.signed:
            low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
        elif self.from_zero:
            low = min(0.0, low)
        return (low, high) if high > low else (low, low + 1.0)

    def palette(self, sequential: str) -> str:
        """Name of the colour map: the given one, unless values below zero have a meaning."""
        return SIGNED_PALETTE if self.signed else sequential


def kinds_of(explanation: Explanation) -> list[Kind]:
    """The kinds of map that a word of the explanation has: CMI, MI, both by the standard estimator, other methods."""
    quantities = {key for word in explanation.words for key in word.quantities}
    maps = {key for word in explanation.words for key in word.maps}
    methods = [*_FIRST, *(key for key in METHODS if key not in _FIRST)]
    found = [_kind(METHODS[key], ORTHOGONAL) for key in methods if (key, ORTHOGONAL) in quantities]
    found += [_kind(METHODS[key], "standard") for key in methods if (key, "standard") in quantities]
    return found + [_kind(METHODS[key], "") for key in methods if key in maps]


def kind_of(explanation: Explanation, method: str = "cmi", estimator: str = ORTHOGONAL) -> Kind:
    """The kind of map of a method; the estimator counts only for quantities. Raises InputError if no word has such a map."""
    kinds = kinds_of(explanation)
    for kind in kinds:
        if kind.method == method and kind.estimator in ("", estimator):
            return kind
    there = ", ".join(f"{kind.method!r}{f' ({kind.estimator})' if kind.estimator else ''}" for kind in kinds)
    raise InputError(
        f"the explanation has no map of the method {method!r}{f' ({estimator})' if estimator != ORTHOGONAL else ''}; it has "
        f"{there or 'no maps at all'}: name the method when explaining the picture."
    )


def word_of(explanation: Explanation, key: Any) -> WordExplanation:
    """A word by its key, such as "dog" or ("dog", 1). Raises InputError if the explanation has no such word."""
    try:
        return explanation[key]
    except (KeyError, TypeError, ValueError):
        there = ", ".join(map(repr, explanation))
        raise InputError(f"the explanation has no word {key!r}; its words are {there or 'none'}.") from None


def _kind(method: Method, estimator: str) -> Kind:
    label = method.style.label
    standard = estimator == "standard"
    page = method.page
    return Kind(
        method=method.key,
        estimator=estimator,
        label=f"{label}, signed" if standard else label,
        unit=method.unit,
        note=f"{label} by the standard estimator, which can be negative" if standard else page.note if page else label,
        signed=standard or bool(page and page.signed),
        from_zero=page.from_zero if page else True,
    )
