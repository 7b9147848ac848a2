"""Mixtures of Gaussians: y names the component that x comes from.

The log likelihood ratio of a point is exact. i^s and i^o within a range of log-SNRs are integrals over α and ε without a
closed form: the truth is a long run of the estimator itself, with an error far below that of the runs it judges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.validation.denoisers import GaussianMixture
from infodecomp.validation.points import LABEL, PAIR, REFERENCE, Point, Truth

_LONG, _PART = 1 << 17, 1 << 13


@dataclass(frozen=True)
class Mixture:
    """x from one of K Gaussians, y its index. weights: float64 (K,). information: I(x; y) in nats, by quadrature, or NaN."""

    denoiser: GaussianMixture
    weights: torch.Tensor
    information: float

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, 1, self.denoiser.means.shape[1]

    def point(self, rng: np.random.Generator) -> Point:
        component = int(rng.choice(len(self.weights), p=self.weights.numpy()))
        covariance = self.denoiser.covariances[component].numpy()
        root = np.diag(np.sqrt(covariance)) if covariance.ndim == 1 else np.linalg.cholesky(covariance)
        x = self.denoiser.means[component].numpy() + root @ rng.standard_normal(len(root))
        return self.at(torch.from_numpy(x).view(1, 1, -1), component)

    def at(self, x: torch.Tensor, component: int) -> Point:
        """The point of a given x, (1, 1, d), and its component."""
        prompts = {
            REFERENCE: self.denoiser.prompt(weights=self.weights),
            LABEL: self.denoiser.prompt(component, weights=self.weights),
        }
        known, unknown = (self.denoiser.log_density(x[None], prompts[name].expand(1)) for name in (LABEL, REFERENCE))
        return Point(x, prompts, float(known - unknown))

    def truth(self, point: Point, interval: Interval) -> Truth:
        parts = [self._part(point, interval, seed) for seed in range(_LONG // _PART)]
        standard, orthogonal = (
            np.mean([getattr(part, kind) for part in parts], 0) for kind in ("standard", "orthogonal")
        )
        return Truth(standard, orthogonal)

    def _part(self, point: Point, interval: Interval, seed: int) -> Truth:
        draws = sample_draws(
            shape=self.shape,
            steps=[_PART],
            density="logistic",
            design="stratified",
            antithetic_eps=True,
            interval=interval,
            rng=np.random.default_rng(seed),
        )
        found = estimate(self.denoiser, point.x, point.prompts, [PAIR], draws, _PART)
        return Truth(found.standard[PAIR].map, found.orthogonal[PAIR].map)
