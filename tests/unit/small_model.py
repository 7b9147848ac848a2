"""A Stable Diffusion of a few thousand weights, drawn at random, with the embedded model's words."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.models.latent_diffusion import LatentDiffusion

SCENES = Path(__file__).resolve().parents[2] / "data" / "models" / "scenes"


def small_pipeline() -> StableDiffusionPipeline:
    """Four latent channels of 8 x 8, pictures of 16 x 16."""
    torch.manual_seed(0)
    text = CLIPTextModel.from_pretrained(SCENES / "text_encoder", dtype=torch.float32)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        cross_attention_dim=text.config.hidden_size,
    )
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=CLIPTokenizer.from_pretrained(SCENES / "tokenizer"),
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def small_model() -> LatentDiffusion:
    return LatentDiffusion(small_pipeline())
