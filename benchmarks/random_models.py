"""Models with random weights around the embedded model's text tower and autoencoder, for what only costs count in.

python benchmarks/random_models.py FOLDER    saves the tiny one there
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from pipeline.latent_diffusion import LatentDiffusion
from pipeline.scenes.model import LATENT_CHANNELS, TEXT_WIDTH


def stable_diffusion_like() -> UNet2DConditionModel:
    """A UNet of Stable Diffusion's class: self- and cross-attention at all but the lowest resolution, 28 M parameters."""
    return _unet(latent_size=32, channels=(80, 160, 320), layers=2)


def tiny() -> UNet2DConditionModel:
    """A UNet that takes next to no time, with Stable Diffusion's latents of 64x64 pixels."""
    return _unet(latent_size=64, channels=(8, 8, 8, 16), layers=1)


def _unet(latent_size: int, channels: tuple[int, ...], layers: int) -> UNet2DConditionModel:
    torch.manual_seed(0)
    attended = len(channels) - 1
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=layers,
        block_out_channels=channels,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D",) * attended + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * attended,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
    )


def pipeline_with(unet: UNet2DConditionModel, model_id: str) -> StableDiffusionPipeline:
    """The pipeline of a model with another UNet."""
    pipeline = LatentDiffusion.load(model_id).pipeline
    pipeline.register_modules(unet=unet)
    return pipeline


if __name__ == "__main__":
    from pipeline.config import Config

    pipeline_with(tiny(), Config().model.id).save_pretrained(Path(sys.argv[1]))
