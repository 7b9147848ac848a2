"""What a map is worth as an explanation: areas under deletion and insertion curves, and likeness to other maps.

A map ranks the pixels of an image. Let x_k be the image whose k highest pixels (a share of all) hold a filling instead that
says nothing, x̄_k that in which all the others do, and i(x) = i(x; y*|c) what the caption's word tells about it, in nats. Of
i^s, the log likelihood ratio,

    deletion   D = ∫₀¹ i^s(x_0) − i^s(x_k) dk     evidence that is lost, on average, while the highest pixels go first
    insertion  I = ∫₀¹ i^s(x̄_k) − i^s(x̄_0) dk     and won while they come back first

by the trapezoidal rule, and of i^o, how far the word moves the prediction, with the other sign:

    deletion   D = ∫₀¹ i^o(x_k) − i^o(x_0) dk     contradiction of word and image that arises while the highest pixels go
    insertion  I = ∫₀¹ i^o(x̄_0) − i^o(x̄_k) dk     and ends while they come back

because the word moves the prediction little where the image shows what it says, and much where that is missing. All are
higher for a map that puts first what the model sees the word in. Petsiuk, Das and Saenko (BMVC 2018) introduced both areas,
for the score of a classifier.

A map is compared with another by Spearman's ρ of their pixels.
"""

from __future__ import annotations

import numpy as np

from infodecomp.metrics.correlation import NAN, spearman

CURVES = ("deletion", "insertion")
# What a curve is of, and whether it falls (1) or rises (−1) as the pixels go that the word is seen in.
QUANTITIES = {"i_o": -1, "i_s": 1}
AREAS = tuple(f"{curve}_{quantity}" for quantity in QUANTITIES for curve in CURVES)

# All are better higher, but `weights`, which is better near 0; `sanity` is stability − weights.
MEASURES = (*AREAS, "editing", "stability", "weights", "sanity")

# Maps that differ by rounding alone rank some pixels otherwise; a map that looks at the weights loses more of its likeness.
LEAST_CHANGE = 0.05


def pixel_order(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flat indices of the pixels of a map (h, w), the highest first; equal ones in an order that `rng` draws.

    >>> pixel_order(np.array([[1.0, 9.0], [4.0, 2.0]]), np.random.default_rng(0)).tolist()
    [1, 2, 3, 0]
    """
    return np.lexsort((rng.random(heat.size), -heat.ravel().astype(np.float64)))


def highest(order: np.ndarray, fraction: float, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels are the highest `fraction` of all, (h, w) bool: their number is rounded, one at least.

    >>> highest(np.array([1, 2, 3, 0]), 0.5, (2, 2)).tolist()
    [[False, True], [True, False]]
    """
    chosen = np.zeros(order.size, dtype=bool)
    chosen[order[: max(1, round(fraction * order.size))]] = True
    return chosen.reshape(shape)


def area(fractions: np.ndarray, nats: np.ndarray, measure: str) -> float:
    """D or I in nats. fractions: (F,), from 0 to 1; nats: (F,), the quantity at each; measure: one of `AREAS`.

    >>> area(np.array([0.0, 0.5, 1.0]), np.array([4.0, 1.0, 0.0]), "deletion_i_s")
    2.5
    """
    curve, _, quantity = measure.partition("_")
    sign = QUANTITIES[quantity] * (1 if curve == "deletion" else -1)
    return float(np.trapezoid(sign * (nats[0] - nats), fractions))


def likeness(heat: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps of one shape; NaN where they differ in shape, or one of them is constant.

    >>> round(likeness(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 4.0], [9.0, 16.0]])), 6)
    1.0
    """
    if heat.shape != other.shape:
        return NAN
    return float(spearman(heat.ravel(), other.ravel()))


def verdict(low: float) -> str:
    """Whether a map looks at the weights, from the lower end of the interval of `sanity`.

    >>> verdict(0.2), verdict(0.01)
    ('passes', 'fails')
    """
    return "–" if np.isnan(low) else "passes" if low > LEAST_CHANGE else "fails"
