"""Standard errors of scores that are no means: the score of random halves of the images.

Images drawn with replacement would repeat, and equal images mislead nearest neighbours and held-out sets; halves do not.
For a mean, the variance over random halves equals the squared standard error of the whole: s²/n (the delete-half
jackknife; Shao and Wu, Annals of Statistics 1989).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Score:
    """A score of all images, and its standard error over images."""

    value: float
    error: float


def with_errors(
    score: Callable[[np.ndarray], Mapping[str, float]], images: int, repeats: int, rng: np.random.Generator
) -> dict[str, Score]:
    """Scores of all images with standard errors from `repeats` random halves.

    Args:
        score: from the numbers of images, int64 (m,), ascending, to named scores.
        images: n; the numbers run from 0.
        repeats: halves, two at least; halves on which a score is NaN are ignored.

    >>> values = np.random.default_rng(1).normal(size=2000)
    >>> found = with_errors(lambda rows: {"mean": values[rows].mean()}, 2000, 200, np.random.default_rng(0))["mean"]
    >>> round(found.error * 2000**0.5, 1)
    1.0
    """
    whole = score(np.arange(images))
    halves = [score(np.sort(rng.permutation(images)[: images // 2])) for _ in range(repeats)]
    return {name: Score(value, _deviation([half[name] for half in halves])) for name, value in whole.items()}


def _deviation(values: list[float]) -> float:
    known = np.array([value for value in values if np.isfinite(value)])
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
