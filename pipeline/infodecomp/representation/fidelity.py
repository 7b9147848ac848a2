"""FID and KID: how far the features of generated images are from those of real ones.

Both are torchmetrics' and take any network of features (`infodecomp.representation.feature_networks`); numbers of different
features cannot be compared. The real set is described once, by `real_features`, which refuses the generated images: a set
compared with itself looks perfect.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from infodecomp.runs.contents import file_sha256, folder_files
from infodecomp.runs.errors import InputError

# KID is the mean over subsets of this size, or of all images if there are fewer.
SUBSETS, SUBSET = 100, 1000
_BATCH = 256


@dataclass(frozen=True)
class Fidelity:
    """Distances between two sets of images by their features: 0 for equal distributions.

    fid: ‖μ − μ'‖² + tr(Σ + Σ' − 2(ΣΣ')^½), biased upwards by few images. kid: unbiased MMD² with the kernel
    (⟨f, f'⟩/features + 1)³. kid_spread: standard deviation over the subsets of which `kid` is the mean.
    """

    fid: float
    kid: float
    kid_spread: float


@torch.inference_mode()
def image_features(network: nn.Module, images: torch.Tensor) -> np.ndarray:
    """Features float32 (n, features) of images float32 (n, C, H, W) in [−1, 1]; others are clipped to that range."""
    device = next(network.parameters()).device
    return torch.cat([network(part.clamp(-1, 1).to(device)).float().cpu() for part in images.split(_BATCH)]).numpy()


def real_features(network: nn.Module, real: torch.Tensor, generated: Sequence[torch.Tensor]) -> np.ndarray:
    """The features of the real set, after `refuse_equal_sets` with every generated set."""
    for images in generated:
        refuse_equal_sets(real, images)
    return image_features(network, real)


def refuse_equal_sets(real: torch.Tensor, generated: torch.Tensor) -> None:
    """InputError if the sets hold the same images, as 8-bit values and in any order; (n, C, H, W) in [−1, 1] each."""
    if _contents(real) == _contents(generated):
        raise InputError(
            f"the {len(real)} generated images are the real ones; a distance between a set and itself says nothing: name"
            " the folder of the samples."
        )


def refuse_equal_folders(real: Path, generated: Path) -> None:
    """InputError if two folders are one, or hold the same files by content."""
    folders = [folder.resolve() for folder in (real, generated)]
    found = [sorted(file_sha256(path) for path in folder_files(folder).values()) for folder in folders]
    if folders[0] == folders[1] or found[0] == found[1]:
        raise InputError(
            f"{generated} holds the files of {real}; a distance between a set and itself says nothing: name the folder of"
            " the samples."
        )


def fidelity(real: np.ndarray, generated: np.ndarray, seed: int, subset: int = SUBSET) -> Fidelity:
    """FID and KID of features, float32 (n, features) and (m, features).

    seed: of the subsets of KID. subset: images in each. Raises InputError if either set has no more images than features:
    then the covariance has no inverse, and FID depends on the number of images most of all.

    >>> real = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    >>> round(fidelity(real, real + np.float32([3, 0]), 0, 100).fid, 3)  # 3²
    9.0
    """
    for name, features in (("real", real), ("generated", generated)):
        if len(features) <= features.shape[1]:
            raise InputError(
                f"there are {len(features)} {name} images for {features.shape[1]} features; FID needs more images than"
                " features: use more images, or a network with fewer features."
            )
    fid = FrechetInceptionDistance(_AsTheyAre(real.shape[1])).set_dtype(torch.float64)
    subset = min(subset, len(real), len(generated))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it keeps the features
        kid = KernelInceptionDistance(_AsTheyAre(real.shape[1]), subsets=SUBSETS, subset_size=subset)
    for features, is_real in ((real, True), (generated, False)):
        for metric in (fid, kid):
            metric.update(torch.from_numpy(features).double(), real=is_real)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mean, spread = kid.compute()
    return Fidelity(max(float(fid.compute()), 0.0), float(mean), float(spread))


class _AsTheyAre(nn.Module):
    """Features that are given in the place of images."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def _contents(images: torch.Tensor) -> list[str]:
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().byte().contiguous()
    return sorted(_digest(image.numpy().tobytes()) for image in pixels)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
