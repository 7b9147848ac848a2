"""Models with random weights and the embedded model's text tower and autoencoder, to measure costs.

python benchmarks/random_models.py FOLDER    saves the tiny model there
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.scenes.model import LATENT_CHANNELS, TEXT_WIDTH


def stable_diffusion_like() -> UNet2DConditionModel:
    """A UNet of Stable Diffusion's class: self- and cross-attention at all but the lowest resolution, 28 M parameters."""
    return _unet(latent_size=32, channels=(80, 160, 320), layers=2, attended=(True, True, False))


def tiny() -> UNet2DConditionModel:
    """A UNet that takes almost no time, with 64x64 latents like Stable Diffusion's; it has attention at 16x16 and 8x8."""
    return _unet(latent_size=64, channels=(8, 8, 8, 16), layers=1, attended=(False, False, True, True))


def stable_diffusion_2_base() -> UNet2DConditionModel:
    """A UNet of the size of Stable Diffusion 2.1-base, with 866 M parameters and 64x64 latents."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        out_channels=4,
        layers_per_block=2,
        block_out_channels=(320, 640, 1280, 1280),
        norm_num_groups=32,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=1024,
        attention_head_dim=(5, 10, 20, 20),
        use_linear_projection=True,
    )


def _unet(latent_size: int, channels: tuple[int, ...], layers: int, attended: tuple[bool, ...]) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=layers,
        block_out_channels=channels,
        norm_num_groups=8,
        down_block_types=tuple("CrossAttnDownBlock2D" if here else "DownBlock2D" for here in attended),
        up_block_types=tuple("CrossAttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attended)),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
    )


def pipeline_with(unet: UNet2DConditionModel, model_id: str) -> StableDiffusionPipeline:
    """The pipeline of a model with another UNet."""
    pipeline = LatentDiffusion.load(model_id).pipeline
    pipeline.register_modules(unet=unet)
    return pipeline


if __name__ == "__main__":
    from infodecomp.config import Config

    pipeline_with(tiny(), Config().model.id).save_pretrained(Path(sys.argv[1]))
