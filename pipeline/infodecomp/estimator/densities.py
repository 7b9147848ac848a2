"""Densities of log-SNRs: they turn points in [0, 1) into log-SNRs and weights.

The weights are w = 1/density, so that ∫ f(α) dα ≈ mean over draws of w(α)·f(α).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval


def logistic_cumulative(logsnr: np.ndarray, interval: Interval) -> np.ndarray:
    """Cumulative distribution function of the logistic, not truncated.

    >>> logistic_cumulative(np.array([1.0]), Interval(-5.0, 7.0, loc=1.0, scale=2.0)).tolist()
    [0.5]
    """
    return np.asarray(1 / (1 + np.exp(-(logsnr - interval.loc) / interval.scale)))


def logistic_shares(draws: Draws, interval: Interval) -> torch.Tensor:
    """Weights that turn a mean over draws of any density into one over the truncated logistic, float64 (N,).

    Each is the ratio of the logistic density to the density of the draw.

    >>> interval = Interval(-5.0, 7.0, loc=1.0, scale=2.0)
    >>> logsnr, weight = map(torch.from_numpy, logistic_draws(np.array([0.2, 0.9]), interval))
    >>> logistic_shares(Draws.held(logsnr, weight, torch.zeros(2, 1, 1, 1)), interval).numpy().round(6).tolist()
    [1.0, 1.0]
    """
    edges = logistic_cumulative(np.array([interval.low, interval.high]), interval)
    cumulative = logistic_cumulative(draws.logsnr.numpy(), interval)
    density = cumulative * (1 - cumulative) / (interval.scale * (edges[1] - edges[0]))
    return draws.weight * torch.from_numpy(density)


def logistic_draws(u: np.ndarray, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
    """Log-SNRs and weights of a truncated logistic from u in [0, 1), float64.

    α = loc + scale·logit(F(low) + (F(high) − F(low))·u), with F the logistic CDF; w = 1/density.

    >>> logsnr, weight = logistic_draws(np.array([0.5]), Interval(-5.0, 7.0, loc=1.0, scale=2.0))
    >>> logsnr.round(6).tolist(), weight.round(3).tolist()
    ([1.0], [7.241])
    """
    cumulative = [_sigmoid((edge - interval.loc) / interval.scale) for edge in (interval.low, interval.high)]
    mass = cumulative[1] - cumulative[0]
    p = cumulative[0] + mass * np.asarray(u, dtype=np.float64)
    standard = np.log(p) - np.log1p(-p)
    return interval.loc + interval.scale * standard, mass * interval.scale / (p * (1 - p))


def uniform_draws(u: np.ndarray, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
    """Log-SNRs and weights of the uniform density: w = high − low.

    >>> logsnr, weight = uniform_draws(np.array([0.25]), Interval(-5.0, 7.0, loc=1.0, scale=2.0))
    >>> logsnr.tolist(), weight.tolist()
    ([-2.0], [12.0])
    """
    length = interval.high - interval.low
    logsnr = interval.low + length * np.asarray(u, dtype=np.float64)
    return logsnr, np.full_like(logsnr, length)


def grid_draws(count: int, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
    """`count` equidistant log-SNRs, ends included, with the weights of the trapezoidal rule.

    >>> logsnr, weight = grid_draws(3, Interval(-5.0, 7.0, loc=1.0, scale=2.0))
    >>> logsnr.tolist(), weight.tolist()
    ([-5.0, 1.0, 7.0], [9.0, 18.0, 9.0])
    """
    logsnr = np.linspace(interval.low, interval.high, count)
    weight = np.full(count, (interval.high - interval.low) * count / max(count - 1, 1))
    if count > 1:
        weight[[0, -1]] /= 2
    return logsnr, weight


# How a density turns points in [0, 1) into log-SNRs and weights.
Placing = Callable[[np.ndarray, Interval], tuple[np.ndarray, np.ndarray]]


DENSITIES: dict[str, Placing] = {"logistic": logistic_draws, "uniform": uniform_draws}


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
