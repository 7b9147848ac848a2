"""Two words of a caption: what both say about the picture, what each says alone, and what they say only together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infodecomp.explaining.explanation import Key, Quantity, Span
from infodecomp.metrics.partial_information import (
    Information,
    Redundancy,
    decompose,
    decompose_replicates,
    summed_parts,
)
from infodecomp.runs.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# What a pair is conditioned on: the caption without both words, or no text.
Given = Literal["rest", "nothing"]
Estimator = Literal["orthogonal", "standard"]


@dataclass(frozen=True, eq=False)
class PairParts:
    """The four parts of i(x; first, second), nats; every map sums to its total, and the maps to the map of both words.

    unique: by word, with the keys of an explanation.
    """

    redundancy: Quantity
    unique: Mapping[Key, Quantity]
    synergy: Quantity

    def items(self) -> list[tuple[str, Quantity]]:
        """Each part with its name: redundancy, unique to the first and to the second word, synergy."""
        unique = [(f"unique to {_named(key)}", part) for key, part in self.unique.items()]
        return [("redundancy", self.redundancy), *unique, ("synergy", self.synergy)]


@dataclass(frozen=True, eq=False)
class WordPair:
    """The information of two words of a caption, decomposed in every cell.

    With i₁ = i(x; y₁|c), i₂ = i(x; y₂|c) and i₁₂ = i(x; y₁, y₂|c), where c is the caption without both words (`given`
    "rest") or nothing, and a redundancy r:

        redundancy r    unique to word k  u_k = i_k − r    synergy  s = i₁₂ − i₁ − i₂ + r

    so that r + u₁ + u₂ + s = i₁₂, in every cell and in total. `redundancy`, `unique` and `synergy` are those of
    r = min(i₁, i₂) by the orthogonal estimator, as for maps of a study; `parts` gives others. Each cell is decomposed by
    itself; totals are sums over the cells.

    picture, caption: of the explanation. first, second: in the order of the caption. draws: of all replicates together.
    information: estimator → nats of every replicate, (replicates, h, w) float64, from which standard errors follow: near a
    tie of the two words they are somewhat too large (`infodecomp.metrics.partial_information`).

    >>> nats = Information(np.full((2, 1, 1), 3.0), np.full((2, 1, 1), 2.0), np.full((2, 1, 1), 4.0))
    >>> words = Span("dog", 2, 5), Span("bed", 11, 14)
    >>> pair = WordPair(np.zeros((8, 8, 3), np.uint8), "a dog on a bed", *words, "rest", 48, {"orthogonal": nats})
    >>> pair.redundancy.total, pair.unique["dog"].total, pair.unique["bed"].total, pair.synergy.total
    (2.0, 1.0, 0.0, 1.0)
    """

    picture: np.ndarray
    caption: str
    first: Span
    second: Span
    given: Given
    draws: int
    information: Mapping[str, Information]

    def __repr__(self) -> str:
        words = f"{self.first.key!r}, {self.second.key!r}"
        shown = ", ".join(f"{name} {part.total:.2f}" for name, part in self._parts.items())
        return f"WordPair({words}: {shown} nats)"

    @property
    def redundancy(self) -> Quantity:
        """What either word says."""
        return self._parts.redundancy

    @property
    def unique(self) -> Mapping[Key, Quantity]:
        """What a word says and the other does not, by word: `pair.unique["dog"]`."""
        return self._parts.unique

    @property
    def synergy(self) -> Quantity:
        """What only both words together say; negative where together they say less than the larger of them alone."""
        return self._parts.synergy

    @property
    def words(self) -> Mapping[Key, Quantity]:
        """i₁ and i₂ by word: what each says of what is `given`, without the other word."""
        found = self._of("orthogonal")
        return {self.first.key: _mean(found.first), self.second.key: _mean(found.second)}

    @property
    def both(self) -> Quantity:
        """i₁₂: what both words say, the sum of the four parts."""
        return _mean(self._of("orthogonal").both)

    def parts(
        self,
        measure: Redundancy = "min",
        estimator: Estimator = "orthogonal",
        surprisal: tuple[float, float] = (0.0, 0.0),
    ) -> PairParts:
        """The parts by another measure of redundancy or estimator; see `infodecomp.metrics.partial_information`.

        measure: "min"; "ccs", common change in surprisal (Ince, Entropy 19(7), 2017); "ppid", specificity less ambiguity
        (Dewan et al., NeurIPS 2024). surprisal: −ln p of each word, nats, for "ppid"; equal by default. With the estimator
        "standard", a log likelihood ratio, unique information and synergy of a word given the rest sum to its CMI.

        Raises InputError for another measure or estimator.
        """
        if measure not in ("min", "ccs", "ppid"):
            raise InputError(f"measure is {measure!r}; allowed are min, ccs and ppid.")
        nats = self._of(estimator)
        value, _ = decompose_replicates(nats, lambda maps: decompose(maps, measure, surprisal))
        total, error = summed_parts(nats, measure, surprisal)

        def part(name: str) -> Quantity:
            heat = np.asarray(getattr(value, name), dtype=np.float32)
            return _quantity(float(getattr(total, name)), float(getattr(error, name)), heat, len(nats.both))

        unique = {self.first.key: part("unique_first"), self.second.key: part("unique_second")}
        return PairParts(part("redundancy"), unique, part("synergy"))

    def table(self, confidence: float = 0.95) -> pd.DataFrame:
        """One row a part, then one a word and one for both, nats: total, error (standard), low, high (of the interval)."""
        import pandas as pd

        words = [(_named(key), found) for key, found in self.words.items()]
        rows = [*self._parts.items(), *words, (" and ".join(name for name, _ in words), self.both)]
        return pd.DataFrame(
            [(name, one.total, one.error, *one.interval(confidence)) for name, one in rows],
            columns=["part", "total", "error", "low", "high"],
        )

    def plot(self, **options: Any) -> Figure:
        """The picture and the four maps on one scale: see `infodecomp.explaining.pair_figure.pair_figure`."""
        from infodecomp.explaining.pair_figure import pair_figure

        return pair_figure(self, **options)

    @cached_property
    def _parts(self) -> PairParts:
        return self.parts()

    def _of(self, estimator: str) -> Information:
        if estimator not in self.information:
            raise InputError(f"estimator is {estimator!r}; allowed are {' and '.join(self.information)}.")
        return self.information[estimator]


def _mean(replicates: np.ndarray) -> Quantity:
    totals = replicates.sum((1, 2))
    error = float(totals.std(ddof=1) / len(totals) ** 0.5)
    return _quantity(float(totals.mean()), error, replicates.mean(0).astype(np.float32), len(totals))


def _quantity(total: float, error: float, heat: np.ndarray, replicates: int) -> Quantity:
    return Quantity(total, error, heat, freedom=replicates - 1.0)


def _named(key: Key) -> str:
    """A word in a sentence: dog, or dog (2) for the second."""
    return key if isinstance(key, str) else f"{key[0]} ({key[1] + 1})"
