"""A small network that reads the factors of an image; its last hidden layer gives features for FID and KID.

It is trained on the real images with their factors, so that its features hold what images of the set differ in. For photos
without factors use features of a general network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn


class FactorClassifier(ModelMixin, ConfigMixin):
    """Three convolutions of stride 2, a hidden layer, and logits for the values of each factor.

    No pooling: where a thing is, is a factor too. Features are normalised, so that distances have a known scale.

    levels: numbers of values. size: the images' side, a multiple of 8.
    """

    @register_to_config
    def __init__(
        self,
        levels: Sequence[int],
        channels: int = 3,
        size: int = 32,
        widths: Sequence[int] = (24, 48, 64),
        num_features: int = 32,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.GroupNorm(8, outputs), nn.SiLU()]
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        self.hidden = nn.Linear(widths[-1] * (size // 2 ** len(widths)) ** 2, num_features)
        self.logits = nn.Linear(num_features, sum(levels))
        self.num_features, self.levels = num_features, tuple(levels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, num_features) of images (n, C, size, size) in [−1, 1]."""
        hidden = torch.nn.functional.silu(self.hidden(self.convolutions(images)))
        return torch.nn.functional.layer_norm(hidden, hidden.shape[1:])

    def factor_logits(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits (n, values) of each factor."""
        return self.logits(self(images)).split(self.levels, 1)
