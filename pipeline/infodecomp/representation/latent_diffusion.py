"""A diffusion model of codes, from which new codes are drawn where the prior does not fit them.

The aggregate of an encoder's codes, q(z) = E_x q(z|x), is seldom the prior that a decoder's samples should come from. A
small network learns q(z) by denoising standardised codes; `infodecomp.representation.samplers` draws from it, since a code
is an image of one pixel with a channel for each dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.representation.samplers import Sampler, even_levels, initial_noise

LOGSNR_RANGE = (-8.0, 8.0)
_FREQUENCIES = 16


class LatentDenoiser(nn.Module):
    """Predicts the noise in a standardised code; follows `infodecomp.estimator.denoiser.Denoiser` without a condition.

    Layers with skips, each with the noise level as a scale and a shift. The output is v = √σ(α)·ε − √σ(−α)·z (Salimans and
    Ho, ICLR 2022), from which ε̂ = √σ(α)·v + √σ(−α)·z_α; it is well scaled at both ends. mean, spread: of the codes that it
    was trained on, float32 (dimensions,).
    """

    logsnr_range = LOGSNR_RANGE
    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, dimensions: int, width: int = 128, layers: int = 4) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.level = nn.Sequential(nn.Linear(2 * _FREQUENCIES, width), nn.SiLU())
        self.first = nn.Linear(dimensions, width)
        self.blocks = nn.ModuleList([_Layer(width) for _ in range(layers)])
        self.last = nn.Linear(width, dimensions)
        nn.init.zeros_(self.last.weight)
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("spread", torch.ones(dimensions))

    def velocity(self, z_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        """v of noised standardised codes (B, dimensions) at log-SNRs (B,)."""
        level = self.level(_waves(logsnr.to(z_alpha)))
        hidden = self.first(z_alpha)
        for layer in self.blocks:
            hidden = layer(hidden, level)
        return self.last(nn.functional.silu(hidden))

    def forward(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ (B, dimensions, 1, 1); the condition is not read."""
        flat = x_alpha.flatten(1)
        signal, noise = (amplitude[:, None].to(flat) for amplitude in signal_and_noise(logsnr))
        return (signal * self.velocity(flat, logsnr) + noise * flat).view_as(x_alpha)


class _Layer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation, self.linear = nn.Linear(width, 2 * width), nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        scale, shift = self.modulation(level).chunk(2, 1)
        return hidden + self.linear(nn.functional.silu((1 + scale) * self.norm(hidden) + shift))


@torch.inference_mode()
def draw_codes(
    network: LatentDenoiser, rngs: Sequence[np.random.Generator], steps: int, eta: float = 0.0
) -> torch.Tensor:
    """New codes, float32 (B, dimensions), one from each generator, in `steps` levels of noise."""
    sampler = Sampler(network, even_levels(steps, *LOGSNR_RANGE), eta)
    nothing = Condition.of(torch.zeros(0)).expand(len(rngs))
    drawn = sampler.generate(initial_noise(rngs, (network.dimensions, 1, 1)), nothing, rngs)
    return network.mean + network.spread * drawn.flatten(1)


def _waves(logsnr: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of log-SNRs at frequencies from 1/8 to 4, (B, 2·16)."""
    angles = logsnr[:, None] * torch.logspace(-3, 2, _FREQUENCIES, base=2.0, dtype=logsnr.dtype)
    return torch.cat([angles.sin(), angles.cos()], 1)
