"""Pictures that the embedded model makes from captions, to look at while it trains."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.scenes.model import build_scheduler

CAPTIONS = (
    "a red dog on the grass",
    "a fluffy teddy bear in the room",
    "three yellow kites in the sky",
    "a blue cat left of a green horse",
    "a striped zebra above a red robot",
    "a white bear and a brown chair on the beach",
)


def sample_sheet(
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    vae: AutoencoderTiny,
    *,
    steps: int = 20,
    guidance: float = 2.0,
    seed: int = 0,
) -> np.ndarray:
    """One picture for each caption side by side, uint8 (64, 6·64, 3). DDIM with classifier-free guidance."""
    device = unet.device
    shape = (len(CAPTIONS), unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
    noise = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    scheduler = DDIMScheduler.from_config(build_scheduler().config)
    scheduler.set_timesteps(steps)
    ids = tokenizer([*CAPTIONS, *[""] * len(CAPTIONS)], padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        states = text(input_ids=ids.to(device)).last_hidden_state
        latents = torch.from_numpy(noise).to(device)
        for timestep in scheduler.timesteps:
            conditioned, plain = unet(latents.repeat(2, 1, 1, 1), timestep, encoder_hidden_states=states).sample.chunk(
                2
            )
            latents = scheduler.step(plain + guidance * (conditioned - plain), timestep, latents).prev_sample
        pictures = vae.decode(latents.to(vae.device) / vae.config.scaling_factor).sample.clamp(-1, 1).cpu()
    pixels = ((pictures + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return np.concatenate(list(pixels), axis=1)
