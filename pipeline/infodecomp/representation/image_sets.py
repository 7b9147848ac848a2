"""The images that are described, in the form that estimation and exact computation read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.representation import factor_world
from infodecomp.representation.finite_world import FiniteWorld, factored
from infodecomp.representation.prepared_images import PreparedImages, read_prepared
from infodecomp.representation.prepared_world import class_attributes, prepared_world
from infodecomp.runs.seeds import generator


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of a dataset, each known by its number.

    world: the images with their factors, if they can be enumerated. factors: names of the factors. held_out: numbers of the
    images that no model was trained on. object_cells: number → bool (h, w), the cells of the object's box.
    """

    name: str
    world: FiniteWorld
    factors: tuple[str, ...]
    held_out: np.ndarray
    object_cells: Callable[[int], np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, h, w) of an image."""
        channels, height, width = self.world.images.shape[1:]
        return channels, height, width

    def chosen(self, purpose: str, count: int, seed: int, *, held_out: bool) -> list[int]:
        """The first `count` of the images, or of the held-out ones, in an order that the seed and the purpose decide."""
        numbers = self.held_out if held_out else np.arange(len(self.world))
        return [int(number) for number in generator(seed, self.name, purpose).permutation(numbers)[:count]]

    def image_id(self, number: int) -> str:
        """The name of an image in files and tables.

        >>> factor_images(RepresentationImagesSection()).image_id(41)
        'factors-000041'
        """
        return f"{self.name}-{number:06d}"


def open_images(section: RepresentationImagesSection, prepared: Path | None = None) -> ImageSet:
    """The images of a dataset: those of a folder that `prepare_representation_images` wrote, or else the factor world."""
    return prepared_images(read_prepared(prepared)) if prepared else factor_images(section)


def prepared_images(prepared: PreparedImages) -> ImageSet:
    """Prepared images as a finite world, with the attributes that are classes; no box of an object is known."""
    nowhere = np.zeros(prepared.images.shape[2:], dtype=bool)
    return ImageSet(
        str(prepared.description["dataset"]),
        prepared_world(prepared),
        class_attributes(prepared),
        np.flatnonzero(prepared.held_out),
        lambda number: nowhere,
    )


def factor_images(section: RepresentationImagesSection) -> ImageSet:
    """The world of six factors."""
    return ImageSet(
        "factors",
        factored(),
        tuple(factor_world.FACTORS),
        factor_world.split(section.seed)[1],
        _glyph_box,
    )


def _glyph_box(number: int) -> np.ndarray:
    size, x, y = factor_world.factor_table()[number][3:]
    inside = np.zeros((factor_world.PICTURE_SIZE, factor_world.PICTURE_SIZE), dtype=bool)
    inside[factor_world.box(size, y), factor_world.box(size, x)] = True
    return inside
