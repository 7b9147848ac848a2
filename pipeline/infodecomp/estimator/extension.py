"""Extend a run with fewer draws, with a result equal bit for bit to that of one run with all draws.

Little is kept of the earlier draws: the map after these n draws, rounded as it is stored, and the total of the integrand at
each draw. With f_1 … f_N the weighted integrands,

    map at N = (n · map at n + f_{n+1} + … + f_N) / N,

and an uninterrupted run computes its maps in the same way, from one number of draws in `steps` to the next. Standard errors
of totals, and curves, follow from the totals at each draw. Standard errors of cells would need the map of every draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import KINDS, Estimate
from infodecomp.estimator.information import gaussian_entropy, gaussian_half_error, half_error, integral, weighted
from infodecomp.estimator.mean import Mean
from infodecomp.estimator.prompt_pairs import PromptPair

# How a map is rounded when it is stored.
Rounding = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Extended:
    """Maps at each number of draws, float32 (h, w), and totals of the integrand at each draw, float64 (N,), by name."""

    draws: Draws
    maps: Mapping[tuple[str, int], np.ndarray]
    totals: Mapping[str, np.ndarray]

    def total(self, name: str) -> Mean:
        """The integral of a total with its standard error."""
        return integral(torch.from_numpy(self.totals[name]), self.draws)

    def likelihood(self, name: str, dimensions: int) -> Mean:
        """The NLL from the half squared errors of that name."""
        gaussian = gaussian_half_error(self.draws.logsnr, dimensions)
        integrand = torch.from_numpy(self.totals[name]) - gaussian
        return integral(integrand, self.draws).plus(gaussian_entropy(dimensions))

    def curve(self, name: str) -> np.ndarray:
        """The integrand sorted by log-SNR, (N,)."""
        return self.totals[name][torch.argsort(self.draws.logsnr, stable=True).numpy()]


def extended(
    estimate: Estimate,
    pairs: Mapping[str, PromptPair],
    draws: Draws,
    steps: Sequence[int],
    before: Extended | None,
    rounded: Rounding,
) -> Extended:
    """Maps and totals of `pairs` after all draws, by name.

    estimate: of the draws after those of `before`. steps: all numbers of draws. The names of maps and totals are
    <name>_standard and <name>_orthogonal. rounded: what storing does to a map.

    >>> draws = Draws.held(torch.tensor([1.0]), torch.ones(1), torch.zeros(1, 1, 1, 2))
    >>> error = {"": torch.full((1, 1, 2), 3.0), "dog": torch.ones(1, 1, 2)}
    >>> found = Estimate(draws, 1, error, {("", "dog"): torch.full((1, 1, 2), 2.0)})
    >>> extended(found, {"mi": ("", "dog")}, draws, [1], None, rounded=np.float32).maps["mi_standard", 1].tolist()
    [[1.0, 1.0]]
    """
    maps, totals = (dict(before.maps), dict(before.totals)) if before else ({}, {})
    for name, pair in pairs.items():
        for kind in KINDS:
            key, integrand = f"{name}_{kind}", estimate.integrand(pair, kind)
            totals[key] = np.concatenate([totals.get(key, np.empty(0)), integrand.sum((1, 2)).numpy()])
            start = len(draws) - len(estimate.draws)
            _continue_map(maps, key, weighted(integrand, estimate.draws), steps, start, rounded)
    return Extended(draws, maps, totals)


def with_error(found: Extended, estimate: Estimate, name: str, prompt: str, before: Extended | None) -> Extended:
    """Add half the squared errors of a prompt's predictions to the totals.

    >>> draws = Draws.held(torch.tensor([1.0]), torch.ones(1), torch.zeros(1, 1, 1, 2))
    >>> error = {"": torch.full((1, 1, 2), 3.0), "dog": torch.ones(1, 1, 2)}
    >>> found = Estimate(draws, 1, error, {("", "dog"): torch.full((1, 1, 2), 2.0)})
    >>> with_error(Extended(draws, {}, {}), found, "nll", "dog", None).totals["nll"].tolist()
    [1.0]
    """
    more = half_error(estimate.error[prompt].double()).sum((1, 2)).numpy()
    earlier = before.totals[name] if before else np.empty(0)
    return Extended(found.draws, found.maps, {**found.totals, name: np.concatenate([earlier, more])})


def _continue_map(
    maps: dict[tuple[str, int], np.ndarray],
    key: str,
    values: torch.Tensor,
    steps: Sequence[int],
    start: int,
    rounded: Rounding,
) -> None:
    """Add the maps at the numbers of draws after `start`, which is 0 or one of them."""
    seen = start
    for count in steps:
        if count <= start:
            continue
        block = values[seen - start : count - start].sum(0).numpy()
        earlier = seen * maps[key, seen].astype(np.float64) if seen else 0.0
        maps[key, count] = rounded((earlier + block) / count)
        seen = count
