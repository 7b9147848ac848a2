"""Decompose the information of two words about an image into redundancy, unique information of each word, and synergy.

With i₁ = i(x; y₁), i₂ = i(x; y₂), i₁₂ = i(x; y₁, y₂) in nats, of an image or of each of its pixels, and a redundancy r,

    unique to y_k    u_k = i_k − r
    synergy          s   = i₁₂ − u₁ − u₂ − r = i₁₂ − i₁ − i₂ + r

so that r + u_k = i_k and r + u₁ + u₂ + s = i₁₂ for any r. Three measures of redundancy:

    ppid    pointwise specificity minus ambiguity (Finn and Lizier, Entropy 20(4), 2018), as used by DiffusionPID (Dewan et
            al., NeurIPS 2024). With the surprisal h_k = −ln p(y_k) of a word, its specificity is h_k and its ambiguity
            h(y_k | x) = h_k − i_k, by Bayes' rule. Then

                r = min_k h_k − min_k (h_k − i_k) = min_k h_k + max_k (i_k − h_k).

            With equal surprisals this is max(i₁, i₂): the less informative word then has negative unique information, which
            Finn and Lizier call misinformation. Where surprisals differ by more than the information does, as at single
            pixels, r is the information of the more common word.
    min     min(i₁, i₂).
    ccs     common change in surprisal (Ince, Entropy 19(7), 2017): i₁ + i₂ − i₁₂ where it, i₁, i₂ and i₁₂ have the same
            sign, and 0 elsewhere, under the model's own distribution of x and both words.

Conditional forms use the same formulas, with every i given the rest of the caption.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Redundancy = Literal["ppid", "min", "ccs"]

ATOMS = ("redundancy", "unique_first", "unique_second", "synergy")


@dataclass(frozen=True)
class Information:
    """i(x; y₁), i(x; y₂) and i(x; y₁, y₂), nats, float64 arrays of one shape."""

    first: np.ndarray
    second: np.ndarray
    both: np.ndarray

    def apply(self, function: Callable[[np.ndarray], np.ndarray]) -> Information:
        """Apply a function to all three."""
        return Information(function(self.first), function(self.second), function(self.both))


@dataclass(frozen=True)
class Atoms:
    """The four parts of i(x; y₁, y₂), nats, float64 arrays of one shape."""

    redundancy: np.ndarray
    unique_first: np.ndarray
    unique_second: np.ndarray
    synergy: np.ndarray

    def apply(self, function: Callable[[np.ndarray], np.ndarray]) -> Atoms:
        """Apply a function to all four."""
        return Atoms(*(function(getattr(self, name)) for name in ATOMS))


def decompose(information: Information, measure: Redundancy, surprisal: tuple[float, float] = (0.0, 0.0)) -> Atoms:
    """The four parts, element by element.

    Args:
        information: of images or of pixels.
        measure: of redundancy.
        surprisal: −ln p of the first and of the second word, nats, for `ppid`; equal for a uniform prior.

    >>> nats = Information(np.array(3.0), np.array(2.0), np.array(4.0))
    >>> atoms = decompose(nats, "min")
    >>> [float(getattr(atoms, name)) for name in ATOMS]
    [2.0, 1.0, 0.0, 1.0]
    """
    first, second, both = information.first, information.second, information.both
    shared = _REDUNDANCY[measure](information, surprisal)
    unique_first, unique_second = first - shared, second - shared
    return Atoms(shared, unique_first, unique_second, both - unique_first - unique_second - shared)


def decompose_replicates(replicates: Information, statistic: Callable[[Information], Atoms]) -> tuple[Atoms, Atoms]:
    """A statistic of the mean over replicates, with its standard error.

    Atoms are not means over draws, because r contains a maximum or a minimum. Their error is the standard deviation of the
    statistic over single replicates, divided by √R: for a mean this is the standard error; near a tie of two words, where
    replicates fall on either side, it is conservative.

    Args:
        replicates: R ≥ 2 independent estimates of the same integrals along the first axis.
        statistic: a function of information without that axis.

    >>> runs = Information(np.array([3.0, 5.0]), np.array([2.0, 2.0]), np.array([4.0, 6.0]))
    >>> value, error = decompose_replicates(runs, lambda nats: decompose(nats, "min"))
    >>> float(value.unique_first), float(error.unique_first)
    (2.0, 1.0)
    """
    count = len(replicates.first)
    value = statistic(replicates.apply(lambda one: one.mean(0)))
    runs = zip(replicates.first, replicates.second, replicates.both, strict=True)
    single = [statistic(Information(*map(np.asarray, run))) for run in runs]

    def error(name: str) -> np.ndarray:
        return np.asarray(np.std([getattr(atoms, name) for atoms in single], axis=0, ddof=1) / count**0.5)

    return value, Atoms(*map(error, ATOMS))


def summed_parts(
    replicates: Information, measure: Redundancy, surprisal: tuple[float, float] = (0.0, 0.0)
) -> tuple[Atoms, Atoms]:
    """The parts of every cell, summed over the cells, with standard errors. replicates: maps, (R, h, w).

    >>> runs = Information(np.full((2, 1, 2), 3.0), np.full((2, 1, 2), 2.0), np.full((2, 1, 2), 4.0))
    >>> value, error = summed_parts(runs, "min")
    >>> float(value.redundancy), float(error.redundancy)
    (4.0, 0.0)
    """
    return decompose_replicates(replicates, lambda maps: decompose(maps, measure, surprisal).apply(summed))


def summed(maps: np.ndarray) -> np.ndarray:
    """Sum over the cells, the last two axes.

    >>> summed(np.ones((3, 2, 2))).tolist()
    [4.0, 4.0, 4.0]
    """
    return np.asarray(maps.sum((-2, -1)))


def _ppid(information: Information, surprisal: tuple[float, float]) -> np.ndarray:
    # Relative to the smaller surprisal: where the more common word decides, r equals its information exactly.
    first, second = (one - min(surprisal) for one in surprisal)
    return np.maximum(information.first - first, information.second - second)


def _minimum(information: Information, surprisal: tuple[float, float]) -> np.ndarray:
    return np.minimum(information.first, information.second)


def _common_change(information: Information, surprisal: tuple[float, float]) -> np.ndarray:
    common = information.first + information.second - information.both
    signs = np.sign([common, information.first, information.second, information.both])
    return np.where((signs == signs[0]).all(0), common, 0.0)


_REDUNDANCY: dict[Redundancy, Callable[[Information, tuple[float, float]], np.ndarray]] = {
    "ppid": _ppid,
    "min": _minimum,
    "ccs": _common_change,
}
