"""3DShapes: every combination of six factors as a picture of 64×64, 480,000 in all: a finite world of ln 480,000 nats.

The HDF5 file has `images` (N, 64, 64, 3), uint8, and `labels` (N, 6), the value of each factor. Source: Burgess, Kim, *3D
Shapes Dataset*, 2018.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords, numbered
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

FILE = "3dshapes.h5"
FACTORS = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
# Images of one reading: neighbours share a compressed block of the file.
_BLOCK = 1000


def read_shapes3d(given: Given) -> ImageRecords:
    """All images with their six factors, each a class by the order of its values.

    Raises InputError if the file is missing or damaged or holds other arrays, and without the package h5py.
    """
    path = given.folder / FILE
    with _opened(path) as arrays:
        count = len(arrays["images"])
        labels = np.asarray(arrays["labels"])
    attributes = dict[str, Attribute]()
    for name, column in zip(FACTORS, labels.T, strict=True):
        values, numbers = np.unique(column, return_inverse=True)
        attributes[name] = Attribute(numbers.astype(np.int64), tuple(f"{value:.4g}" for value in values))

    def pictures(chosen: Sequence[int]) -> Iterator[np.ndarray]:
        numbers = np.asarray(chosen)
        with _opened(path) as arrays:
            for start in range(0, count, _BLOCK):
                inside = numbers[(numbers >= start) & (numbers < start + _BLOCK)]
                if len(inside):
                    yield from np.asarray(arrays["images"][start : start + _BLOCK])[inside - start]

    return ImageRecords(names=numbered(count), pictures=pictures, attributes=attributes)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The arrays of the file; InputError, also for what fails in the block."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path}: reading 3DShapes needs the package h5py, which is missing; `pip install 'infodecomp[shapes3d]'`."
        ) from error
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the HDF5 file of 3DShapes.")
    try:
        with h5py.File(checked(path), "r") as arrays:
            _check(path, arrays)
            yield arrays
    except (OSError, KeyError, RuntimeError) as error:
        raise InputError(f"{path}: this is not a readable HDF5 file ({error}); fetch it again.") from error


def _check(path: Path, arrays: Any) -> None:
    found = {name: (arrays[name].shape, str(arrays[name].dtype)) for name in ("images", "labels") if name in arrays}
    (images, kind), (labels, _) = found.get("images", ((), "")), found.get("labels", ((), ""))
    if len(images) != 4 or images[3] != 3 or kind != "uint8" or labels != (images[0], len(FACTORS)):
        raise InputError(
            f"{path}: it holds {found or 'other arrays'}; expected `images` (N, 64, 64, 3) of uint8 and `labels` "
            f"(N, {len(FACTORS)})."
        )
