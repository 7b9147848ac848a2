"""How much two pictures differ: squared difference and structural similarity pixel by pixel, and PSNR.

Pictures are (3, H, W) in [0, 1], floating point. Values outside, which a decoder may produce, are clipped as in an image
file.
"""

from __future__ import annotations

import math

import numpy as np
from skimage.metrics import structural_similarity

from infodecomp.metrics.heatmaps import cell_means


def pixel_l2(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared difference of two pictures at each pixel, Σ_rgb (a − b)².

    Returns:
        (H, W) float64 in [0, 3].

    >>> pixel_l2(np.zeros((3, 1, 1)), np.ones((3, 1, 1))).tolist()
    [[3.0]]
    """
    a, b = _clipped(first, second)
    return np.asarray(np.square(a - b).sum(axis=0))


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity of two pictures around each pixel, averaged over the three channels.

    Gaussian window with σ = 1.5 truncated to 11 x 11 pixels, K₁ = 0.01, K₂ = 0.03 (Wang et al., IEEE TIP 2004).

    Returns:
        (H, W) float64, 1 where the two are equal.

    Raises:
        ValueError: a side of the picture is shorter than the window.

    >>> picture = np.random.default_rng(0).random((3, 16, 16))
    >>> float(ssim(picture, picture).min().round(6))
    1.0
    """
    a, b = _clipped(first, second)
    _, similarity = structural_similarity(
        a, b, data_range=1.0, channel_axis=0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return np.asarray(similarity.mean(axis=0))


def peak_signal_to_noise(first: np.ndarray, second: np.ndarray) -> float:
    """PSNR of two pictures in dB, −10·log₁₀ of the mean squared difference; infinite for equal pictures.

    >>> round(peak_signal_to_noise(np.zeros((3, 2, 2)), np.full((3, 2, 2), 0.1)), 6)
    20.0
    """
    a, b = _clipped(first, second)
    error = float(np.square(a - b).mean())
    return -10.0 * math.log10(error) if error > 0 else math.inf


def picture_changes(unchanged: np.ndarray, edited: np.ndarray, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """How much a picture was changed, on the latent grid.

    Args:
        unchanged, edited: the two pictures.
        grid: (h, w) of the latents; each cell covers a block of pixels.

    Returns:
        pixel_l2 and ssim (1 − SSIM), the mean over the pixels of each cell: (h, w) float32.

    >>> changes = picture_changes(np.zeros((3, 16, 16)), np.ones((3, 16, 16)), (2, 2))
    >>> changes["pixel_l2"].tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """
    return {
        "pixel_l2": cell_means(pixel_l2(unchanged, edited), grid).astype(np.float32),
        "ssim": cell_means(1.0 - ssim(unchanged, edited), grid).astype(np.float32),
    }


def _clipped(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if first.shape != second.shape or first.ndim != 3:
        raise ValueError(f"pictures {first.shape} and {second.shape} are not both (3, H, W) of one size")
    return np.clip(first.astype(np.float64), 0.0, 1.0), np.clip(second.astype(np.float64), 0.0, 1.0)
