"""A small finite world in the form of prepared images, for tests of the stages that describe it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from infodecomp.representation.datasets.records import Attribute
from infodecomp.representation.prepared_images import IMAGES, write_attributes, write_images

SHADES, PLACES = 3, 4
SIDE = 8


def write_world(folder: Path) -> Path:
    """Twelve grey pictures of a square: three shades at four places; the folder that stages read."""
    pictures, factors = [], list(product(range(SHADES), range(PLACES)))
    for shade, place in factors:
        picture = np.full((1, SIDE, SIDE), 90, dtype=np.uint8)
        row, column = divmod(place, 2)
        picture[0, 4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = 110 + 30 * shade
        pictures.append(picture)
    write_images(folder / IMAGES, pictures, (len(pictures), 1, SIDE, SIDE))
    shades, places = np.array(factors).T
    attributes = {
        "shade": Attribute(shades, tuple(f"shade {k}" for k in range(SHADES))),
        "place": Attribute(places, tuple(f"place {k}" for k in range(PLACES))),
    }
    held_out = np.arange(len(pictures)) % 2 == 0
    write_attributes(folder, [f"{k:06d}" for k in range(len(pictures))], held_out, attributes, {"dataset": "own"})
    return folder
