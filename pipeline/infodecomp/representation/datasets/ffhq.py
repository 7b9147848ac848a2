"""FFHQ: 70,000 faces; its thumbnails of 128×128, in folders of a thousand. It has no attributes.

The first 60,000 images are for training. Source: Karras, Laine, Aila, CVPR 2019.
"""

from __future__ import annotations

import itertools

import numpy as np

from infodecomp.representation.datasets.folder_pictures import picture_files
from infodecomp.representation.datasets.records import Given, ImageRecords
from infodecomp.runs.errors import InputError

THUMBNAILS = "thumbnails128x128"
_FIRST_HELD_OUT = 60_000


def read_ffhq(given: Given) -> ImageRecords:
    """Every thumbnail below the folder, by number. Raises InputError without any, and for two of one number."""
    folder = given.folder / THUMBNAILS
    paths = sorted(folder.rglob("*.png"), key=lambda path: (path.stem, str(path)))
    if not paths:
        raise InputError(f"{folder}: it holds no image; expected FFHQ's thumbnails, such as 00000/00000.png.")
    strange = [path for path in paths if not path.stem.isdecimal()]
    if strange:
        raise InputError(f"{strange[0]}: this is no thumbnail of FFHQ, whose names are numbers, such as 00000.png.")
    for one, other in itertools.pairwise(paths):
        if one.stem == other.stem:
            raise InputError(f"{other}: {one} has the same name; each image of FFHQ must be there once.")
    names = [path.stem for path in paths]
    return ImageRecords(
        names=names,
        pictures=picture_files(paths),
        held_out=np.array([int(name) >= _FIRST_HELD_OUT for name in names]),
    )
