"""The encoder of a code: q(z|x) = N(μ(x), σ²), with independent noise in each dimension.

Three strided convolutions, two linear layers, and batch normalisation without scale or shift: each dimension of μ has
mean 0 and variance 1 over the images, and the noise is a fraction of the spread of μ: without any, a code of continuous
images holds infinitely many nats. Where the noise is learnt, as in a variational autoencoder, μ is not normalised.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

WIDTHS = (32, 48, 64)
HIDDEN = 96
GROUPS = 8
# Bounds of a learnt ln σ².
LOG_VARIANCES = (-10.0, 4.0)


class Encoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers declares no types
    """μ(x) and σ(x) of images, (B, C, H, W) with sides that are multiples of 8.

    dimensions: of the code. noise: σ, or None if it is learnt for each image.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, dimensions: int, size: int = 32, channels: int = 3, noise: float | None = 0.1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for below, width in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(below, width, 4, 2, 1), nn.GroupNorm(GROUPS, width), nn.SiLU()]
        outputs = dimensions if noise is not None else 2 * dimensions
        layers += [
            nn.Flatten(),
            nn.Linear(WIDTHS[-1] * (size // 8) ** 2, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, outputs),
        ]
        self.features = nn.Sequential(*layers)
        self.standardised = (
            nn.BatchNorm1d(dimensions, affine=False, momentum=0.02) if noise is not None else nn.Identity()
        )

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and standard deviations, each (B, dimensions)."""
        config: Any = self.config
        outputs = self.features(images)
        if config.noise is None:
            means, logs = outputs.chunk(2, 1)
            return means, (logs.clamp(*LOG_VARIANCES) / 2).exp()
        means = self.standardised(outputs)
        return means, torch.full_like(means, config.noise)

    def settle(self, images: torch.Tensor, rows: int = 500) -> None:
        """Standardise μ over these images exactly; until then its mean and spread are running estimates."""
        if isinstance(self.standardised, nn.BatchNorm1d):
            with torch.no_grad():
                outputs = torch.cat([self.features(part) for part in images.split(rows)]).double()
                self.standardised.running_mean.copy_(outputs.mean(0))
                self.standardised.running_var.copy_(outputs.var(0))


def codes(encoder: Encoder, images: torch.Tensor, rows: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and standard deviations of the codes of many images, each (N, dimensions)."""
    encoder.eval()
    with torch.no_grad():
        means, deviations = zip(*(encoder(part) for part in images.split(rows)), strict=True)
    return torch.cat(means), torch.cat(deviations)
