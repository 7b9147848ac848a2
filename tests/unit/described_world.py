"""A small finite world in the form of prepared images, and models of it, for tests of the stages that describe it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import torch

from infodecomp.config.representation_model import RepresentationModel
from infodecomp.representation.datasets.records import Attribute
from infodecomp.representation.encoder import Encoder
from infodecomp.representation.patch_transformer import PatchTransformer
from infodecomp.representation.prepared_images import IMAGES, write_attributes, write_images

SHADES, PLACES = 3, 4
SIDE = 8
_SMALL = {"patch": 4, "stride": 2, "padding": 1, "width": 16, "depth": 1, "heads": 2, "head_width": 16, "map_rank": 4}


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


def write_model(folder: Path, recipe: RepresentationModel, states: int, parts: int, size: int = SIDE) -> Path:
    """A model with random weights; the folder that `train_representation` would write."""
    torch.manual_seed(0)
    PatchTransformer(states, parts, size=size, channels=1, **_SMALL).save_pretrained(folder / "decoder")
    if recipe.knows == "code":
        Encoder(recipe.dimensions, size=size, channels=1, noise=0.2).save_pretrained(folder / "encoder")
    (folder / "model.json").write_text(recipe.model_dump_json())
    return folder
