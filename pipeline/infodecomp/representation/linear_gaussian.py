"""The linear-Gaussian auxiliary-variable model, in which everything that a code says about an image has a closed form.

x ~ N(0, Σ), z = A x + N(0, D) with a diagonal D, prior N(0, I). For a set S of known dimensions, with the rows A_S and D_S,

    C_S = A_S Σ A_Sᵀ + D_S,   B_S = Σ A_Sᵀ C_S⁻¹,   P_S = Σ − B_S A_S Σ,   x | z_S ~ N(B_S z_S, P_S),

and with s = σ(α) the exact decoder is

    ε̂(x_α | z_S) = √(1 − s) (s P_S + (1 − s) I)⁻¹ (x_α − √s B_S z_S).

The mean squared error of ε̂ is Σ_i σ(α + ln λ_i(P_S)), so that I(x_α; z_S) = ½ ln det(I + e^α Σ) − ½ ln det(I + e^α P_S), and
½ ln det Σ/det P_S for the image itself. Cell j has the diagonal element of the same with matrix logarithms in place of the
determinants. All in float64 and nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.interval import Interval


@dataclass(frozen=True)
class LinearGaussian:
    """covariance: Σ, (d, d); encoder: A, (a, d); noise: the diagonal of D, (a,). An image is (1, 1, d).

    >>> model = LinearGaussian(np.eye(2), np.array([[1.0, 0.0]]), np.array([1.0]))
    >>> round(model.information([0]), 6) == round(0.5 * math.log(2), 6)
    True
    """

    covariance: np.ndarray
    encoder: np.ndarray
    noise: np.ndarray
    logsnr_range: tuple[float, float] = (-math.inf, math.inf)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """All dimensions of the code."""
        return tuple(range(len(self.encoder)))

    @cached_property
    def code_covariance(self) -> np.ndarray:
        """C = A Σ Aᵀ + D, the covariance of the aggregate q(z), (a, a)."""
        return self.encoder @ self.covariance @ self.encoder.T + np.diag(self.noise)

    def posterior(self, known: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """B_S (d, |S|), with B_S z_S the mean of x given z_S, and P_S (d, d), its covariance."""
        rows, keep = self.encoder[list(known)], list(known)
        slope = np.linalg.solve(self.code_covariance[np.ix_(keep, keep)], rows @ self.covariance).T
        return slope, self.covariance - slope @ rows @ self.covariance

    def sample(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """x (n, d) and z (n, a)."""
        x = rng.standard_normal((count, len(self.covariance))) @ np.linalg.cholesky(self.covariance).T
        return x, x @ self.encoder.T + rng.standard_normal((count, len(self.encoder))) * np.sqrt(self.noise)

    def information(self, known: Sequence[int], given: Sequence[int] = ()) -> float:
        """I(x; z_T | z_S) = ½ ln det P_S/det P_T. known: T; given: S, part of T."""
        spread = [np.linalg.slogdet(self.posterior(one)[1])[1] for one in (given, known)]
        return float(spread[0] - spread[1]) / 2

    def noised_information(self, known: Sequence[int], logsnr: float, given: Sequence[int] = ()) -> float:
        """I(x_α; z_T | z_S) at a log-SNR."""
        return float(np.trace(self._noised_logarithms(known, logsnr, given)))

    def within(self, known: Sequence[int], interval: Interval, given: Sequence[int] = ()) -> float:
        """The integral of the information over a range of log-SNRs: I(x_α₁; z_T | z_S) − I(x_α₀; z_T | z_S)."""
        return float(self.cells(known, interval, given).sum())

    def cells(self, known: Sequence[int], interval: Interval | None = None, given: Sequence[int] = ()) -> np.ndarray:
        """The map of the information, (d,): its integral over a range of log-SNRs, or over all of them."""
        if interval is None:
            reference, conditioned = (_logarithm(self.posterior(one)[1]) for one in (given, known))
            return np.diag(reference - conditioned) / 2
        low, high = (self._noised_logarithms(known, logsnr, given) for logsnr in (interval.low, interval.high))
        return np.diag(high - low)

    def squared_error(self, known: Sequence[int], logsnr: float) -> float:
        """E‖ε − ε̂(x_α | z_S)‖² = Σ_i σ(α + ln λ_i(P_S))."""
        power = np.exp(logsnr) * np.linalg.eigvalsh(self.posterior(known)[1])
        return float((power / (1 + power)).sum())

    @property
    def rate(self) -> float:
        """E KL(q(z|x) ‖ p): an upper bound of the information, which it exceeds by `aggregate_divergence`."""
        return float(np.trace(self.code_covariance) - len(self.noise) - np.log(self.noise).sum()) / 2

    @property
    def aggregate_divergence(self) -> float:
        """KL(q(z) ‖ p)."""
        logdet = np.linalg.slogdet(self.code_covariance)[1]
        return float(np.trace(self.code_covariance) - len(self.noise) - logdet) / 2

    @property
    def total_correlation(self) -> float:
        """TC(z) = Σ_k I(x; z_k) − I(x; z) = ½ (Σ_k ln C_kk − ln det C)."""
        return float(np.log(np.diag(self.code_covariance)).sum() - np.linalg.slogdet(self.code_covariance)[1]) / 2

    @property
    def dual_total_correlation(self) -> float:
        """DTC(z) = I(x; z) − Σ_k I(x; z_k | z_rest) = ½ (ln det C + Σ_k ln (C⁻¹)_kk)."""
        conditional = -np.log(np.diag(np.linalg.inv(self.code_covariance)))
        return float(np.linalg.slogdet(self.code_covariance)[1] - conditional.sum()) / 2

    def mmd(self, scale: float) -> float:
        """Squared maximum mean discrepancy of q(z) and p under the kernel exp(−‖z − z′‖²/scale)."""
        eye = np.eye(len(self.noise))

        def similarity(spread: np.ndarray) -> float:
            """E exp(−‖u‖²/scale) for u ~ N(0, spread)."""
            return float(np.linalg.det(eye + 2 * spread / scale) ** -0.5)

        covariance = self.code_covariance
        return similarity(2 * covariance) + similarity(2 * eye) - 2 * similarity(covariance + eye)

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """The exact decoder: ε̂ (B, 1, 1, d). condition: the states z⊙m, (B, a), and the mask m, (B, a)."""
        eps_hat = torch.empty_like(x_alpha)
        masks, group = torch.unique(condition.tensors["mask"], dim=0, return_inverse=True)
        for number, mask in enumerate(masks):
            rows, known = group == number, mask.nonzero().flatten().tolist()
            states = condition.states[rows][:, known].double()
            eps_hat[rows] = self._denoised(x_alpha[rows], logsnr[rows], states, known)
        return eps_hat

    def _denoised(
        self, x_alpha: torch.Tensor, logsnr: torch.Tensor, code: torch.Tensor, known: Sequence[int]
    ) -> torch.Tensor:
        slope, spread = (torch.from_numpy(one) for one in self.posterior(known))
        variances, vectors = torch.linalg.eigh(spread)
        signal, noise = (amplitude[:, None] for amplitude in signal_and_noise(logsnr.double()))
        away = (x_alpha.flatten(1).double() - signal * (code @ slope.T)) @ vectors
        eps_hat = noise * away / (signal**2 * variances + noise**2)
        return (eps_hat @ vectors.T).view_as(x_alpha).to(x_alpha.dtype)

    def _noised_logarithms(self, known: Sequence[int], logsnr: float, given: Sequence[int]) -> np.ndarray:
        """½ [log(I + e^α P_S) − log(I + e^α P_T)], (d, d)."""
        eye = np.eye(len(self.covariance))
        reference, conditioned = (_logarithm(eye + np.exp(logsnr) * self.posterior(one)[1]) for one in (given, known))
        return np.asarray(reference - conditioned) / 2


def _logarithm(matrix: np.ndarray) -> np.ndarray:
    """The logarithm of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.log(values)) @ vectors.T)
