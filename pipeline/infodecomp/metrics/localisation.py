"""How well a heat map localises the object that a word names: IoU at thresholds, average precision, pointing game.

IoU at all thresholds comes from a histogram of heat (`iou_curve`); average precision and the pointing game need the order of
the pixels, which are sorted once, object and background separately (`rank_pixels`). The mIoU of a method is the mean over
cases of the IoU of {heat > threshold} with the mask. All cases share one threshold: the best on the same cases
(`oracle_miou`, as published by Kong et al., 2024) or on the other half of the images (`held_out_miou`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infodecomp.metrics.bootstrap import weighted_sums

NAN = float("nan")

# Bins of the histogram of heat. More bins leave fewer pixels to compare with a threshold, but their counts have to stay in
# the processor's first cache; a power of two.
_LEVELS = 1 << 13

# One row per case, method, estimator and number of steps. A failed row has a status other than "ok", a reason, an empty
# `iou` and NaN scores. `iou` holds one value per threshold of the configuration.
SCORE_COLUMNS: dict[str, str] = {
    "case_id": "string",
    "dataset": "string",
    "image_id": "string",
    "label": "string",
    "method": "string",
    "estimator": "string",
    "steps": "int64",
    "draws": "int64",
    "status": "string",
    "reason": "string",
    "iou": "list<float64>",
    "average_precision": "float64",
    "pointing_game": "float64",
    "named_hotter": "float64",
    "boxed": "bool",  # the mask is made of filled boxes
}


@dataclass(frozen=True)
class MapScores:
    """Scores of one map against one mask, as `SCORE_COLUMNS` names them."""

    iou: np.ndarray  # (thresholds,)
    average_precision: float
    pointing_game: float
    named_hotter: float


def threshold_grid(low: float, high: float, count: int) -> np.ndarray:
    """Thresholds on the min-max-scaled heat, (count,), ends included.

    >>> threshold_grid(0.0, 1.0, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return np.linspace(low, high, count)


def iou_curve(heat: np.ndarray, mask: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Intersection over union of {heat > threshold} with the object, at every threshold.

    Args:
        heat: (h, w) in [0, 1] (min-max scaled after upsampling, as in the released code), floating point.
        mask: (h, w) bool, the object.
        thresholds: (T,) in [0, 1].

    Returns:
        (T,) float64 in [0, 1]; 0 where both prediction and object are empty.

    Raises:
        ValueError: map and mask differ in shape, or the heat exceeds 1.

    >>> heat, mask = np.array([[0.0, 0.4, 1.0]]), np.array([[False, False, True]])
    >>> iou_curve(heat, mask, np.array([0.2, 0.5])).tolist()
    [0.5, 1.0]
    """
    _check_shapes(heat, mask)
    if heat.size and heat.max() > 1:
        raise ValueError(f"the heat reaches {heat.max()}; allowed is a map scaled to [0, 1]")
    limits = thresholds.astype(heat.dtype)  # rather than converting the pixels
    hot = heat > limits.min()
    hits = _count_above(heat[hot & mask], limits)
    false_alarms = _count_above(heat[hot & ~mask], limits)
    return hits / np.maximum(np.count_nonzero(mask) + false_alarms, 1)


def _count_above(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Exact number of values above each limit, (T,): values (n,) and limits (T,), both in [0, 1].

    Values are counted in bins. A bin without a limit lies entirely above or entirely at or below each limit; only values
    that share a bin with a limit are compared with it.
    """
    level = (values * _LEVELS).astype(np.int64)  # times a power of two: exact, so the order is kept
    places = (limits * _LEVELS).astype(np.int64)
    shared = np.zeros(_LEVELS + 1, dtype=bool)
    shared[places] = True
    counts = np.bincount(level, minlength=_LEVELS + 1)
    counts[shared] = 0
    close = np.sort(values[shared[level]])
    return values.size - np.cumsum(counts)[places] - np.searchsorted(close, limits, side="right")


@dataclass(frozen=True)
class RankedPixels:
    """Heat of the object's and of the background's pixels, each in ascending order."""

    inside: np.ndarray  # (object pixels,)
    outside: np.ndarray  # (background pixels,)


def rank_pixels(heat: np.ndarray, mask: np.ndarray) -> RankedPixels:
    """Sort the pixels of a map, object and background separately.

    Args:
        heat: (h, w), any unit, floating point.
        mask: (h, w) bool, the object.

    Raises:
        ValueError: map and mask differ in shape.

    >>> pixels = rank_pixels(np.array([[3.0, 1.0, 2.0]]), np.array([[True, False, True]]))
    >>> pixels.inside.tolist(), pixels.outside.tolist()
    ([2.0, 3.0], [1.0])
    """
    _check_shapes(heat, mask)
    return RankedPixels(np.sort(heat[mask]), np.sort(heat[~mask]))


def average_precision(pixels: RankedPixels) -> float:
    """Area under the precision-recall curve of pixels ranked by heat: Σ_n (R_n − R_{n−1})·P_n over distinct heats.

    Equal heats enter together (as in scikit-learn), so the value does not depend on the order of tied pixels.

    Returns:
        value in [0, 1]; NaN if the object has no pixel.

    >>> average_precision(RankedPixels(inside=np.array([1.0, 3.0]), outside=np.array([0.0, 2.0])))
    0.8333333333333333
    """
    inside, outside = pixels.inside, pixels.outside
    if inside.size == 0:
        return NAN
    # Every object pixel adds 1/P of recall at the precision of the set {heat ≥ its heat}.
    hits = inside.size - np.searchsorted(inside, inside, side="left")
    false_alarms = outside.size - np.searchsorted(outside, inside, side="left")
    return float(np.mean(hits / (hits + false_alarms)))


def pointing_game(pixels: RankedPixels) -> float:
    """Whether the hottest pixel lies in the object; the fraction that does if several are tied.

    Returns:
        value in [0, 1]; NaN for a map without pixels.

    >>> pointing_game(RankedPixels(inside=np.array([1.0, 3.0]), outside=np.array([0.0, 2.0])))
    1.0
    """
    if pixels.inside.size + pixels.outside.size == 0:
        return NAN
    top = max(values[-1] for values in (pixels.inside, pixels.outside) if values.size)
    inside = pixels.inside.size - int(np.searchsorted(pixels.inside, top, side="left"))
    outside = pixels.outside.size - int(np.searchsorted(pixels.outside, top, side="left"))
    return inside / (inside + outside)


def named_hotter(heat: np.ndarray, mask: np.ndarray, others: Sequence[np.ndarray]) -> float:
    """Whether the named object is hotter on average than every other labelled object of the image.

    Pixels that both masks cover are ignored; an object that covers the other, or is covered by it, is skipped.

    Args:
        heat: (h, w), any unit.
        mask: (h, w) bool, the named object.
        others: masks (h, w) of the other labelled objects.

    Returns:
        1.0 or 0.0 (a tie is 0.0); NaN if no other object can be compared.

    >>> heat = np.array([[5.0, 1.0]])
    >>> named_hotter(heat, np.array([[True, False]]), [np.array([[False, True]])])
    1.0
    """
    outcomes = []
    for other in others:
        named_only, other_only = mask & ~other, other & ~mask
        if named_only.any() and other_only.any():
            outcomes.append(heat[named_only].mean() > heat[other_only].mean())
    return float(all(outcomes)) if outcomes else NAN


def score_map(heat: np.ndarray, mask: np.ndarray, others: Sequence[np.ndarray], thresholds: np.ndarray) -> MapScores:
    """All scores of one map.

    Args:
        heat: (h, w) in [0, 1], min-max scaled.
        mask: (h, w) bool, the named object.
        others: masks (h, w) of the other labelled objects of the image.
        thresholds: (T,).

    >>> heat, mask = np.array([[0.0, 0.4, 1.0]]), np.array([[False, False, True]])
    >>> scores = score_map(heat, mask, [], np.array([0.5]))
    >>> scores.iou.tolist(), scores.average_precision, scores.pointing_game
    ([1.0], 1.0, 1.0)
    """
    pixels = rank_pixels(heat, mask)
    return MapScores(
        iou_curve(heat, mask, thresholds),
        average_precision(pixels),
        pointing_game(pixels),
        named_hotter(heat, mask, others),
    )


def score_whole_image(mask: np.ndarray, thresholds: np.ndarray) -> MapScores:
    """Scores of predicting the whole image: each equals the fraction of the image that the object covers.

    The prediction does not depend on the threshold. No object is hotter than another, so `named_hotter` is NaN.

    >>> score_whole_image(np.array([[True, False, False, False]]), np.array([0.5])).average_precision
    0.25
    """
    area = float(mask.mean())
    return MapScores(np.full(len(thresholds), area), area, area, NAN)


def first_half(image_ids: Sequence[str]) -> np.ndarray:
    """Split the images into halves for held-out thresholds, by the hashes of their ids.

    The order of the images does not matter, and a new image moves at most one other image to the other half.

    Args:
        image_ids: distinct ids, (G,).

    Returns:
        (G,) bool, True for the first half.

    >>> int(first_half(["a", "b", "c", "d"]).sum())
    2
    """
    ranked = sorted(image_ids, key=lambda image_id: hashlib.sha256(f"held_out:{image_id}".encode()).digest())
    chosen = set(ranked[: len(ranked) // 2])
    return np.array([image_id in chosen for image_id in image_ids], dtype=bool)


@dataclass(frozen=True)
class ThresholdedMiou:
    """mIoU at chosen thresholds, one value per resample.

    Attributes:
        choices: (R, 2) int64, index of the threshold for the first half of the images and for the second.
        miou: (R,) float64; NaN for resamples without a case to choose on or to score.
    """

    choices: np.ndarray
    miou: np.ndarray


def oracle_miou(iou_sums: np.ndarray, cases: np.ndarray, weights: np.ndarray) -> ThresholdedMiou:
    """Best mean IoU over thresholds, chosen on the same cases that are scored.

    Args:
        iou_sums: (G, T), sum of the IoU over the cases of each image.
        cases: (G,), number of cases of each image.
        weights: (R, G), how often each image occurs in each resample (ones: the data themselves).

    >>> found = oracle_miou(np.array([[0.2, 0.6], [0.4, 0.2]]), np.array([1, 1]), np.ones((1, 2)))
    >>> found.choices.tolist(), found.miou.tolist()
    ([[1, 1]], [0.4])
    """
    curves = _mean(weighted_sums(weights, iou_sums), weighted_sums(weights, cases))
    choice = _best(curves)
    return ThresholdedMiou(np.stack([choice, choice], axis=1), curves[np.arange(len(curves)), choice])


def held_out_miou(iou_sums: np.ndarray, cases: np.ndarray, first: np.ndarray, weights: np.ndarray) -> ThresholdedMiou:
    """Mean IoU over all cases, each at the threshold that is best on the other half of the images.

    Args:
        iou_sums: (G, T), sum of the IoU over the cases of each image.
        cases: (G,), number of cases of each image.
        first: (G,) bool, images of the first half.
        weights: (R, G), how often each image occurs in each resample (ones: the data themselves).

    >>> first = np.array([True, False])
    >>> found = held_out_miou(np.array([[0.2, 0.6], [0.4, 0.2]]), np.array([1, 1]), first, np.ones((1, 2)))
    >>> found.choices.tolist(), found.miou.tolist()
    ([[0, 1]], [0.2])
    """
    rows = np.arange(len(weights))
    sums_first, n_first = (weighted_sums(weights[:, first], values[first]) for values in (iou_sums, cases))
    sums_second, n_second = (weighted_sums(weights[:, ~first], values[~first]) for values in (iou_sums, cases))
    for_second, for_first = _best(_mean(sums_first, n_first)), _best(_mean(sums_second, n_second))
    total = sums_first[rows, for_first] + sums_second[rows, for_second]
    chosen_on_data = (n_first > 0) & (n_second > 0)
    miou = np.where(chosen_on_data, total / np.maximum(n_first + n_second, 1), NAN)
    return ThresholdedMiou(np.stack([for_first, for_second], axis=1), miou)


def _mean(sums: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """Mean IoU (R, T) from sums (R, T) and numbers of cases (R,); NaN without cases."""
    return np.where(cases[:, None] > 0, sums / np.maximum(cases, 1)[:, None], NAN)


def _best(curves: np.ndarray) -> np.ndarray:
    """Index (R,) of the best threshold of each curve (R, T), the lowest if tied."""
    return np.argmax(np.nan_to_num(curves, nan=-1.0), axis=1)


def _check_shapes(heat: np.ndarray, mask: np.ndarray) -> None:
    if heat.shape != mask.shape:
        raise ValueError(f"map {heat.shape} and mask {mask.shape} differ in shape")
