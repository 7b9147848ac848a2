"""The closed world of the embedded study: what a scene may contain, and how one is drawn from a seed.

A scene holds one to three objects on one of five backgrounds. Background, category and tint are independent of each
other, so only the object itself reveals its category. Four categories carry an adjective that implies them
(a zebra is always striped): their mutual information with an image is high, and conditional on the adjective it is nil.

Boxes of objects lie on a grid of 4 pixels, which are the patches of the model's latents. A small network can then learn what
each object looks like exactly, and does not need a word where the picture shows enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

IMAGE_SIZE = 64
GRID = 4

# OpenMoji code point of each category, by the names that COCO uses where it has the category.
CODE_POINTS = {
    "dog": 0x1F415,
    "cat": 0x1F408,
    "zebra": 0x1F993,
    "horse": 0x1F40E,
    "bear": 0x1F43B,
    "elephant": 0x1F418,
    "airplane": 0x2708,
    "kite": 0x1FA81,
    "bed": 0x1F6CF,
    "chair": 0x1FA91,
    "person": 0x1F9CD,
    "monkey": 0x1F412,
    "teddy bear": 0x1F9F8,
    "robot": 0x1F916,
}
CATEGORIES = tuple(CODE_POINTS)
PLURALS = {"person": "people"}

TINTS = {
    "red": (222, 60, 52),
    "green": (64, 168, 72),
    "blue": (58, 98, 222),
    "yellow": (248, 214, 54),
    "white": (250, 250, 250),
    "brown": (136, 84, 44),
}

# Adjectives that imply their noun. These categories keep their own colours.
IMPLIED = {"zebra": "striped", "elephant": "gray", "teddy bear": "fluffy", "airplane": "flying"}

VERBS = {
    "stands": ("dog", "cat", "zebra", "horse", "bear", "elephant", "person", "monkey"),
    "flies": ("airplane", "kite"),
    "rests": ("bed", "chair", "teddy bear", "robot"),
}
VERB_OF = {category: verb for verb, categories in VERBS.items() for category in categories}

BACKGROUNDS = {
    "grass": "on the grass",
    "snow": "on the snow",
    "beach": "on the beach",
    "sky": "in the sky",
    "room": "in the room",
}

RELATIONS = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

NUMBERS = {2: "two", 3: "three"}

# A scene of "bear" and "teddy bear" would make the word "bear" name both objects.
CONFUSABLE = frozenset({"bear", "teddy bear"})

# Streams of random numbers: no two splits share one, whatever their seeds.
SPLITS = {"train": 1, "evaluation": 2, "validation": 3, "captions": 4, "retrieval": 5}

KIND_SHARES = {"one": 0.32, "pair": 0.54, "same": 0.14}

# While the model learns which thing is where, most scenes hold two.
BINDING_KIND_SHARES = {"one": 0.10, "pair": 0.86, "same": 0.04}


@dataclass(frozen=True)
class Thing:
    """One drawn object: `x`, `y` is the centre and `size` the side of its box, in pixels."""

    category: str
    tint: str | None
    x: float
    y: float
    size: int

    @property
    def size_word(self) -> str | None:
        """`small` or `big` for single objects of clear size; sizes in between have no word."""
        return "small" if self.size <= 24 else "big" if self.size >= 40 else None


@dataclass(frozen=True)
class Scene:
    """What is in one picture. `relation` reads: first thing, relation, second thing."""

    kind: str  # one | pair | same
    background: str
    things: tuple[Thing, ...]
    relation: str | None
    texture_seed: int

    @property
    def categories(self) -> tuple[str, ...]:
        """The distinct categories, in the order of the things."""
        return tuple(dict.fromkeys(thing.category for thing in self.things))


def plural(category: str) -> str:
    """The plural form that captions use for a category."""
    return PLURALS.get(category, category + "s")


def scene_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """The generator of scene `index`; splits never share a stream, whatever their seeds."""
    return np.random.default_rng([seed, SPLITS[split], index])


def sample_scene(rng: np.random.Generator, kind: str | None = None, shares: Mapping[str, float] = KIND_SHARES) -> Scene:
    """Draw one scene; `kind` fixes the number of objects (`one`, `pair`, `same`), otherwise it is drawn by `shares`."""
    if kind is None:
        kind = str(rng.choice(list(shares), p=list(shares.values())))
    things, relation = {"one": _one, "pair": _pair, "same": _same}[kind](rng)
    background = list(BACKGROUNDS)[rng.integers(len(BACKGROUNDS))]
    return Scene(kind, background, things, relation, int(rng.integers(2**31)))


def _category(rng: np.random.Generator) -> str:
    return CATEGORIES[rng.integers(len(CATEGORIES))]


def _tint(rng: np.random.Generator, category: str) -> str | None:
    return None if category in IMPLIED else list(TINTS)[rng.integers(len(TINTS))]


def _one(rng: np.random.Generator) -> tuple[tuple[Thing, ...], None]:
    category = _category(rng)
    size = ((20, 24), (28, 32), (44, 48))[rng.integers(3)][rng.integers(2)]
    left, top = GRID * rng.integers(0, (IMAGE_SIZE - size) // GRID + 1, 2)
    return (_thing(category, _tint(rng, category), left, top, size),), None


def _pair(rng: np.random.Generator) -> tuple[tuple[Thing, ...], str]:
    first, second = _category(rng), _category(rng)
    while second == first or {first, second} == CONFUSABLE:
        second = _category(rng)
    relation = list(RELATIONS)[rng.integers(4)]
    sizes = [int(size) for size in rng.choice((28, 32), 2)]
    along = [start + (32 - size if rng.random() < 0.5 else 0) for start, size in zip((0, 32), sizes, strict=True)]
    across = 16 + GRID * (rng.integers(-2, 3) + rng.integers(-1, 2, 2))
    if relation in ("right of", "below"):
        along = [start - 32 if start >= 32 else start + 32 for start in along]
    horizontal = relation in ("left of", "right of")
    corners = zip(along, across, strict=True) if horizontal else zip(across, along, strict=True)
    things = tuple(
        _thing(category, _tint(rng, category), left, top, size)
        for category, (left, top), size in zip((first, second), corners, sizes, strict=True)
    )
    return things, relation


def _same(rng: np.random.Generator) -> tuple[tuple[Thing, ...], None]:
    category = _category(rng)
    tint = _tint(rng, category)
    count = int(rng.integers(2, 4))
    size = 28 if count == 2 else 24
    corners = ((0, 16), (32, 16)) if count == 2 else ((4, 4), (36, 4), (20, 36))
    jitter = GRID * rng.integers((0, -1) if count == 2 else (-1, -1), 2, (count, 2))
    return tuple(
        _thing(category, tint, left + dx, top + dy, size) for (left, top), (dx, dy) in zip(corners, jitter, strict=True)
    ), None


def _thing(category: str, tint: str | None, left: int, top: int, size: int) -> Thing:
    return Thing(category, tint, float(left + size / 2), float(top + size / 2), size)
