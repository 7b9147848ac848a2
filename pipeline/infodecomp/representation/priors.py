"""Priors of a code: what codes are drawn from when nothing is known, and what a regulariser draws them to.

`normal` has independent unit normal dimensions. `mixture` and `roll` are those of adversarial autoencoders (Makhzani et al.,
2016), as InfoDiffusion (Wang et al., ICML 2023) uses them: ten Gaussian arms around the origin in each pair of dimensions,
and a Swiss roll in the plane.
"""

from __future__ import annotations

import numpy as np

from infodecomp.runs.errors import InputError

ARMS = 10
# Centre of an arm, and its standard deviations along and across it.
ARM_CENTRE, ALONG, ACROSS = 1.4, 0.5, 0.1
TURNS, ROLL_RADIUS = 2.0, 2.0


def draw_prior(prior: str, rng: np.random.Generator, count: int, dimensions: int) -> np.ndarray:
    """`count` codes, float32 (count, dimensions).

    Raises InputError for a mixture in an odd number of dimensions or a roll in another number than two.

    >>> draw_prior("mixture", np.random.default_rng(0), 5, 4).shape
    (5, 4)
    """
    check_prior(prior, dimensions)
    if prior == "mixture":
        return _arms(rng, count * (dimensions // 2)).reshape(count, dimensions)
    if prior == "roll":
        return _roll(rng, count)
    return rng.standard_normal((count, dimensions), dtype=np.float32)


def check_prior(prior: str, dimensions: int) -> None:
    """InputError if the prior does not exist in this number of dimensions."""
    if prior == "mixture" and dimensions % 2:
        raise InputError(
            f"representation_model: dimensions is {dimensions}, but the prior 'mixture' has ten arms in each pair of "
            "dimensions; set an even number of dimensions, or the prior 'normal'."
        )
    if prior == "roll" and dimensions != 2:
        raise InputError(
            f"representation_model: dimensions is {dimensions}, but the prior 'roll' lies in a plane; set dimensions to 2, "
            "or the prior 'normal'."
        )


def _arms(rng: np.random.Generator, count: int) -> np.ndarray:
    angles = 2 * np.pi * rng.integers(ARMS, size=count) / ARMS
    along = ARM_CENTRE + ALONG * rng.standard_normal(count)
    across = ACROSS * rng.standard_normal(count)
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.stack([along * cosine - across * sine, along * sine + across * cosine], 1).astype(np.float32)


def _roll(rng: np.random.Generator, count: int) -> np.ndarray:
    # The root of a uniform number spreads points evenly along the curve, which is longer further out.
    share = np.sqrt(rng.random(count))
    angles = 2 * np.pi * TURNS * share
    centre = ROLL_RADIUS * share[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return (centre + ACROSS / 2 * rng.standard_normal((count, 2))).astype(np.float32)
