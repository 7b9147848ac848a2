"""What a map is worth as an explanation: areas under deletion and insertion curves, and likeness to other maps.

A map ranks the pixels of an image. Let x_k be the image whose k highest pixels (a share of all) hold a filling instead that
says nothing, x̄_k that in which all the others do, and r(x) the log likelihood ratio of the caption against the caption
without the word, in nats. Then

    deletion   D = ∫₀¹ r(x_0) − r(x_k) dk     what is lost, on average, while the highest pixels go first
    insertion  I = ∫₀¹ r(x̄_k) − r(x̄_0) dk     what is won while they come back first

by the trapezoidal rule, both higher for a map that puts first what the ratio rests on. Petsiuk, Das and Saenko (BMVC 2018)
introduced both areas, for the score of a classifier.

A map is compared with another by Spearman's ρ of their pixels.
"""

from __future__ import annotations

import numpy as np

from pipeline.metrics.correlation import NAN, spearman

# All are better higher, but `weights`, which is better near 0; `sanity` is stability − weights.
MEASURES = ("deletion", "insertion", "editing", "stability", "weights", "sanity")

# Maps that differ by rounding alone rank some pixels otherwise; a map that looks at the weights loses more of its likeness.
LEAST_CHANGE = 0.05


def pixel_order(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flat indices of the pixels of a map (h, w), the highest first; equal ones in an order that `rng` draws."""
    return np.lexsort((rng.random(heat.size), -heat.ravel().astype(np.float64)))


def highest(order: np.ndarray, fraction: float, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels are the highest `fraction` of all, (h, w) bool: their number is rounded, one at least."""
    chosen = np.zeros(order.size, dtype=bool)
    chosen[order[: max(1, round(fraction * order.size))]] = True
    return chosen.reshape(shape)


def deletion_area(fractions: np.ndarray, ratio: np.ndarray) -> float:
    """D in nats. fractions: (F,), from 0 to 1; ratio: (F,), r(x_k) at each."""
    return float(np.trapezoid(ratio[0] - ratio, fractions))


def insertion_area(fractions: np.ndarray, ratio: np.ndarray) -> float:
    """I in nats. fractions: (F,), from 0 to 1; ratio: (F,), r(x̄_k) at each."""
    return float(np.trapezoid(ratio - ratio[0], fractions))


def likeness(heat: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps of one shape; NaN where they differ in shape, or one of them is constant."""
    if heat.shape != other.shape:
        return NAN
    return float(spearman(heat.ravel(), other.ravel()))


def verdict(low: float) -> str:
    """Whether a map looks at the weights, from the lower end of the interval of `sanity`."""
    return "–" if np.isnan(low) else "passes" if low > LEAST_CHANGE else "fails"
