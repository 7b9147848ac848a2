"""Fit the autoencoder of the embedded model: a linear encoder in closed form, a decoder by gradient descent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from diffusers import AutoencoderTiny

from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.model import build_autoencoder
from infodecomp.scenes.world import sample_scene, scene_rng

PATCH_SCENES = 2000


def pictures(seed: int, split: str, first: int, count: int) -> np.ndarray:
    """Scenes `first`, …, `first + count − 1` of a split, uint8 (count, 64, 64, 3)."""
    drawn = [draw_scene(sample_scene(scene_rng(seed, split, first + k)))[0] for k in range(count)]
    return np.stack(drawn)


def to_signed(images: np.ndarray | torch.Tensor) -> torch.Tensor:
    """uint8 (n, H, W, 3) → float (n, 3, H, W) in [-1, 1], as the image processor of a pipeline does."""
    return torch.as_tensor(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def psnr(vae: AutoencoderTiny, images: np.ndarray) -> float:
    """Mean peak signal-to-noise ratio of decoded against given images, in dB."""
    with torch.no_grad():
        signed = to_signed(images)
        decoded = vae.decode(vae.encode(signed).latents).sample.clamp(-1, 1)
        error = ((decoded - signed) / 2).square().mean((1, 2, 3))
    return float(-10 * error.log10().mean())


def train_autoencoder(*, seed: int, steps: int, batch: int, report: Callable[[int, float], None]) -> AutoencoderTiny:
    """Fit the encoder on 2,000 scenes, then the decoder with L1 + 4·MSE for `steps` × `batch` scenes."""
    torch.manual_seed(seed)
    vae = build_autoencoder(pictures(seed, "train", 0, PATCH_SCENES))
    decoder = vae.decoder.requires_grad_(True)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.05)
    for step in range(steps):
        signed = to_signed(pictures(seed, "train", PATCH_SCENES + step * batch, batch))
        decoded = vae.decode(vae.encode(signed).latents).sample
        error = decoded - signed
        loss = error.abs().mean() + 4 * error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        report(step + 1, float(loss.detach()))
    return vae.requires_grad_(False)
