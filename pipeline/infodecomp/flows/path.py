"""The path from an image to noise and back along a model's deterministic flow, by the sampler of the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.flows.ddim import Ddim
from infodecomp.flows.karras import KarrasPath
from infodecomp.flows.trail import Watch
from infodecomp.models.protocol import DiffusionModel

Sampler = Literal["heun", "euler", "ddim"]


class Path(Protocol):
    """Both directions along a model's flow; rows of a batch have separate prompts and do not interact.

    evaluations: denoiser calls in one direction. noise: the standard deviation of the noise that samples have at the end of
    the image. spread: that of the samples themselves at the other end, for latents of variance 1. Latents that are not
    finite, or become so, are returned as they are. Results have the dtype that x and the denoiser's result promote to:
    float32 for latent diffusion.
    """

    evaluations: int
    noise: float
    spread: float

    def reverse(self, x: torch.Tensor, condition: Condition, watch: Watch | None = None) -> torch.Tensor:
        """From images' latents to noise. x: (B, C, h, w). condition: a batch, one prompt a row. `watch` gets every call."""
        ...

    def generate(
        self,
        x: torch.Tensor,
        condition: Condition,
        before_call: Callable[[], None] | None = None,
        watch: Watch | None = None,
    ) -> torch.Tensor:
        """From noise to latents, shapes as in `reverse`; `before_call()` runs before each denoiser call."""
        ...


def make_path(sampler: Sampler, model: DiffusionModel, steps: int, rho: float = 7.0) -> Path:
    """The path of a model by one sampler.

    heun, euler: the probability flow through `steps` Karras noise levels spaced by `rho`, `steps` − 1 moves.
    ddim: `steps` moves between the model's own timesteps; `rho` is not used.
    """
    if sampler == "ddim":
        return Ddim(model, steps)
    return KarrasPath(model, sampler, steps, rho)
