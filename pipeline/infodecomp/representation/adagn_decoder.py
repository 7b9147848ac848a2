"""The decoder as published: a UNet that reads a code through adaptive group normalisation.

The code is added to the embedding of the noise level, which scales and shifts normalised channels in every residual block
(Dhariwal and Nichol, 2021; Preechakul et al., Diffusion Autoencoders, 2022; Wang et al., InfoDiffusion, 2023). Scales and
shifts are the same at every pixel, and the network has no positions: where a thing stands is learnt late, if at all.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from torch import nn

# Log-SNRs times this are the UNet's time, whose slowest sinusoids turn once in about 60,000.
TIME_SCALE = 100.0


class AdagnDecoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers declares no types
    """x̂ of noised images, (B, C, H, W), by a UNet over patches of 2 × 2 pixels.

    states, parts: widths of the condition's two tensors; with `states` 0 there is no condition. bottleneck: whether the code
    enters the middle of the UNet alone, an ablation of InfoDiffusion. widths: channels of its levels.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        states: int,
        parts: int,
        size: int = 32,
        channels: int = 3,
        bottleneck: bool = False,
        widths: tuple[int, ...] = (32, 48, 64),
        layers: int = 1,
        logsnr_min: float = -7.0,
        logsnr_max: float = 1.0,
    ) -> None:
        super().__init__()
        embedding = 4 * widths[0]
        self.unet = UNet2DModel(
            sample_size=size // 2,
            in_channels=4 * channels,
            out_channels=4 * channels,
            block_out_channels=tuple(widths),
            layers_per_block=layers,
            down_block_types=("DownBlock2D",) * (len(widths) - 1) + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (len(widths) - 1),
            norm_num_groups=8,
            attention_head_dim=16,
            class_embed_type="identity",
            resnet_time_scale_shift="scale_shift",
        )
        if states:
            self.known = nn.Sequential(nn.Linear(states + parts, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.mean = nn.Parameter(torch.zeros(channels, size, size))

    def forward(
        self, x_alpha: torch.Tensor, logsnr: torch.Tensor, states: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """x_alpha: (B, C, H, W). logsnr: (B,). states: (B, states). mask: (B, parts). Returns x̂, float32 (B, C, H, W)."""
        config: Any = self.config
        patches, time = nn.functional.pixel_unshuffle(x_alpha, 2), TIME_SCALE * logsnr
        told = self.known(torch.cat([states, mask], 1)) if config.states else None
        silent = x_alpha.new_zeros(len(x_alpha), 4 * config.widths[0])
        if config.bottleneck and told is not None:
            handle = self.unet.mid_block.register_forward_pre_hook(
                lambda _, arguments: (arguments[0], arguments[1] + told)
            )
            try:
                drawn = self.unet(patches, time, class_labels=silent).sample
            finally:
                handle.remove()
        else:
            drawn = self.unet(patches, time, class_labels=silent if told is None else told).sample
        clean: torch.Tensor = self.mean + nn.functional.pixel_shuffle(drawn.float(), 2)
        return clean
