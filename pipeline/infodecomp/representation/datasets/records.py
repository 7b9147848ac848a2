"""What the reader of a dataset finds: names, attributes, the split, and the pictures one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Given(NamedTuple):
    """What a reader is given: the folder of the dataset, or the user's list and the folder that its paths start from.

    seed: of the run, for a dataset that is drawn here.
    """

    folder: Path
    list: Path | None = None
    seed: int = 0


class Attribute(NamedTuple):
    """One attribute of all images.

    values: (N,), int64 numbers of classes or float64 measurements. classes: names of the classes, by number; empty for a
    measurement.
    """

    values: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """`binary` for two classes, `class` for more, `number` for a measurement."""
        return {0: "number", 2: "binary"}.get(len(self.classes), "class")


@dataclass(frozen=True)
class ImageRecords:
    """The images of a dataset.

    names: one an image, all different. pictures: from ascending numbers of images to their pictures in that order, uint8
    (H, W) for grey ones or (H, W, 3). held_out: (N,) bool, the images that its publishers keep from training; None if they
    made no split.
    """

    names: Sequence[str]
    pictures: Callable[[Sequence[int]], Iterator[np.ndarray]]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    held_out: np.ndarray | None = None


def in_memory(pictures: np.ndarray) -> Callable[[Sequence[int]], Iterator[np.ndarray]]:
    """The `pictures` of records whose images are one array (N, H, W) or (N, H, W, 3), uint8."""

    def chosen(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        return (pictures[number] for number in numbers)

    return chosen


def numbered(count: int) -> list[str]:
    """Names for images that have none: their places, such as `000041`."""
    return [f"{number:06d}" for number in range(count)]
