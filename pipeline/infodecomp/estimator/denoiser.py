"""What the estimator asks of a model: a prediction of the noise at a log signal-to-noise ratio, given a prompt.

Models of the diffusers library follow this protocol in `infodecomp.models.latent_diffusion`, exact denoisers of known
distributions in `infodecomp.validation.denoisers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from infodecomp.estimator.condition import Condition

# ε̂(x_α (B, C, h, w), α (B,), a batch of B conditions), (B, C, h, w).
Predict = Callable[[torch.Tensor, torch.Tensor, Condition], torch.Tensor]


class Denoiser(Protocol):
    """Predicts the noise in x_α for a prompt: ε̂ = denoiser(x_α, α, condition), all with a leading batch axis.

    logsnr_range: the log-SNRs it was trained on (unbounded for closed forms).
    """

    @property
    def logsnr_range(self) -> tuple[float, float]: ...

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """x_alpha: (B, C, h, w). logsnr: (B,). condition: a batch, one prompt a row. Returns ε̂ (B, C, h, w)."""
        ...
