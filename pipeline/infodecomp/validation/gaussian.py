"""Linear-Gaussian problems: x and y are jointly normal, so information is known at every pixel.

With s = √σ(α), n = √σ(−α) and a prompt that says x ~ N(m, V), the exact prediction is ε̂ = n (s²V + n²I)⁻¹ (x_α − s m). It is
linear in ε, so the expectations in i^s and i^o have closed forms; their integrals over α are computed by quadrature. The ½
of the integrands is repeated here on purpose: the truth shares no formula with the estimator that it checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.interval import Interval
from infodecomp.validation.denoisers import GaussianField, GaussianVector
from infodecomp.validation.points import LABEL, REFERENCE, Point, Truth, integral


@dataclass(frozen=True)
class JointNormal:
    """x and y jointly normal with mean zero; the first `d` coordinates are x.

    covariance: float64 (d + k, d + k).
    """

    covariance: np.ndarray
    d: int
    denoiser: GaussianVector = field(default_factory=GaussianVector)

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, 1, self.d

    @cached_property
    def information(self) -> float:
        """½ ln (det Σ_x det Σ_y / det Σ)."""
        blocks = self._xx, self.covariance[self.d :, self.d :], self.covariance
        x, y, joint = (np.linalg.slogdet(block)[1] for block in blocks)
        return float(x + y - joint) / 2

    @property
    def _xx(self) -> np.ndarray:
        return self.covariance[: self.d, : self.d]

    @cached_property
    def _given_y(self) -> tuple[np.ndarray, np.ndarray]:
        """The matrix that turns y into the mean of x given y, and the covariance of x given y."""
        cross, yy = self.covariance[: self.d, self.d :], self.covariance[self.d :, self.d :]
        slope = np.linalg.solve(yy, cross.T).T
        return slope, self._xx - slope @ cross.T

    def point(self, rng: np.random.Generator) -> Point:
        joint = np.linalg.cholesky(self.covariance) @ rng.standard_normal(len(self.covariance))
        x, y = joint[: self.d], joint[self.d :]
        slope, rest = self._given_y
        believed = {REFERENCE: (np.zeros(self.d), self._xx), LABEL: (slope @ y, rest)}
        prompts = {name: Condition.of(torch.from_numpy(np.column_stack(one))) for name, one in believed.items()}
        log_ratio = _log_normal(x, *believed[LABEL]) - _log_normal(x, *believed[REFERENCE])
        return Point(torch.from_numpy(x).view(1, 1, -1), prompts, log_ratio)

    def truth(self, point: Point, interval: Interval) -> Truth:
        x = point.x.flatten().numpy()
        believed = [point.prompts[name].states.numpy() for name in (REFERENCE, LABEL)]

        def linear(logsnr: np.ndarray, prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            """ε̂ = A ε + b: (Q, d, d) and (Q, d)."""
            power = 1 / (1 + np.exp(-logsnr))[:, None, None]
            inverse = np.linalg.inv(power * prompt[:, 1:] + (1 - power) * np.eye(len(x)))
            away = np.sqrt(power * (1 - power))[..., 0] * (inverse @ (x - prompt[:, 0]))
            return (1 - power) * inverse, away

        def integrands(logsnr: np.ndarray) -> np.ndarray:
            (a, b), (c, d) = (linear(logsnr, prompt) for prompt in believed)
            error, error_given_y, gap = (
                (m**2).sum(2) + v**2 for m, v in ((np.eye(len(x)) - a, b), (np.eye(len(x)) - c, d), (a - c, b - d))
            )
            return np.stack([error - error_given_y, gap], 1) / 2

        standard, orthogonal = integral(integrands, interval)
        return Truth(standard[None], orthogonal[None])


@dataclass(frozen=True)
class Field:
    """Independent pixels x_j = m_j + N(0, rest_j) with m_j ~ N(0, explained_j); y is m.

    explained, rest: float64 (C, h, w), the variance of x that y explains, and the rest. Points are float32, like latents.
    """

    explained: np.ndarray
    rest: np.ndarray
    denoiser: GaussianField = field(default_factory=GaussianField)

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.explained.shape
        return channels, height, width

    @property
    def information(self) -> float:
        """½ Σ ln (1 + explained/rest)."""
        return float(np.log1p(self.explained / self.rest).sum()) / 2

    def point(self, rng: np.random.Generator) -> Point:
        mean = rng.standard_normal(self.explained.shape) * np.sqrt(self.explained)
        x = mean + rng.standard_normal(self.explained.shape) * np.sqrt(self.rest)
        marginal = self.explained + self.rest
        believed = {REFERENCE: (np.zeros_like(mean), marginal), LABEL: (mean, self.rest)}
        prompts = {name: Condition.of(torch.from_numpy(np.stack(one)).float()) for name, one in believed.items()}
        log_ratio = 0.5 * (x**2 / marginal - (x - mean) ** 2 / self.rest + np.log(marginal / self.rest)).sum()
        return Point(torch.from_numpy(x).float(), prompts, float(log_ratio))

    def truth(self, point: Point, interval: Interval) -> Truth:
        x = point.x.double().numpy()
        believed = [point.prompts[name].states.double().numpy() for name in (REFERENCE, LABEL)]

        def integrands(logsnr: np.ndarray) -> np.ndarray:
            power = 1 / (1 + np.exp(-logsnr))[:, None, None, None]
            spread = [power * variance + 1 - power for _, variance in believed]
            a, c = ((1 - power) / one for one in spread)
            root = np.sqrt(power * (1 - power))
            b, d = (root * (x - mean) / one for (mean, _), one in zip(believed, spread, strict=True))
            return np.stack([(1 - a) ** 2 + b**2 - (1 - c) ** 2 - d**2, (a - c) ** 2 + (b - d) ** 2], 1).sum(2) / 2

        standard, orthogonal = integral(integrands, interval, nodes=96)
        return Truth(standard, orthogonal)


def _log_normal(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    away = x - mean
    return float(-0.5 * (away @ np.linalg.solve(covariance, away) + np.linalg.slogdet(2 * np.pi * covariance)[1]))
