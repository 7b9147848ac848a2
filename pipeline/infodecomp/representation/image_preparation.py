"""From the images of a dataset as published to images as a model sees them: chosen, checked, cropped, resized."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.representation.attribute_checks import check_attributes
from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords
from infodecomp.representation.datasets.table import DATASETS, ImageDataset
from infodecomp.representation.prepared_images import IMAGES, write_attributes, write_images
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator

RESIZE = "the central square, bilinear, averaged over the pixels that it covers (antialiased) where it shrinks"


def prepare_images(section: RepresentationImagesSection, given: Given, folder: Path) -> dict[str, Any]:
    """Prepare the dataset that a configuration names, and write it to a folder; returns its description.

    Raises InputError for anything that would make training or judging fail later: fewer images than asked for, images of
    several sizes, files that cannot be read, attributes that are missing or constant.
    """
    name = section.dataset
    row = DATASETS[name]
    records = row.read(given)
    chosen = choose(name, records, section.count, given.seed)
    held_out = split(name, records, chosen, section.held_out, given.seed)
    attributes = {
        attribute: Attribute(values[chosen], classes) for attribute, (values, classes) in records.attributes.items()
    }
    check_attributes(name, attributes, held_out)
    size = section.size or row.size
    fitted = FittedImages(records, chosen, row, size)
    write_images(folder / IMAGES, fitted, (len(chosen), row.channels, size, size))
    description = {
        "dataset": name,
        "licence": row.licence,
        "images": len(chosen),
        "of": len(records.names),
        "held_out": int(held_out.sum()),
        "published_split": records.held_out is not None,
        "stored_size": list(fitted.stored_size),
        "size": size,
        "resize": RESIZE if fitted.stored_size != (size, size) else "none",
    }
    write_attributes(folder, [records.names[number] for number in chosen], held_out, attributes, description)
    return description


def choose(name: str, records: ImageRecords, count: int | None, seed: int) -> np.ndarray:
    """Numbers of the images to use, ascending: all, or so many drawn at random. InputError if there are fewer."""
    there = len(records.names)
    if count is None:
        return np.arange(there)
    if count > there:
        raise InputError(
            f"representation → images → count is {count}, and {name} has {there} images; use at most {there}, or null for "
            "all."
        )
    return np.sort(generator(seed, name, "images").choice(there, count, replace=False))


def split(name: str, records: ImageRecords, chosen: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(n,) bool: which of the chosen images are held out, as published or else a share of them at random.

    Raises InputError if none is left on one side.
    """
    if records.held_out is not None:
        held_out = records.held_out[chosen]
    else:
        held_out = np.zeros(len(chosen), dtype=bool)
        order = generator(seed, name, "held out").permutation(len(chosen))
        held_out[order[: round(share * len(chosen))]] = True
    if len(set(held_out.tolist())) < 2:
        raise InputError(
            f"{name}: of {len(chosen)} images {int(held_out.sum())} are held out; some are needed for training and some to "
            "judge by: use more images, or change representation → images → held_out."
        )
    return held_out


class FittedImages:
    """The chosen images one after another, each (C, size, size) uint8; reading fills `stored_size` (height, width).

    Raises InputError, while read, if an image is of another size than the first.
    """

    def __init__(self, records: ImageRecords, chosen: Sequence[int] | np.ndarray, row: ImageDataset, size: int) -> None:
        self.stored_size = (0, 0)
        self._records, self._chosen, self._row, self._size = records, chosen, row, size

    def __iter__(self) -> Iterator[np.ndarray]:
        with Progress("prepare_representation_images", len(self._chosen), "images") as progress:
            pictures = self._records.pictures([int(number) for number in self._chosen])
            for number, picture in zip(self._chosen, pictures, strict=True):
                height, width = picture.shape[:2]
                if self.stored_size == (0, 0):
                    self.stored_size = (height, width)
                if (height, width) != self.stored_size:
                    first = self._records.names[int(self._chosen[0])]
                    raise InputError(
                        f"{self._records.names[int(number)]} has {width} x {height} pixels, and {first} "
                        f"{self.stored_size[1]} x {self.stored_size[0]}; images of a dataset must be of one size: crop or "
                        "resize them."
                    )
                yield fit(picture, self._row.channels, self._size)
                progress.advance()


def fit(picture: np.ndarray, channels: int, size: int) -> np.ndarray:
    """A picture (H, W) or (H, W, 3), uint8, as (channels, size, size): its central square, resized, grey or in colour."""
    image = Image.fromarray(np.ascontiguousarray(picture)).convert("L" if channels == 1 else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.size != (size, size):
        square = image.crop((left, top, left + side, top + side))
        image = square.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(size, size, channels).transpose(2, 0, 1)
