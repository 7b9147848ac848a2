"""How the interventions changed an image, cell by cell, and how well the unchanged caption brought it back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from infodecomp.editing.edits import INTERVENTIONS
from infodecomp.editing.round_trip import CaptionedImage
from infodecomp.metrics.heatmaps import cell_means
from infodecomp.metrics.picture_change import peak_signal_to_noise, picture_changes


def change_arrays(
    image: CaptionedImage, latents: Mapping[str, torch.Tensor], pictures: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Latents, maps of change (h, w), and the quality of the reconstruction.

    Args:
        image: the captioned image.
        latents: branch → latent, (C, h, w).
        pictures: real, autoencoder and each branch → picture, (3, H, W) in [0, 1].
    """
    unchanged = latents["unchanged"]
    arrays = {f"latent/{name}": latent.numpy() for name, latent in {"real": image.latent, **latents}.items()}
    for intervention in INTERVENTIONS:
        if intervention in latents:
            change = (unchanged - latents[intervention]).square().sum(0).numpy()
            arrays[f"change/latent_l2/{intervention}"] = change
            maps = picture_changes(pictures["unchanged"], pictures[intervention], change.shape)
            arrays |= {f"change/{name}/{intervention}": one for name, one in maps.items()}
    left, top, width, height = image.inside
    within = np.zeros(image.real.shape[1:], dtype=bool)
    within[top : top + height, left : left + width] = True
    arrays["inside"] = cell_means(within, (unchanged.shape[1], unchanged.shape[2])) == 1.0
    inside = {name: picture[:, top : top + height, left : left + width] for name, picture in pictures.items()}
    arrays["psnr"] = np.array(peak_signal_to_noise(inside["real"], inside["unchanged"]))
    arrays["psnr_decoded"] = np.array(peak_signal_to_noise(inside["autoencoder"], inside["unchanged"]))
    arrays["psnr_autoencoder"] = np.array(peak_signal_to_noise(inside["real"], inside["autoencoder"]))
    arrays["latent_error"] = np.array(float((unchanged - image.latent).square().mean().sqrt()))
    return arrays
