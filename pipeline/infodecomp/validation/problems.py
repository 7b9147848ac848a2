"""The closed-form problems of the validation study, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from infodecomp.validation.denoisers import GaussianMixture
from infodecomp.validation.gaussian import Field, JointNormal
from infodecomp.validation.mixture import Mixture
from infodecomp.validation.points import ClosedForm


def _mixture(
    weights: list[float], means: list[list[float]], covariances: list[list[list[float]]], information: float
) -> Mixture:
    centres, spreads, shares = (torch.tensor(values, dtype=torch.float64) for values in (means, covariances, weights))
    return Mixture(GaussianMixture(centres, spreads), shares, information)


def plane() -> Mixture:
    """Three overlapping Gaussians in the plane."""
    return _mixture(
        [0.5, 0.3, 0.2],
        [[0.0, 0.0], [1.2, 0.4], [-0.8, 1.0]],
        [[[0.6, 0.2], [0.2, 0.4]], [[0.25, -0.1], [-0.1, 0.5]], [[0.9, 0.0], [0.0, 0.15]]],
        0.56582254,
    )


def shapes() -> Mixture:
    """Three Gaussians of different shape in the plane."""
    roots = np.array([[[0.6, 0.0], [0.2, 0.5]], [[0.7, 0.0], [-0.3, 0.4]], [[0.5, 0.0], [0.1, 0.8]]])
    return _mixture(
        [0.5, 0.3, 0.2],
        [[1.2, 0.0], [-0.8, 0.9], [-0.3, -1.1]],
        (roots @ roots.transpose(0, 2, 1)).tolist(),
        float("nan"),
    )


def fine() -> Mixture:
    """Two narrow Gaussians in the plane: the label matters only at low noise."""
    return _mixture(
        [0.5, 0.5],
        [[0.0, 0.0], [0.1, -0.05]],
        [[[0.02, 0.0], [0.0, 0.01]], [[0.002, 0.0005], [0.0005, 0.004]]],
        0.31737985,
    )


def labels() -> Mixture:
    """Four labels in 64 dimensions, each of which shifts mean and variance of about a third of them."""
    rng = np.random.default_rng(64)
    variance = np.exp(rng.uniform(np.log(5e-3), np.log(0.3), 64))
    moved = rng.random((4, 64)) < 0.3
    means = np.where(moved, 0.3 * np.sqrt(variance) * rng.standard_normal((4, 64)), 0.0)
    variances = variance * np.where(moved, np.exp(0.25 * rng.standard_normal((4, 64))), 1.0)
    denoiser = GaussianMixture(torch.from_numpy(means), torch.from_numpy(variances))
    return Mixture(denoiser, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64), float("nan"))


def disc(side: int) -> Field:
    """4 × side × side pixels with a disc in which y determines much of the mean; outside, y carries little information."""
    rng = np.random.default_rng(side)
    rows, columns = np.mgrid[:side, :side] / side
    inside = (rows - 0.41) ** 2 + (columns - 0.56) ** 2 < 0.22**2
    rest = np.exp(rng.uniform(np.log(0.02), np.log(0.6), (4, side, side)))
    return Field(np.where(inside, rng.uniform(0.11, 0.35, rest.shape), 0.01 * rest), rest)


def dense(d: int, correlation: float = 0.5) -> JointNormal:
    """All 2d coordinates of x and y are equally correlated."""
    return JointNormal(np.full((2 * d, 2 * d), correlation) + (1 - correlation) * np.eye(2 * d), d)


def sparse(d: int, pairs: int, correlation: float) -> JointNormal:
    """x_k and y_k are correlated for the first `pairs` coordinates k; everything else is independent."""
    covariance = np.eye(2 * d)
    for k in range(pairs):
        covariance[k, d + k] = covariance[d + k, k] = correlation
    return JointNormal(covariance, d)


PROBLEMS: dict[str, Callable[[], ClosedForm]] = {
    "plane": plane,
    "shapes": shapes,
    "fine": fine,
    "labels": labels,
    "disc_16": lambda: disc(16),
    "disc_64": lambda: disc(64),
    "normal_1": lambda: sparse(1, 1, 0.75),
    "dense_5": lambda: dense(5),
    "dense_25": lambda: dense(25),
    "sparse_5": lambda: sparse(5, 2, 0.8),
    "sparse_25": lambda: sparse(25, 2, 0.8),
}


@cache
def problem(name: str) -> ClosedForm:
    """The problem of that name."""
    return PROBLEMS[name]()
