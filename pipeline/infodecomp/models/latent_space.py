"""Between pictures and the latents that a denoiser sees: an autoencoder, and the shift and scale that come after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class LatentSpace:
    """Latents x = (z − shift)·scale of an autoencoder's z; means and deviations of z by channel count if it states them.

    vae: an autoencoder of diffusers. frames: it is one of videos, of which a picture is the only frame.
    """

    vae: Any
    device: torch.device
    frames: bool = False

    def encoded(self, pixels: torch.Tensor, sample: np.random.Generator | None = None) -> torch.Tensor:
        """The latents (1, C, h, w) of pixels (1, 3, H, W) in [-1, 1], float32 on the device, differentiable.

        z is the mean of the posterior, or a draw from it if `sample` is given; autoencoders without a posterior ignore that.
        """
        pixels = pixels.to(self.device, self.vae.dtype)
        encoded = self.vae.encode(pixels[:, :, None] if self.frames else pixels)
        latent = _point(encoded)
        if latent is None:
            latent = encoded.latent_dist.mean
            if sample is not None:
                noise = torch.from_numpy(sample.standard_normal(latent.shape, dtype=np.float32))
                latent = latent + encoded.latent_dist.std * noise.to(latent)
        latent = latent[:, :, 0] if self.frames else latent
        shift, scale = self._affine(latent)
        return ((latent - shift) * scale).float()

    def decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) of latents (B, C, h, w), float32 on the device, differentiable, not clamped to [-1, 1]."""
        latents = latents.to(self.device, self.vae.dtype)
        shift, scale = self._affine(latents)
        raw = latents / scale + shift
        decoded: torch.Tensor = self.vae.decode(raw[:, :, None] if self.frames else raw).sample
        return (decoded[:, :, 0] if self.frames else decoded).float()

    def _affine(self, like: torch.Tensor) -> tuple[Any, Any]:
        """Shift and scale: numbers, or tensors (1, C, 1, 1)."""
        config = self.vae.config
        mean, std = config.get("latents_mean"), config.get("latents_std")
        if mean is not None and std is not None:
            of_channel = (like.new_tensor(values).view(1, -1, 1, 1) for values in (mean, std))
            shift, deviation = of_channel
            return shift, config.get("scaling_factor", 1.0) / deviation
        return config.get("shift_factor") or 0.0, config.scaling_factor


def _point(encoded: Any) -> torch.Tensor | None:
    """z of an autoencoder without a posterior."""
    for name in ("latents", "latent"):
        if hasattr(encoded, name):
            point: torch.Tensor = getattr(encoded, name)
            return point
    return None
