"""How faithful a map is as an explanation: areas under deletion and insertion curves, and similarity to other maps.

A map ranks the pixels of an image. Let x_k be the image with its k highest-ranked pixels (a fraction of all) replaced by an
uninformative filling, x̄_k the image with all other pixels replaced, and i(x) = i(x; y*|c) the information of the caption's
word about it, in nats. For i^s, the log likelihood ratio,

    deletion   D = ∫₀¹ i^s(x_0) − i^s(x_k) dk     mean evidence lost while pixels are removed, highest first
    insertion  I = ∫₀¹ i^s(x̄_k) − i^s(x̄_0) dk     mean evidence gained while they are put back, highest first

by the trapezoidal rule, and for i^o, how far the word moves the prediction, with the opposite sign:

    deletion   D = ∫₀¹ i^o(x_k) − i^o(x_0) dk     conflict of word and image that arises while pixels are removed
    insertion  I = ∫₀¹ i^o(x̄_0) − i^o(x̄_k) dk     and that vanishes while they are put back

because the word moves the prediction little where the image shows what the word says, and much where that is missing. All
are higher for maps that rank first the pixels in which the model sees the word. Petsiuk, Das and Saenko (BMVC 2018)
introduced both areas, for the score of a classifier.

Two maps are compared by Spearman's ρ of their values.
"""

from __future__ import annotations

import numpy as np

from infodecomp.metrics.correlation import NAN, spearman

CURVES = ("deletion", "insertion")
# Quantity of a curve → 1 if it falls, −1 if it rises, as the pixels that show the word are removed.
QUANTITIES = {"i_o": -1, "i_s": 1}
AREAS = tuple(f"{curve}_{quantity}" for quantity in QUANTITIES for curve in CURVES)

# Higher is better, except for `weights`, which should be near 0; `sanity` is stability − weights.
MEASURES = (*AREAS, "editing", "stability", "weights", "sanity")

# Rounding alone changes the ranks of some pixels; a map that depends on the weights loses more of its similarity.
LEAST_CHANGE = 0.05


def pixel_order(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flat indices of the pixels of a map (h, w), highest first; ties are ordered at random by `rng`.

    >>> pixel_order(np.array([[1.0, 9.0], [4.0, 2.0]]), np.random.default_rng(0)).tolist()
    [1, 2, 3, 0]
    """
    return np.lexsort((rng.random(heat.size), -heat.ravel().astype(np.float64)))


def highest(order: np.ndarray, fraction: float, shape: tuple[int, int]) -> np.ndarray:
    """Mask of the highest `fraction` of the pixels, (h, w) bool; their number is rounded and at least one.

    >>> highest(np.array([1, 2, 3, 0]), 0.5, (2, 2)).tolist()
    [[False, True], [True, False]]
    """
    chosen = np.zeros(order.size, dtype=bool)
    chosen[order[: max(1, round(fraction * order.size))]] = True
    return chosen.reshape(shape)


def area(fractions: np.ndarray, nats: np.ndarray, measure: str) -> float:
    """D or I in nats. fractions: (F,), from 0 to 1; nats: (F,), the quantity at each fraction; measure: one of `AREAS`.

    >>> area(np.array([0.0, 0.5, 1.0]), np.array([4.0, 1.0, 0.0]), "deletion_i_s")
    2.5
    """
    curve, _, quantity = measure.partition("_")
    sign = QUANTITIES[quantity] * (1 if curve == "deletion" else -1)
    return float(np.trapezoid(sign * (nats[0] - nats), fractions))


def likeness(heat: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps; NaN if they differ in shape or one is constant.

    >>> round(likeness(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 4.0], [9.0, 16.0]])), 6)
    1.0
    """
    if heat.shape != other.shape:
        return NAN
    return float(spearman(heat.ravel(), other.ravel()))


def verdict(low: float) -> str:
    """Whether a map depends on the model's weights, from the lower end of the interval of `sanity`.

    >>> verdict(0.2), verdict(0.01)
    ('passes', 'fails')
    """
    return "–" if np.isnan(low) else "passes" if low > LEAST_CHANGE else "fails"
