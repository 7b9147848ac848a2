"""Going on where a run with fewer draws ended, so that the result is bit for bit that of one run with all of them.

What is kept of the earlier draws is small: the map at their number n, rounded as it is stored, and the totals of
the integrands draw by draw. With f_1 … f_N the weighted integrands,

    map at N = (n · map at n + f_{n+1} + … + f_N) / N,

and a run without interruption computes its maps in the same way, from one number of draws in `steps` to the next. Standard
errors of totals, and curves, follow from the totals draw by draw. Errors of single pixels would take all the maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.estimates import Estimate, Pair
from infodecomp.estimator.sampling import Draws
from infodecomp.estimator.uncertainty import Mean, mean_over_draws
from infodecomp.maps.rounding import rounded_map

_KINDS = ("standard", "orthogonal")


@dataclass(frozen=True)
class Extended:
    """Maps at each number of draws, float32 (h, w), and totals of the integrand draw by draw, float64 (N,), both by name."""

    draws: Draws
    maps: Mapping[tuple[str, int], np.ndarray]
    totals: Mapping[str, np.ndarray]

    def total(self, name: str) -> Mean:
        """The integral of a total with its standard error."""
        return self._integral(self.totals[name])

    def likelihood(self, name: str, dimensions: int) -> Mean:
        """The NLL whose half squared error is that total: the error of a standard normal taken off, its entropy added."""
        gaussian = 0.5 * dimensions * torch.sigmoid(self.draws.logsnr)
        entropy = dimensions / 2 * math.log(2 * math.pi * math.e)
        return self._integral(self.totals[name] - gaussian.numpy()).plus(entropy)

    def _integral(self, values: np.ndarray) -> Mean:
        return mean_over_draws(self.draws.weight * torch.from_numpy(values), self.draws)

    def curve(self, name: str) -> np.ndarray:
        """The integrand in order of log-SNR, (N,)."""
        return self.totals[name][torch.argsort(self.draws.logsnr, stable=True).numpy()]


def extended(
    estimate: Estimate, pairs: Mapping[str, Pair], draws: Draws, steps: Sequence[int], before: Extended | None
) -> Extended:
    """What all draws say about `pairs`, by name.

    estimate: of the draws after those of `before`. steps: all numbers of draws. The names of maps and totals are
    <name>_standard and <name>_orthogonal.
    """
    maps, totals = (dict(before.maps), dict(before.totals)) if before else ({}, {})
    for name, pair in pairs.items():
        for kind in _KINDS:
            key, integrand = f"{name}_{kind}", _integrand(estimate, pair, kind)
            totals[key] = np.concatenate([totals.get(key, np.empty(0)), integrand.sum((1, 2)).numpy()])
            weighted = estimate.draws.weight[:, None, None] * integrand
            _continue_map(maps, key, weighted, steps, start=len(draws) - len(estimate.draws))
    return Extended(draws, maps, totals)


def with_error(found: Extended, estimate: Estimate, name: str, prompt: str, before: Extended | None) -> Extended:
    """The same with half the squared error of a prompt's predictions among the totals."""
    more = (0.5 * estimate.error[prompt].double()).sum((1, 2)).numpy()
    earlier = before.totals[name] if before else np.empty(0)
    return Extended(found.draws, found.maps, {**found.totals, name: np.concatenate([earlier, more])})


def _continue_map(
    maps: dict[tuple[str, int], np.ndarray], key: str, weighted: torch.Tensor, steps: Sequence[int], start: int
) -> None:
    """Add the maps at the numbers of draws after `start`, which is 0 or one of them."""
    seen = start
    for count in steps:
        if count <= start:
            continue
        block = weighted[seen - start : count - start].sum(0).numpy()
        earlier = seen * maps[key, seen].astype(np.float64) if seen else 0.0
        maps[key, count] = rounded_map((earlier + block) / count)
        seen = count


def _integrand(estimate: Estimate, pair: Pair, kind: str) -> torch.Tensor:
    """i^s or i^o of each draw, float64 (N, h, w)."""
    if kind == "orthogonal":
        return 0.5 * estimate.gap[pair].double()
    return 0.5 * (estimate.error[pair[0]].double() - estimate.error[pair[1]].double())
