"""A decoder that reads a code as tokens, one a dimension, by cross-attention.

Each part of what is known is a token of its own, which pixels attend to or not: the step that raises disentanglement in the
literature (EncDiff: Yang et al., Diffusion Model with Cross Attention as an Inductive Bias for Disentanglement, 2024). Two
channels of coordinates say where a pixel is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention_processor import AttnProcessor
from torch import nn

from infodecomp.representation.adagn_decoder import TIME_SCALE


class TokenDecoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers declares no types
    """x̂ of noised images, (B, C, H, W), by a UNet over patches of 2 × 2 pixels.

    states, parts: widths of the condition's two tensors. groups: how many of the states belong to each part, in order; by
    default one each. token_width: of a token. widths: channels of the UNet's levels.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        states: int,
        parts: int,
        size: int = 32,
        channels: int = 3,
        groups: Sequence[int] | None = None,
        token_width: int = 48,
        widths: tuple[int, ...] = (32, 48, 64),
        layers: int = 1,
        logsnr_min: float = -7.0,
        logsnr_max: float = 1.0,
    ) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel(
            sample_size=size // 2,
            in_channels=4 * channels + 2,
            out_channels=4 * channels,
            block_out_channels=tuple(widths),
            layers_per_block=layers,
            # Attention at the first level would cost as much as all the rest.
            down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * (len(widths) - 1),
            up_block_types=("CrossAttnUpBlock2D",) * (len(widths) - 1) + ("UpBlock2D",),
            norm_num_groups=8,
            attention_head_dim=4,
            cross_attention_dim=token_width,
        )
        self.unet.set_attn_processor(AttnProcessor())  # on a CPU faster than the fused kernel, whose gradients are slow
        self.parts_of_states = torch.repeat_interleave(torch.tensor(groups or [1] * states, dtype=torch.long))
        self.empty = nn.Parameter(torch.randn(parts + 1, token_width) * 0.5)
        self.told = nn.Parameter(torch.randn(parts, token_width) * 0.5)
        self.directions = nn.Parameter(torch.randn(states, token_width))
        self.mean = nn.Parameter(torch.zeros(channels, size, size))

    def tokens(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """One token a part, and a last one that never changes, (B, parts + 1, token_width)."""
        values = states[:, :, None] * self.directions
        owners = self.parts_of_states.to(states.device)
        known = mask[:, :, None] * self.told
        summed = known.index_add(1, owners, values.to(known.dtype))
        return torch.cat([summed, summed.new_zeros(len(mask), 1, summed.shape[2])], 1) + self.empty

    def forward(
        self, x_alpha: torch.Tensor, logsnr: torch.Tensor, states: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """x_alpha: (B, C, H, W). logsnr: (B,). states: (B, states). mask: (B, parts). Returns x̂, float32 (B, C, H, W)."""
        patches = nn.functional.pixel_unshuffle(x_alpha, 2)
        drawn = self.unet(
            torch.cat([patches, _coordinates(patches)], 1),
            TIME_SCALE * logsnr,
            encoder_hidden_states=self.tokens(states, mask),
        ).sample
        clean: torch.Tensor = self.mean + nn.functional.pixel_shuffle(drawn.float(), 2)
        return clean


def _coordinates(images: torch.Tensor) -> torch.Tensor:
    """Rows and columns from −1 to 1, (B, 2, H, W)."""
    batch, _, height, width = images.shape
    rows, columns = (torch.linspace(-1, 1, side, device=images.device) for side in (height, width))
    both: Any = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    grid: torch.Tensor = both.to(images.dtype).expand(batch, -1, -1, -1)
    return grid
