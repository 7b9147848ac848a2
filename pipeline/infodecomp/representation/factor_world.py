"""A world of 18,000 pictures, one for every combination of six factors, so that every quantity of it can be enumerated.

A tinted glyph of one of three sizes stands at one of 5 × 5 places before one of five plain backgrounds. All pictures differ
and are equally likely, so a picture holds ln 18,000 = 9.798 nats, the sum of ln n over its factors.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np

from infodecomp.runs.seeds import generator
from infodecomp.scenes.drawing import sprite
from infodecomp.scenes.world import TINTS

PICTURE_SIZE = 32
BACKGROUND_COLOURS = {
    "grass": (122, 182, 92),
    "snow": (225, 232, 242),
    "beach": (236, 214, 162),
    "sky": (120, 176, 232),
    "room": (90, 80, 120),
}
CENTRES = (8, 12, 16, 20, 24)
FACTORS: dict[str, tuple[str | int, ...]] = {
    "category": ("dog", "cat", "zebra", "horse", "airplane", "chair", "person", "robot"),
    "tint": tuple(TINTS),
    "background": tuple(BACKGROUND_COLOURS),
    "size": (8, 12, 16),
    "x": CENTRES,
    "y": CENTRES,
}
LEVELS = tuple(len(values) for values in FACTORS.values())


@cache
def factor_table() -> np.ndarray:
    """The place of each picture's factors among their values, int64 (18000, 6); the last factor changes fastest."""
    return np.array(list(product(*(range(levels) for levels in LEVELS))), dtype=np.int64)


@cache
def draw_images() -> np.ndarray:
    """All pictures, uint8 (18000, 3, 32, 32), in the order of `factor_table`; drawn once a process, in seconds."""
    backgrounds = background_colours() * shading()[:, None, None, None]  # (32, 1, 5, 3)
    pictures = np.empty((*LEVELS, 3, PICTURE_SIZE, PICTURE_SIZE), dtype=np.uint8)
    pictures[...] = _bytes(np.broadcast_to(backgrounds, (PICTURE_SIZE, PICTURE_SIZE, 5, 3)).transpose(2, 3, 0, 1))[
        None, None, :, None, None, None
    ]
    for category, tint, size, x, y in product(*(range(LEVELS[k]) for k in (0, 1, 3, 4, 5))):
        glyph = sprite_of(category, tint, size)
        rows, columns = box(size, y), box(size, x)
        below = backgrounds[rows] * (1 - glyph[..., None, 3:])  # (n, n, 5, 3)
        drawn = _bytes((below + glyph[:, :, None, :3]).transpose(2, 3, 0, 1))
        pictures[category, tint, :, size, x, y, :, rows, columns] = drawn
    return pictures.reshape(-1, 3, PICTURE_SIZE, PICTURE_SIZE)


def sprite_of(category: int, tint: int, size: int) -> np.ndarray:
    """The glyph of these factors, float32 RGBA (n, n, 4) in [0, 1], colour premultiplied; n is the size in pixels."""
    names = [FACTORS[factor][level] for factor, level in (("category", category), ("tint", tint), ("size", size))]
    return sprite(str(names[0]), str(names[1]), int(names[2]))


def box(size: int, centre: int) -> slice:
    """The rows, or columns, that a glyph covers; arguments are places among the values of the factors."""
    side, middle = int(FACTORS["size"][size]), CENTRES[centre]
    return slice(middle - side // 2, middle + side // 2)


def background_colours() -> np.ndarray:
    """Colours of the backgrounds at the top of a picture, float32 (5, 3) in [0, 1]."""
    return np.array(list(BACKGROUND_COLOURS.values()), dtype=np.float32) / 255


def shading() -> np.ndarray:
    """The share of a background's colour that each row has, float32 (32,): it darkens towards the bottom."""
    return np.linspace(1.0, 0.85, PICTURE_SIZE, dtype=np.float32)


def split(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the pictures to train on, nine of ten, and of those held out; each ascending, int64."""
    order = generator(seed, "factors", "split").permutation(len(factor_table()))
    held = len(order) // 10
    return np.sort(order[held:]), np.sort(order[:held])


def _bytes(values: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return rounded
