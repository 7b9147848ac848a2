"""Walk a latent along the model's deterministic flow: DDIM inversion to noise, and DDIM denoising back.

One move from ᾱ_a to ᾱ_b with predicted noise ε̂ (Song et al., ICLR 2021, Eq. 12 with σ = 0):

    x_b = √(ᾱ_b/ᾱ_a)·x_a + (√(1 − ᾱ_b) − √(ᾱ_b/ᾱ_a)·√(1 − ᾱ_a))·ε̂
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.flows.trail import Watch

if TYPE_CHECKING:  # the models take seconds to import, and whoever has one has imported them
    from infodecomp.models.protocol import DiffusionModel


def ddim_move(x: torch.Tensor, eps_hat: torch.Tensor, alpha_from: torch.Tensor, alpha_to: torch.Tensor) -> torch.Tensor:
    """One DDIM move of x (B, C, h, w) between two cumulative alphas (scalars)."""
    ratio = (alpha_to / alpha_from).sqrt()
    return ratio * x + ((1 - alpha_to).sqrt() - ratio * (1 - alpha_from).sqrt()) * eps_hat


class Ddim:
    """The DDIM path of a model in `steps` steps, at the timesteps of its scheduler.

    It follows `infodecomp.flows.path.Path`; evaluations: one a step; noise: 0 if the schedule ends at ᾱ = 1.
    """

    def __init__(self, model: DiffusionModel, steps: int) -> None:
        self.model, self.schedule = model, model.ddim_schedule(steps)
        self.noise, self.spread = math.sqrt(1 - self.schedule.alpha_last), 1.0
        self.timesteps = self.schedule.timesteps  # falling
        self.evaluations = len(self.timesteps)

    def reverse(self, x: torch.Tensor, condition: Condition, watch: Watch | None = None) -> torch.Tensor:
        """From images' latents (B, C, h, w) to noise; ε̂ of each step is taken at the noise level that the step leads to."""
        for timestep in reversed(self.timesteps):
            eps_hat = self._predict(x, timestep, condition, watch)
            x = ddim_move(x, eps_hat, self.schedule.alpha_next[timestep], self.schedule.alpha[timestep])
        return x

    def generate(
        self,
        x: torch.Tensor,
        condition: Condition,
        before_call: Callable[[], None] | None = None,
        watch: Watch | None = None,
    ) -> torch.Tensor:
        """From noise (B, C, h, w) to latents; `before_call()` runs before each evaluation, and `watch` gets its result."""
        for timestep in self.timesteps:
            if before_call is not None:
                before_call()
            x = self.move(x, self._predict(x, timestep, condition, watch), timestep)
        return x

    def move(self, x: torch.Tensor, eps_hat: torch.Tensor, timestep: int) -> torch.Tensor:
        """One move towards the image from x (B, C, h, w) at this timestep of the path."""
        return ddim_move(x, eps_hat, self.schedule.alpha[timestep], self.schedule.alpha_next[timestep])

    def noised(self, x: torch.Tensor, noise: torch.Tensor, timestep: int) -> torch.Tensor:
        """Latents x (B, C, h, w) of images, noised to the level of a timestep of the path."""
        alpha = self.schedule.alpha[timestep]
        return alpha.sqrt() * x + (1 - alpha).sqrt() * noise

    def _predict(self, x: torch.Tensor, timestep: int, condition: Condition, watch: Watch | None) -> torch.Tensor:
        logsnr = self.schedule.logsnr[timestep]
        eps_hat = self.model(x, logsnr.repeat(len(x)), condition)
        if watch is not None:
            watch(float(logsnr), x, eps_hat)
        return eps_hat
