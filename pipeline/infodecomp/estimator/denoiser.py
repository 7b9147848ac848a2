"""What the estimator asks of a model: a prediction of the noise at a log signal-to-noise ratio, given a prompt.

Models of the diffusers library follow this protocol in `infodecomp.models.stable_diffusion`, exact denoisers of known
distributions in `infodecomp.validation.denoisers`.
"""

from __future__ import annotations

from typing import Protocol

import torch


class Denoiser(Protocol):
    """Predicts the noise in x_α for a prompt: ε̂ = denoiser(x_α, α, embedding), all with a leading batch axis.

    logsnr_range: the log-SNRs it was trained on (unbounded for closed forms).
    """

    @property
    def logsnr_range(self) -> tuple[float, float]: ...

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """x_alpha: (B, C, h, w). logsnr: (B,). embedding: (B, …), one prompt a row. Returns ε̂ (B, C, h, w)."""
        ...
