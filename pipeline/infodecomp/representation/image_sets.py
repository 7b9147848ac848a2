"""The images that are described, in the form that estimation and exact computation read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from infodecomp.config.representation import RepresentationImagesSection
from infodecomp.representation import factor_world
from infodecomp.representation.finite_world import FiniteWorld, factored
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


def open_images(section: RepresentationImagesSection) -> ImageSet:
    """The images of a dataset."""
    return {"factors": factor_images}[section.dataset](section)


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
