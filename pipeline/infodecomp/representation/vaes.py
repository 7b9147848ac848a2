"""Variational autoencoders, the baselines of codes: a decoder that draws the image at once, with Gaussian pixels.

    loss = E ‖x − x̂(z)‖²/2s² + regulariser,   z ~ q(z|x) = N(μ(x), σ(x)²)

in nats an image, up to the constant C·h·w·ln(s√2π). The encoder and the regularisers are those of the diffusion models
(`infodecomp.representation.regularisers`), so that models differ in their decoder only:

| preset | regulariser | |
|---|---|---|
| vae | KL(q(z|x) ‖ p) | Kingma and Welling, ICLR 2014 |
| beta_vae | β·KL, or γ·|KL − C| with a capacity C | Higgins et al., ICLR 2017; Burgess et al., 2018 |
| info_vae | λ·MMD²(q(z), p), and (1 − α)·KL if wanted | Zhao, Song and Ermon, AAAI 2019 |
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

# s, on a scale of [−1, 1]. At 1, the customary choice, the code is worth a few nats and images are blurs.
PIXEL_SPREAD = 0.1


class GaussianDecoder(ModelMixin, ConfigMixin):
    """The mean image of a code: two layers, then three transposed convolutions of stride 2.

    dimensions: of the code. size: the images' side, a multiple of 8. widths: channels from the coarsest map on.
    """

    @register_to_config
    def __init__(
        self,
        dimensions: int,
        channels: int = 3,
        size: int = 32,
        widths: Sequence[int] = (96, 64, 32),
        hidden: int = 192,
    ) -> None:
        super().__init__()
        side = size // 8
        layers: list[nn.Module] = [
            *(nn.Linear(dimensions, hidden), nn.SiLU(), nn.Linear(hidden, widths[0] * side**2)),
            nn.Unflatten(1, (widths[0], side, side)),
        ]
        for inputs, outputs in zip(widths, (*widths[1:], channels), strict=True):
            layers += [nn.GroupNorm(8, inputs), nn.SiLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
        self.network = nn.Sequential(*layers)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """x̂ (B, channels, size, size), around [−1, 1]. codes: (B, dimensions)."""
        return self.network(codes)


def reconstruction_loss(images: torch.Tensor, decoded: torch.Tensor, spread: float = PIXEL_SPREAD) -> torch.Tensor:
    """‖x − x̂‖²/2s² of each image, nats (B,): −ln p(x|z) without its constant. images, decoded: (B, C, h, w).

    >>> reconstruction_loss(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), 1.0).tolist()
    [2.0]
    """
    return (images - decoded).square().flatten(1).sum(1) / (2 * spread**2)
