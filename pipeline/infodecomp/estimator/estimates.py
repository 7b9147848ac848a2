"""The result of a run of the estimator: integrands at each draw, and maps, totals, curves and standard errors from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.information import gaussian_entropy, nll, orthogonal, standard, weighted
from infodecomp.estimator.mean import Mean
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.estimator.uncertainty import mean_over_draws

# The two estimators of information; see `infodecomp.estimator.information`.
KINDS = ("standard", "orthogonal")


@dataclass(frozen=True)
class MapEstimate:
    """A map with standard errors, and its total over the image with its standard error. Nats, float64.

    cells: means of shape (h, w); image: of shape (). `numpy.asarray` of an estimate is its map.
    """

    cells: Mean
    image: Mean

    @property
    def map(self) -> np.ndarray:
        """(h, w)."""
        return self.cells.value

    @property
    def map_error(self) -> np.ndarray:
        """Standard error of every cell, (h, w)."""
        return self.cells.error

    @property
    def total(self) -> float:
        """Sum over the cells."""
        return float(self.image.value)

    @property
    def total_error(self) -> float:
        """Standard error of the total."""
        return float(self.image.error)

    def total_interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Ends of the confidence interval of the total; see `infodecomp.estimator.uncertainty`."""
        low, high = self.image.interval(confidence)
        return float(low), float(high)

    def map_interval(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval for each cell separately, (h, w) each."""
        return self.cells.interval(confidence)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.map, dtype=dtype)


@dataclass(frozen=True)
class Curve:
    """The integrands of a prompt pair against log-SNR, summed over cells: (N,) each, sorted by log-SNR."""

    logsnr: np.ndarray
    standard: np.ndarray
    orthogonal: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """Squared errors and gaps of one image at each draw, and the estimates that follow from them.

    error: prompt → (N, h, w), the squared error (ε − ε̂)² summed over channels. gap: prompt pair → (N, h, w), the squared
    difference of the two predictions, summed likewise.
    """

    draws: Draws
    channels: int
    error: Mapping[str, torch.Tensor]
    gap: Mapping[PromptPair, torch.Tensor]

    @property
    def evaluations(self) -> int:
        """Number of denoiser evaluations."""
        # Prompts with equal conditions share the memory of one evaluation, also in the slices that `at` takes.
        return len(self.draws) * len({error.data_ptr() for error in self.error.values()})

    def at(self, count: int) -> Estimate:
        """The estimate from the first `count` draws alone."""
        return self.between(0, count)

    def between(self, start: int, stop: int) -> Estimate:
        """The estimate from draws `start` … `stop` − 1 alone."""
        kept = slice(start, stop)
        return Estimate(
            self.draws.between(start, stop),
            self.channels,
            {name: error[kept] for name, error in self.error.items()},
            {pair: gap[kept] for pair, gap in self.gap.items()},
        )

    def followed_by(self, other: Estimate) -> Estimate:
        """The estimate from these draws and then the other's, for the prompts and pairs of the other."""
        joined: dict[tuple[int, int], torch.Tensor] = {}

        def both(mine: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
            # Prompts that share the memory of one evaluation still do afterwards.
            key = mine.data_ptr(), more.data_ptr()
            if key not in joined:
                joined[key] = torch.cat([mine, more])
            return joined[key]

        return Estimate(
            self.draws.followed_by(other.draws),
            self.channels,
            {name: both(self.error[name], error) for name, error in other.error.items()},
            {pair: both(self.gap[pair], gap) for pair, gap in other.gap.items()},
        )

    def integrand(self, pair: PromptPair, kind: str) -> torch.Tensor:
        """The integrand of i^s ("standard") or i^o ("orthogonal") of a pair at each draw, float64 (N, h, w)."""
        if kind == "orthogonal":
            return orthogonal(self.gap[pair].double())
        reference, conditioned = pair
        return standard(self.error[reference].double(), self.error[conditioned].double())

    @cached_property
    def standard(self) -> dict[PromptPair, MapEstimate]:
        """i^s of each pair."""
        return {pair: _map_estimate(self.integrand(pair, "standard"), self.draws) for pair in self.gap}

    @cached_property
    def orthogonal(self) -> dict[PromptPair, MapEstimate]:
        """i^o of each pair."""
        return {pair: _map_estimate(self.integrand(pair, "orthogonal"), self.draws) for pair in self.gap}

    @cached_property
    def nll(self) -> dict[str, MapEstimate]:
        """Negative log likelihood of each evaluated prompt."""
        logsnr, entropy = self.draws.logsnr, gaussian_entropy(self.channels)
        return {
            name: _map_estimate(nll(error.double(), logsnr, self.channels), self.draws, entropy)
            for name, error in self.error.items()
        }

    @cached_property
    def curve(self) -> dict[PromptPair, Curve]:
        """The integrands against log-SNR."""
        order = torch.argsort(self.draws.logsnr)
        logsnr = self.draws.logsnr[order].numpy()
        return {
            pair: Curve(logsnr, *(self.integrand(pair, kind).sum((1, 2))[order].numpy() for kind in KINDS))
            for pair in self.gap
        }


def _map_estimate(integrand: torch.Tensor, draws: Draws, constant: float = 0.0) -> MapEstimate:
    """The integral at each cell and its sum over cells. integrand: float64 (N, h, w); constant: added to each cell."""
    values = weighted(integrand, draws)
    return MapEstimate(
        cells=mean_over_draws(values, draws).plus(constant),
        image=mean_over_draws(values.sum((1, 2)), draws).plus(constant * integrand[0].numel()),
    )
