"""Random generators that depend on their purpose, never on when or where they are used."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """The generator of (run seed, key), e.g. `generator(0, image_id, "information")`.

    The key enters through SHA-256, so that streams of different images or purposes are independent, and a result does
    not depend on batch size, shard, order or device.
    """
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype=np.uint32).tolist()])
