"""Fashion-MNIST: 70,000 grey pictures of clothes in ten classes, in the IDX format of MNIST.

An IDX file is two zero bytes, the type of its numbers, the number of its dimensions, their lengths as big-endian 32-bit
integers, then the numbers, the last dimension fastest. Source: Xiao, Rasul, Vollgraf, 2017 (arXiv 1708.07747).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords, in_memory, numbered
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

CLASSES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
FILES = tuple(f"{part}-{content}-ubyte.gz" for part in ("train", "t10k") for content in ("images-idx3", "labels-idx1"))
_UNSIGNED_BYTES = 8
# A header may claim anything; no file of this format in use holds more.
_MOST_BYTES = 10**9


def read_fashion_mnist(given: Given) -> ImageRecords:
    """The training images and then the test images, which are held out. Raises InputError for a damaged file."""
    images, labels, held_out = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for part in ("train", "t10k"):
        pictures = given.folder / f"{part}-images-idx3-ubyte.gz"
        images.append(read_idx(pictures, dimensions=3))
        labels.append(read_idx(given.folder / f"{part}-labels-idx1-ubyte.gz", dimensions=1))
        if len(images[-1]) != len(labels[-1]):
            raise InputError(
                f"{pictures}: it holds {len(images[-1])} images and its labels are {len(labels[-1])}; fetch both again."
            )
        held_out.append(np.full(len(images[-1]), part == "t10k"))
    if images[0].shape[1:] != images[1].shape[1:]:
        shown = " and ".join(f"{array.shape[2]} x {array.shape[1]}" for array in images)
        raise InputError(f"{given.folder}: the images for training and testing are of several sizes, {shown} pixels.")
    classes = np.concatenate(labels).astype(np.int64)
    if classes.max(initial=0) >= len(CLASSES):
        raise InputError(f"{given.folder}: a label is {classes.max()}; allowed are 0 to {len(CLASSES) - 1}.")
    return ImageRecords(
        names=numbered(len(classes)),
        pictures=in_memory(np.concatenate(images)),
        attributes={"class": Attribute(classes, CLASSES)},
        held_out=np.concatenate(held_out),
    )


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The unsigned bytes of a gzipped IDX file, an array of so many dimensions.

    Raises InputError if the file is missing, damaged or cut off, or holds something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a gzipped IDX file.")
    try:
        with gzip.GzipFile(checked(path)) as opened:
            zeros, kind, found = struct.unpack(">HBB", opened.read(4))
            if (zeros, kind, found) != (0, _UNSIGNED_BYTES, dimensions):
                raise InputError(
                    f"{path}: the file begins with {zeros}, {kind}, {found}; expected 0, {_UNSIGNED_BYTES} (bytes), "
                    f"{dimensions} (dimensions), as an IDX file."
                )
            shape = struct.unpack(f">{found}I", opened.read(4 * found))
            size = math.prod(shape)
            data = opened.read(size + 1) if size <= _MOST_BYTES else b""
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise InputError(f"{path}: this is not a complete gzipped IDX file ({error}); fetch it again.") from error
    if len(data) != size:
        raise InputError(f"{path}: its header promises {size} bytes, and it holds {len(data)}; fetch it again.")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)
