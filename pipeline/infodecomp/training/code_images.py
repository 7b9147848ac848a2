"""The images that a representation model is trained on: the embedded world, or a folder of prepared images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from infodecomp.representation import factor_world
from infodecomp.representation.finite_world import FiniteWorld, factored
from infodecomp.representation.prepared_images import read_prepared
from infodecomp.representation.prepared_world import class_attributes, prepared_world
from infodecomp.runs.errors import InputError

# Datasets that hold every combination of their factors, so that the posterior of an image can be enumerated.
ENUMERABLE = ("factors", "shapes3d")


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """images: number → float32 (n, C, H, W) in [−1, 1]. train, held: numbers. world: if they can be enumerated."""

    name: str
    images: Callable[[torch.Tensor], torch.Tensor]
    shape: tuple[int, int, int]
    train: np.ndarray
    held: np.ndarray
    world: FiniteWorld | None
    factors: tuple[str, ...]

    def mean(self, most: int = 10_000) -> torch.Tensor:
        """The mean image of at most `most` of the images to train on, (C, H, W)."""
        return self.images(torch.from_numpy(self.train[:: -(-len(self.train) // most)])).mean(0)


def training_images(folder: Path | None, seed: int, device: str) -> TrainingImages:
    """Images on a device; without a folder, the embedded world, of which the seed holds out a tenth.

    Raises InputError if the folder is damaged, or if sides are not multiples of 8.
    """
    if folder is None:
        world = factored().to(device)
        train, held = factor_world.split(seed)
        return _enumerated("factors", world, train, held, tuple(factor_world.FACTORS))
    prepared = read_prepared(folder)
    name = str(prepared.description["dataset"])
    _, channels, height, width = prepared.images.shape
    if height != width or height % 8:
        raise InputError(
            f"{folder}: images are {height}×{width}; training needs squares whose side is a multiple of 8."
        )
    train, held = prepared.training, np.flatnonzero(prepared.held_out)
    if name in ENUMERABLE:
        return _enumerated(name, prepared_world(prepared).to(device), train, held, class_attributes(prepared))
    shape = (channels, height, width)
    return TrainingImages(
        name,
        lambda numbers: torch.from_numpy(prepared.batch(numbers.cpu().numpy())).to(device),
        shape,
        train,
        held,
        world=None,
        factors=(),
    )


def _enumerated(
    name: str, world: FiniteWorld, train: np.ndarray, held: np.ndarray, factors: tuple[str, ...]
) -> TrainingImages:
    channels, height, width = world.images.shape[1:]
    shape = (channels, height, width)
    return TrainingImages(name, lambda numbers: world.images[numbers], shape, train, held, world, factors)
