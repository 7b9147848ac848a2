"""Speed and memory of the threshold sweep of a 512x512 map, compared with loops over 50 thresholds.

    python benchmarks/sweep.py [--rounds 5] [--maps 1000] [--json FILE]

Three loops: `masks` sums intersections and unions of boolean arrays, the obvious way; `counted` does the same with NumPy's
fastest count of true pixels; `confusion` counts a confusion matrix of 64-bit integers at each threshold, like metric
libraries. `scores` is ours with average precision and the pointing game, for which pixels are sorted. CPU time on one core,
for a scaled map and for one that is hot everywhere. Exits with 1 if ours is less than 40 times as fast as the loop
`confusion` on the first, if results differ, or if peak memory grows by more than 5 % after the first ten maps.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from infodecomp.config import LocalisationSection
from infodecomp.metrics.heatmaps import min_max, upsample_bilinear
from infodecomp.metrics.localisation import iou_curve, score_map, threshold_grid
from infodecomp.runs.memory_allocator import keep_freed_memory
from measuring import Row, Target, argument_parser, median_ratio, report

SIZE = (512, 512)
Sweep = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def loop_masks(heat: np.ndarray, mask: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """IoU at every threshold from sums of boolean arrays."""
    curve = []
    for threshold in thresholds:
        hot = heat > threshold
        curve.append((hot & mask).sum() / max((hot | mask).sum(), 1))
    return np.array(curve)


def loop_counted(heat: np.ndarray, mask: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The same with `count_nonzero`."""
    curve = []
    for threshold in thresholds:
        hot = heat > threshold
        curve.append(np.count_nonzero(hot & mask) / max(np.count_nonzero(hot | mask), 1))
    return np.array(curve)


def loop_confusion(heat: np.ndarray, mask: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The same from a confusion matrix of 64-bit integers per threshold, in torch."""
    pixels, target = torch.from_numpy(heat).flatten(), torch.from_numpy(mask).flatten().long()
    curve = []
    for threshold in thresholds.astype(heat.dtype):
        cell = target * 2 + (pixels > threshold).long()
        (_, false_alarms), (misses, hits) = torch.bincount(cell, minlength=4).reshape(2, 2).tolist()
        curve.append(hits / max(hits + misses + false_alarms, 1))
    return np.array(curve)


def all_scores(heat: np.ndarray, mask: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Ours, with the scores for which the pixels are sorted."""
    return score_map(heat, mask, [], thresholds).iou


WAYS: dict[str, Sweep] = {
    "ours": iou_curve,
    "scores": all_scores,
    "masks": loop_masks,
    "counted": loop_counted,
    "confusion": loop_confusion,
}


# Maps by the heat of their coldest pixel. Pixels below every threshold cost ours almost nothing; in a lifted map, the worst
# case, every pixel has to be counted.
SCALED = "a scaled map"
KINDS = {SCALED: 0.0, "all pixels above the lowest threshold": 0.101}


def picture(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scaled map (512, 512) upsampled from 64x64, and a mask that covers a fifth of it."""
    heat = rng.normal(size=(64, 64)).astype(np.float32) ** 2
    mask = np.zeros(SIZE, dtype=bool)
    top, left = rng.integers(0, 280, size=2)
    mask[top : top + 229, left : left + 229] = True
    return min_max(upsample_bilinear(heat, SIZE)), mask


def seconds(way: Sweep, heat: np.ndarray, mask: np.ndarray, thresholds: np.ndarray, repeats: int) -> float:
    """CPU seconds of one sweep, the minimum over repetitions."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        way(heat, mask, thresholds)
        times.append(time.process_time() - started)
    return min(times)


def compare(rounds: int, lift: float, thresholds: np.ndarray) -> tuple[list[Row], float]:
    """Time of every way on the same maps, alternating, and the largest difference of their IoU."""
    rng = np.random.default_rng(0)
    measured: dict[str, list[float]] = {name: [] for name in WAYS}
    difference = 0.0
    for _ in range(rounds):
        heat, mask = picture(rng)
        heat = np.float32(lift) + np.float32(1 - lift) * heat
        curves = [way(heat, mask, thresholds) for way in WAYS.values()]
        difference = max(difference, *(float(np.abs(curve - curves[0]).max()) for curve in curves))
        for name, way in WAYS.items():
            measured[name].append(seconds(way, heat, mask, thresholds, 5))
    rows: list[Row] = [
        {
            "way": name,
            "ms a map": 1000 * statistics.median(values),
            "times ours": median_ratio(values, measured["ours"]),
        }
        for name, values in measured.items()
    ]
    return rows, difference


def memory_growth(maps: int, thresholds: np.ndarray) -> float:
    """Ratio of peak resident memory after scoring `maps` maps to that after ten."""
    rng = np.random.default_rng(1)
    first = 0
    for number in range(maps):
        heat, mask = picture(rng)
        score_map(heat, mask, [~mask], thresholds)
        if number == 9:
            first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / first


def main() -> int:
    """Compare the ways on both kinds of map, and measure memory."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=5, help="maps")
    parser.add_argument("--maps", type=int, default=1000, help="maps over which memory is measured [≥ 10]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the stage that scores maps does
    thresholds = threshold_grid(**LocalisationSection().thresholds.model_dump())
    growth = memory_growth(options.maps, thresholds)
    compared = {kind: compare(options.rounds, lift, thresholds) for kind, lift in KINDS.items()}
    gain = next(row["times ours"] for row in compared[SCALED][0] if row["way"] == "confusion")
    targets = [
        Target("speed-up over the loop of confusion matrices", float(gain), 40, at_least=True),
        Target("largest difference of their IoU", max(difference for _, difference in compared.values()), 1e-5),
        Target(f"peak memory after {options.maps} maps over that after 10", growth, 1.05),
    ]
    return report("sweep", {kind: rows for kind, (rows, _) in compared.items()}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
