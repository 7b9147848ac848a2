"""Pictures that are files of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from infodecomp.pictures.images import load_image, read_header


def picture_files(paths: Sequence[Path]) -> Callable[[Sequence[int]], Iterator[np.ndarray]]:
    """The `pictures` of records whose images are files, turned as their EXIF says: uint8 (H, W, 3).

    Reading raises InputError naming a file that is missing or cannot be decoded.
    """

    def chosen(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        for number in numbers:
            path = paths[number]
            yield np.asarray(load_image(path, read_header(path).orientation))

    return chosen
