"""Walk a latent along the model's probability-flow ODE in the variables of Karras et al. (NeurIPS 2022), Euler or Heun.

Here σ is a noise level, σ = exp(−α/2), not the sigmoid. With x_k = x_α·√(1 + σ²) = x + σ·ε the flow is

    dx_k/dσ = (x_k − denoised)/σ = ε̂_α(x_k/√(1 + σ²))

No noise is drawn on the way, so that it leads from an image to noise and back again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.flows.trail import Watch

Solver = Literal["euler", "heun"]
# ε̂ at x_k (B, C, h, w) and a noise level.
Slope = Callable[[torch.Tensor, float], torch.Tensor]


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> list[float]:
    """The falling noise levels of Karras et al., Eq. 5, from sigma_max to sigma_min, without their last step to zero.

        σ_i = (σ_max^{1/ρ} + i/(n − 1)·(σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ,   i = 0 … n − 1, n = steps ≥ 2

    At σ = 0 the log-SNR is infinite and the model untrained, so that a flow ending there could not be reversed.
    """
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return [(top + i / (steps - 1) * (bottom - top)) ** rho for i in range(steps)]


def euler_move(slope: Slope, x: torch.Tensor, sigma: float, sigma_next: float) -> torch.Tensor:
    """One move of x_k (B, C, h, w) along the slope at its start: first order, one evaluation."""
    return x + (sigma_next - sigma) * slope(x, sigma)


def heun_move(slope: Slope, x: torch.Tensor, sigma: float, sigma_next: float) -> torch.Tensor:
    """One move of x_k (B, C, h, w) along the mean of the slopes at both ends (Karras et al., Algorithm 1).

    Second order, two evaluations.
    """
    here = slope(x, sigma)
    there = slope(x + (sigma_next - sigma) * here, sigma_next)
    return x + (sigma_next - sigma) * (here + there) / 2


class KarrasPath:
    """The probability flow of a model in `steps` noise levels over its whole trained range: `steps` − 1 moves.

    It follows `infodecomp.flows.path.Path`. sigmas: the noise levels, falling. The model's `logsnr_range` must be finite.
    """

    def __init__(self, model: Denoiser, solver: Solver, steps: int, rho: float = 7.0) -> None:
        logsnr_min, logsnr_max = model.logsnr_range
        self.model = model
        self.sigmas = karras_sigmas(steps, math.exp(-logsnr_max / 2), math.exp(-logsnr_min / 2), rho)
        self._move = {"euler": euler_move, "heun": heun_move}[solver]
        self.noise, self.spread = self.sigmas[-1], math.hypot(1, self.sigmas[0])
        self.evaluations = {"euler": 1, "heun": 2}[solver] * (steps - 1)

    def reverse(self, x: torch.Tensor, condition: Condition, watch: Watch | None = None) -> torch.Tensor:
        """From images' latents (B, C, h, w), taken as x_k at the lowest σ, to noise: x_k at the highest σ."""
        return self.walk(x, self.sigmas[::-1], condition, watch=watch)

    def generate(
        self,
        x: torch.Tensor,
        condition: Condition,
        before_call: Callable[[], None] | None = None,
        watch: Watch | None = None,
    ) -> torch.Tensor:
        """From noise (B, C, h, w) to latents; `before_call()` runs before each evaluation, and `watch` gets its result."""
        return self.walk(x, self.sigmas, condition, before_call, watch)

    def walk(
        self,
        x: torch.Tensor,
        sigmas: Sequence[float],
        condition: Condition,
        before_call: Callable[[], None] | None = None,
        watch: Watch | None = None,
    ) -> torch.Tensor:
        """x_k (B, C, h, w) at the last of `sigmas`, from x_k at the first; condition: a batch, one prompt a row."""

        def slope(x: torch.Tensor, sigma: float) -> torch.Tensor:
            if before_call is not None:
                before_call()
            logsnr = torch.full((len(x),), -2 * math.log(sigma), dtype=torch.float64)
            signal, _ = signal_and_noise(logsnr[0])
            x_alpha = float(signal) * x
            eps_hat = self.model(x_alpha, logsnr, condition)
            if watch is not None:
                watch(float(logsnr[0]), x_alpha, eps_hat)
            return eps_hat

        for sigma, sigma_next in pairwise(sigmas):
            x = self._move(slope, x, sigma, sigma_next)
        return x
