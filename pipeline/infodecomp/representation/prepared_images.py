"""Prepared images: what training, estimation and judging read of any dataset, in one form.

A folder with `images.npy` (N, C, H, W), uint8, read in place without being loaded; `attributes.parquet`, a row an image with
its name, whether it is held out, and its attributes; and `images.json`, which says what was prepared and how.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.representation.datasets.records import Attribute
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.runs.storage import atomic_path, read_table, write_table, write_text

IMAGES, TABLE, DESCRIPTION = "images.npy", "attributes.parquet", "images.json"
# An attribute may be called like one of these columns, so its own has a prefix.
_OF_ATTRIBUTE = "attribute: "


@dataclass(frozen=True)
class PreparedImages:
    """The images of a dataset.

    images: (N, C, H, W) uint8, mapped from the file. held_out: (N,) bool. description: as in `images.json`: dataset, size,
    licence, how the images were cropped and resized.
    """

    images: np.ndarray
    names: Sequence[str]
    held_out: np.ndarray
    attributes: Mapping[str, Attribute]
    description: Mapping[str, Any]

    @property
    def training(self) -> np.ndarray:
        """Numbers of the images to train on, ascending."""
        return np.flatnonzero(~self.held_out)

    def batch(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Images by number as a model takes them: float32 (B, C, H, W) in [-1, 1]."""
        return np.asarray(self.images[np.asarray(numbers)], dtype=np.float32) / np.float32(127.5) - np.float32(1)


def write_images(path: Path, images: Iterable[np.ndarray], shape: tuple[int, int, int, int]) -> None:
    """Write images (C, H, W), uint8, one after another; only one is in memory at a time."""
    with atomic_path(path) as temporary:
        written = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        for number, image in enumerate(images):
            written[number] = image
        written.flush()
        del written


def write_attributes(
    folder: Path,
    names: Sequence[str],
    held_out: np.ndarray,
    attributes: Mapping[str, Attribute],
    description: Mapping[str, Any],
) -> None:
    """Write the table and the description of a dataset."""
    columns = _columns({name: attribute.classes for name, attribute in attributes.items()})
    values = {f"{_OF_ATTRIBUTE}{name}": attribute.values for name, attribute in attributes.items()}
    write_table(
        folder / TABLE, pd.DataFrame({"image": list(names), "held_out": held_out.astype(bool), **values}), columns
    )
    classes = {name: list(attribute.classes) for name, attribute in attributes.items()}
    text = json.dumps({**description, "attributes": classes}, indent=2, sort_keys=True, ensure_ascii=False)
    write_text(folder / DESCRIPTION, text + "\n")


def read_prepared(folder: Path) -> PreparedImages:
    """What `prepare_representation_images` wrote. Raises InputError if a file is missing or damaged."""
    try:
        description = json.loads(checked(folder / DESCRIPTION).read_text(encoding="utf-8"))
        classes = {str(name): tuple(values) for name, values in description["attributes"].items()}
        images = np.load(checked(folder / IMAGES), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder}: these are not prepared images ({error!r}); prepare them again.") from error
    table = read_table(folder / TABLE, _columns(classes))
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) != len(table):
        raise InputError(
            f"{folder}: it holds {images.shape} numbers of {images.dtype} for {len(table)} images; prepare them again."
        )
    return PreparedImages(
        images=images,
        names=table["image"].tolist(),
        held_out=table["held_out"].to_numpy(dtype=bool),
        attributes={
            name: Attribute(table[f"{_OF_ATTRIBUTE}{name}"].to_numpy(), values) for name, values in classes.items()
        },
        description=description,
    )


def _columns(classes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    of_attributes = {f"{_OF_ATTRIBUTE}{name}": "int64" if names else "float64" for name, names in classes.items()}
    return {"image": "string", "held_out": "bool", **dict(sorted(of_attributes.items()))}
