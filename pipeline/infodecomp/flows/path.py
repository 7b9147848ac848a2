"""The way from an image to noise and back along a model's deterministic flow, by the sampler that the study names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch

from infodecomp.flows.ddim import Ddim
from infodecomp.flows.karras import KarrasPath
from infodecomp.flows.trail import Watch
from infodecomp.models.protocol import DiffusionModel

Sampler = Literal["heun", "euler", "ddim"]


class Path(Protocol):
    """Both ways along a model's flow; rows of a batch have prompts of their own and do not touch each other.

    evaluations: denoiser calls of one way. noise: the standard deviation of the noise that samples have at the image's end.
    spread: that of samples themselves at the other end, for latents of variance 1. A latent that is not finite, or becomes
    so, comes back as it is and nothing is raised. Results have the dtype that x and the denoiser's answer promote to:
    float32 for latent diffusion.
    """

    evaluations: int
    noise: float
    spread: float

    def reverse(self, x: torch.Tensor, embedding: torch.Tensor, watch: Watch | None = None) -> torch.Tensor:
        """From images' latents to noise. x: (B, C, h, w). embedding: (B, …), one prompt a row. `watch` sees every call."""
        ...

    def generate(
        self,
        x: torch.Tensor,
        embedding: torch.Tensor,
        before_call: Callable[[], None] | None = None,
        watch: Watch | None = None,
    ) -> torch.Tensor:
        """From noise to latents, shapes as in `reverse`; `before_call()` runs before each denoiser call."""
        ...


def make_path(sampler: Sampler, model: DiffusionModel, steps: int, rho: float = 7.0) -> Path:
    """The path of a model by one sampler.

    heun, euler: the probability flow through `steps` Karras noise levels spaced by `rho`, so `steps` − 1 moves.
    ddim: `steps` moves between the model's own timesteps; `rho` does not count.
    """
    if sampler == "ddim":
        return Ddim(model, steps)
    return KarrasPath(model, sampler, steps, rho)
