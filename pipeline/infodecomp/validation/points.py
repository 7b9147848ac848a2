"""Interface of a closed-form problem: points whose information is known, and the exact denoiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.estimator.interval import Interval

REFERENCE, LABEL = "reference", "label"
PAIR = (REFERENCE, LABEL)


@dataclass(frozen=True)
class Point:
    """A sample of (x, y).

    x: (C, h, w), in the dtype of the estimate. prompts: "reference", which knows nothing of y, and "label". log_ratio:
    ln p(x|y) − ln p(x), nats.
    """

    x: torch.Tensor
    prompts: Mapping[str, Condition]
    log_ratio: float


@dataclass(frozen=True)
class Truth:
    """The exact maps within a range of log-SNRs: (h, w), float64, nats."""

    standard: np.ndarray
    orthogonal: np.ndarray


class ClosedForm(Protocol):
    """A joint distribution of x and y whose denoiser and information are known.

    shape: (C, h, w) of x. information: I(x; y) in nats; NaN without a closed form.
    """

    @property
    def shape(self) -> tuple[int, int, int]: ...

    @property
    def information(self) -> float: ...

    @property
    def denoiser(self) -> Denoiser: ...

    def point(self, rng: np.random.Generator) -> Point:
        """Sample x and y from the problem."""
        ...

    def truth(self, point: Point, interval: Interval) -> Truth:
        """i^s and i^o of a point, integrated over `interval`."""
        ...


def integral(integrand: Callable[[np.ndarray], np.ndarray], interval: Interval, nodes: int = 256) -> np.ndarray:
    """∫ f(α) dα over the interval by Gauss–Legendre quadrature; f maps (Q,) to (Q, …)."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    half = (interval.high - interval.low) / 2
    return np.asarray(np.tensordot(half * weight, integrand(interval.low + half * (at + 1)), axes=1))
