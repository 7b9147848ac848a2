"""Exact denoisers of Gaussian distributions, against which the estimator is checked.

They follow the protocol `infodecomp.estimator.denoiser.Denoiser`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import Condition


@dataclass(frozen=True)
class GaussianMixture:
    """The exact denoiser of x ~ Σ_k π_k N(μ_k, Σ_k); the states of a prompt are log weights ln π_k, (K,).

    means: (K, d). covariances: (K, d) for diagonal or (K, d, d) for full ones. x of shape (C, h, w) with C·h·w = d is
    flattened. With s = σ(α), component k of x_α is N(√s μ_k, C_k), C_k = s Σ_k + (1 − s) I, and

        ε̂ = √(1 − s) Σ_k r_k C_k⁻¹ (x_α − √s μ_k),   r_k the posterior weights.

    A prompt with one finite weight conditions on that component: i(x; y) = ln p(x|y) − ln p(x) is then known exactly.
    """

    means: torch.Tensor
    covariances: torch.Tensor
    logsnr_range: tuple[float, float] = (-math.inf, math.inf)

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        signal, noise = signal_and_noise(logsnr.double())
        residual, spread = self._rotated(x_alpha.flatten(1).double(), signal, noise)
        whitened = residual / spread  # (B, K, d), rotated
        weights = self._posterior(residual, spread, condition.states.double())
        score = torch.einsum("bk,bkd->bd", weights, self._unrotated(whitened))
        return (noise[:, None] * score).view_as(x_alpha).to(x_alpha.dtype)

    def log_density(self, x: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ln p(x | prompt), float64 (B,). x: (B, C, h, w); condition: a batch."""
        one, zero = torch.ones(len(x)).double(), torch.zeros(len(x)).double()
        residual, spread = self._rotated(x.flatten(1).double(), one, zero)
        return torch.logsumexp(_log_normal(residual, spread) + condition.states.double().log_softmax(1), 1)

    def prompt(self, *components: int, weights: torch.Tensor) -> Condition:
        """The prompt "x comes from one of `components`"; without components, the prior."""
        logs = weights.double().log()
        if components:
            kept = torch.full_like(logs, -math.inf)
            kept[list(components)] = logs[list(components)]
            logs = kept
        return Condition.of(logs - torch.logsumexp(logs, 0))

    def _eigen(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self.covariances.ndim == 2:
            return self.covariances.double(), None
        values, vectors = torch.linalg.eigh(self.covariances.double())
        return values, vectors

    def _rotated(self, x: torch.Tensor, signal: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x − √s μ_k in the eigenbasis of Σ_k, (B, K, d), and the variances there, (B, K, d)."""
        values, vectors = self._eigen()
        residual = x[:, None] - signal[:, None, None] * self.means.double()
        if vectors is not None:
            residual = torch.einsum("bkd,kde->bke", residual, vectors)
        return residual, signal[:, None, None] ** 2 * values + noise[:, None, None] ** 2

    def _unrotated(self, residual: torch.Tensor) -> torch.Tensor:
        _, vectors = self._eigen()
        return residual if vectors is None else torch.einsum("bke,kde->bkd", residual, vectors)

    @staticmethod
    def _posterior(residual: torch.Tensor, spread: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        return (_log_normal(residual, spread) + log_weights).softmax(1)


@dataclass(frozen=True)
class GaussianField:
    """The exact denoiser of independent pixels x_j ~ N(m_j, v_j); the states of a prompt are (m, v), shape (2, C, h, w).

    ε̂ = √(1 − s) (x_α − √s m) / (s v + 1 − s). With the marginal mean and variance as the reference prompt and the
    conditional ones as the conditioned prompt, i(x; y) is known exactly at every pixel.
    """

    logsnr_range: tuple[float, float] = (-math.inf, math.inf)

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        signal, noise = (amplitude[:, None, None, None] for amplitude in signal_and_noise(logsnr.to(x_alpha.dtype)))
        mean, variance = condition.states[:, 0], condition.states[:, 1]
        return noise * (x_alpha - signal * mean) / (signal**2 * variance + noise**2)

    @staticmethod
    def log_density(x: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ln p(x_j | prompt) summed over channels, (h, w). x: (C, h, w); condition: one prompt."""
        mean, variance = condition.states
        return -0.5 * ((x - mean) ** 2 / variance + torch.log(2 * math.pi * variance)).sum(0)


@dataclass(frozen=True)
class GaussianVector:
    """The exact denoiser of x ~ N(m, V); the states of a prompt are [m | V], shape (d, 1 + d). x: (1, 1, d)."""

    logsnr_range: tuple[float, float] = (-math.inf, math.inf)

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        signal, noise = (amplitude[:, None] for amplitude in signal_and_noise(logsnr.double()))
        mean, covariance = condition.states[..., 0].double(), condition.states[..., 1:].double()
        spread = signal[..., None] ** 2 * covariance + noise[..., None] ** 2 * torch.eye(mean.shape[1]).double()
        residual = x_alpha.flatten(1).double() - signal * mean
        return (noise * torch.linalg.solve(spread, residual)).view_as(x_alpha).to(x_alpha.dtype)


def _log_normal(residual: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Sum over the last axis of ln N(residual; 0, spread)."""
    return -0.5 * (residual**2 / spread + torch.log(2 * math.pi * spread)).sum(-1)
