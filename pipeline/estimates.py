"""What one run of the estimator yields: per-draw integrands, and from them maps, totals, curves and standard errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from pipeline.sampling import Draws

Pair = tuple[str, str]


@dataclass(frozen=True)
class MapEstimate:
    """A map over pixels with its standard error, and its total over the image with its own. Nats, float64.

    map, map_error: (h, w). `numpy.asarray` of it is the map.
    """

    map: np.ndarray
    map_error: np.ndarray
    total: float
    total_error: float

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.map, dtype=dtype)


@dataclass(frozen=True)
class Curve:
    """The integrands of one pair against log-SNR, summed over pixels: (N,) each, in order of log-SNR."""

    logsnr: np.ndarray
    standard: np.ndarray
    orthogonal: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """Per-draw integrands of one image, and the estimates that follow from them.

    error: prompt → (N, h, w), the squared error (ε − ε̂)² summed over channels. gap: pair → (N, h, w), the squared
    difference of the two predictions.
    """

    draws: Draws
    channels: int
    error: Mapping[str, torch.Tensor]
    gap: Mapping[Pair, torch.Tensor]

    @property
    def evaluations(self) -> int:
        """Denoiser evaluations that the estimate took."""
        # Prompts with equal embeddings share the memory of one evaluation, also in the slices that `at` takes.
        return len(self.draws) * len({error.data_ptr() for error in self.error.values()})

    def at(self, count: int) -> Estimate:
        """The estimate from the first `count` draws alone."""
        return Estimate(
            self.draws.first(count),
            self.channels,
            {name: error[:count] for name, error in self.error.items()},
            {pair: gap[:count] for pair, gap in self.gap.items()},
        )

    @cached_property
    def standard(self) -> dict[Pair, MapEstimate]:
        """i^s of each pair."""
        return {
            pair: _integrate(0.5 * (self.error[pair[0]].double() - self.error[pair[1]].double()), self.draws)
            for pair in self.gap
        }

    @cached_property
    def orthogonal(self) -> dict[Pair, MapEstimate]:
        """i^o of each pair."""
        return {pair: _integrate(0.5 * gap.double(), self.draws) for pair, gap in self.gap.items()}

    @cached_property
    def nll(self) -> dict[str, MapEstimate]:
        """Negative log likelihood of each evaluated prompt."""
        gaussian = self.channels * torch.sigmoid(self.draws.logsnr)[:, None, None]
        constant = self.channels / 2 * math.log(2 * math.pi * math.e)
        return {
            name: _integrate(0.5 * (error.double() - gaussian), self.draws, constant)
            for name, error in self.error.items()
        }

    @cached_property
    def curve(self) -> dict[Pair, Curve]:
        """The integrands against log-SNR."""
        order = torch.argsort(self.draws.logsnr)
        logsnr = self.draws.logsnr[order].numpy()
        curves = {}
        for (reference, conditioned), gap in self.gap.items():
            difference = 0.5 * (self.error[reference].double() - self.error[conditioned].double()).sum((1, 2))
            distance = 0.5 * gap.double().sum((1, 2))
            curves[reference, conditioned] = Curve(logsnr, difference[order].numpy(), distance[order].numpy())
        return curves


def _integrate(integrand: torch.Tensor, draws: Draws, constant: float = 0.0) -> MapEstimate:
    """Mean over draws of w·integrand with its standard error. integrand: float64 (N, h, w)."""
    values = draws.weight[:, None, None] * integrand
    total, total_error = mean_and_error(values.sum((1, 2)), draws)
    pixels, pixel_errors = mean_and_error(values, draws)
    return MapEstimate(
        map=(pixels + constant).numpy(),
        map_error=pixel_errors.numpy(),
        total=float(total + constant * integrand[0].numel()),
        total_error=float(total_error),
    )


def mean_and_error(values: torch.Tensor, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over the first axis and its standard error under the design.

    ±ε pairs are averaged first. Independent draws: s/√n. Stratified: the variance within strata is read off second
    differences of neighbours on the log-SNR axis, (f₋ − 2f + f₊)²/6, which a trend across strata does not inflate.
    """
    mean = values.mean(0)
    logsnr = draws.logsnr
    if draws.antithetic:
        values, logsnr = values.unflatten(0, (-1, 2)).mean(1), logsnr[::2]
    count = len(values)
    if count < 3:
        return mean, torch.full_like(mean, float("nan"))
    if draws.stratified:
        ordered = values[torch.argsort(logsnr)]
        variance = (ordered[:-2] - 2 * ordered[1:-1] + ordered[2:]).square().mean(0) / 6
    else:
        variance = values.var(0)
    return mean, (variance / count).sqrt()
