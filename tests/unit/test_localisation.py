"""Scores of a map against a mask, and the choice of thresholds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from infodecomp.metrics.localisation import (
    average_precision,
    first_half,
    held_out_miou,
    iou_curve,
    named_hotter,
    oracle_miou,
    pointing_game,
    rank_pixels,
    score_map,
    score_whole_image,
    threshold_grid,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def direct_iou(heat: np.ndarray, mask: np.ndarray, threshold: float) -> float:
    """IoU by its definition, one threshold at a time."""
    predicted = heat > threshold
    union = (predicted | mask).sum()
    return float((predicted & mask).sum() / union) if union else 0.0


def direct_average_precision(heat: np.ndarray, mask: np.ndarray) -> float:
    """Σ (R_n − R_{n−1})·P_n over distinct heats, one at a time."""
    total, recall = 0.0, 0.0
    for value in np.unique(heat)[::-1]:
        chosen = heat >= value
        new_recall = (chosen & mask).sum() / mask.sum()
        total += (new_recall - recall) * (chosen & mask).sum() / chosen.sum()
        recall = new_recall
    return float(total)


def test_iou_at_every_threshold_is_that_of_the_definition(generator: np.random.Generator) -> None:
    thresholds = threshold_grid(0.1, 0.5, 50)
    heat = generator.random((40, 30))
    heat[3, :10] = thresholds[7]  # strictly greater: these pixels are outside at their own threshold
    mask = generator.random((40, 30)) < 0.3
    expected = [direct_iou(heat, mask, threshold) for threshold in thresholds]
    np.testing.assert_allclose(iou_curve(heat, mask, thresholds), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 50, 20_000])
def test_iou_counts_pixels_beside_a_threshold_one_by_one(
    generator: np.random.Generator, dtype: type[np.floating], count: int
) -> None:
    thresholds = threshold_grid(0.0, 0.999, count)
    limits = thresholds.astype(dtype)
    steps = [limits, np.nextafter(limits, dtype(2)), np.nextafter(limits, dtype(-1))]  # on it, just above, just below
    heat = np.clip(generator.choice(np.concatenate([*steps, [0.0, 1.0]]).astype(dtype), size=(64, 50)), 0, 1)
    mask = generator.random((64, 50)) < 0.4
    some = generator.choice(count, size=min(count, 200), replace=False)
    expected = [direct_iou(heat, mask, limits[index]) for index in some]
    np.testing.assert_allclose(iou_curve(heat, mask, thresholds)[some], expected, rtol=0, atol=1e-15)


def test_iou_of_a_map_that_was_not_scaled() -> None:
    with pytest.raises(ValueError, match=r"the heat reaches 2\.0; allowed is a map scaled"):
        iou_curve(np.array([[0.0, 2.0]]), np.array([[False, True]]), threshold_grid(0.1, 0.5, 5))


def test_iou_of_empty_masks_and_predictions() -> None:
    heat, thresholds = np.array([[0.0, 1.0]]), np.array([0.5, 1.0])
    assert iou_curve(heat, np.array([[False, False]]), thresholds).tolist() == [0.0, 0.0]
    assert iou_curve(heat, np.array([[False, True]]), thresholds).tolist() == [1.0, 0.0]
    assert iou_curve(heat, np.array([[True, True]]), thresholds).tolist() == [0.5, 0.0]


def test_map_and_mask_must_have_one_shape() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        rank_pixels(np.zeros((2, 3)), np.zeros((3, 2), dtype=bool))
    with pytest.raises(ValueError, match="differ in shape"):
        iou_curve(np.zeros((2, 3)), np.zeros((3, 2), dtype=bool), np.array([0.5]))


@pytest.mark.parametrize("levels", [3, 10_000])
def test_average_precision_with_and_without_ties(generator: np.random.Generator, levels: int) -> None:
    heat = generator.integers(levels, size=(15, 20)) / levels
    mask = generator.random((15, 20)) < 0.2 + 0.5 * heat
    assert average_precision(rank_pixels(heat, mask)) == pytest.approx(direct_average_precision(heat, mask), abs=1e-12)


def test_average_precision_at_the_ends() -> None:
    mask = np.array([[True, True, False, False]])
    assert average_precision(rank_pixels(np.array([[4.0, 3.0, 2.0, 1.0]]), mask)) == 1.0
    assert average_precision(rank_pixels(np.array([[1.0, 2.0, 3.0, 4.0]]), mask)) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert average_precision(rank_pixels(np.ones((1, 4)), mask)) == 0.5  # all tied: the share of object pixels
    assert np.isnan(average_precision(rank_pixels(np.ones((1, 4)), np.zeros((1, 4), dtype=bool))))


def test_pointing_game_shares_ties() -> None:
    mask = np.array([[True, False, False, False]])
    assert pointing_game(rank_pixels(np.array([[5.0, 1.0, 1.0, 1.0]]), mask)) == 1.0
    assert pointing_game(rank_pixels(np.array([[1.0, 5.0, 1.0, 1.0]]), mask)) == 0.0
    assert pointing_game(rank_pixels(np.array([[5.0, 5.0, 5.0, 1.0]]), mask)) == pytest.approx(1 / 3)


def test_named_hotter_compares_with_every_other_object_without_the_overlap() -> None:
    heat = np.array([[3.0, 9.0, 1.0, 2.0]])
    named = np.array([[True, True, False, False]])
    cold = np.array([[False, True, True, False]])  # shares the hot pixel with the named object
    warm = np.array([[False, False, False, True]])
    assert named_hotter(heat, named, [cold, warm]) == 1.0  # 3 > 1 and 6 > 2
    assert named_hotter(-heat, named, [cold, warm]) == 0.0
    assert named_hotter(np.array([[2.0, 2.0, 0.0, 2.0]]), named, [cold, warm]) == 0.0  # a tie is not hotter
    assert np.isnan(named_hotter(heat, named, []))
    assert np.isnan(named_hotter(heat, named, [np.ones((1, 4), dtype=bool)]))  # covered wholly


def test_whole_image_scores_are_the_area_at_every_threshold() -> None:
    mask = np.array([[True, False], [False, False]])
    scores = score_whole_image(mask, threshold_grid(0.1, 0.5, 4))
    assert scores.iou.tolist() == [0.25] * 4
    assert (scores.average_precision, scores.pointing_game) == (0.25, 0.25)
    assert np.isnan(scores.named_hotter)


def test_a_perfect_map_scores_one() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[1:3, 2:5] = True
    scores = score_map(mask.astype(float), mask, [~mask], threshold_grid(0.1, 0.5, 5))
    assert scores.iou.tolist() == [1.0] * 5
    assert (scores.average_precision, scores.pointing_game, scores.named_hotter) == (1.0, 1.0, 1.0)


def test_halves_are_equal_and_depend_on_ids_alone() -> None:
    images = [f"{number}.png" for number in range(101)]
    halves = dict(zip(images, first_half(images), strict=True))
    assert sum(halves.values()) == 50
    assert dict(zip(images[::-1], first_half(images[::-1]), strict=True)) == halves
    more = dict(zip([*images, "new"], first_half([*images, "new"]), strict=True))
    assert sum(halves[image] != more[image] for image in images) <= 1
    assert first_half(["a", "b"]).sum() == 1


# Two images in each half, one case each; the halves prefer different thresholds.
CURVES = np.array([[0.8, 0.2, 0.0], [0.6, 0.4, 0.0], [0.1, 0.2, 0.9], [0.1, 0.2, 0.5]])
FIRST = np.array([True, True, False, False])
CASES = np.ones(4)


def test_oracle_takes_the_best_threshold_of_all_cases() -> None:
    best = oracle_miou(CURVES, CASES, np.ones((1, 4)))
    assert best.choices.tolist() == [[0, 0]]  # means 0.4, 0.25, 0.35
    assert best.miou[0] == pytest.approx(0.4)


def test_held_out_scores_each_half_at_the_threshold_of_the_other() -> None:
    held_out = held_out_miou(CURVES, CASES, FIRST, np.ones((1, 4)))
    assert held_out.choices.tolist() == [[2, 0]]
    assert held_out.miou[0] == pytest.approx((0.0 + 0.0 + 0.1 + 0.1) / 4)


def test_resamples_choose_anew() -> None:
    weights = np.array([[4.0, 0, 0, 0], [0, 0, 4.0, 0], [1, 1, 1, 1]])
    best = oracle_miou(CURVES, CASES, weights)
    assert best.choices[:, 0].tolist() == [0, 2, 0]
    np.testing.assert_allclose(best.miou, [0.8, 0.9, 0.4])


def test_held_out_of_a_resample_with_an_empty_half_is_unknown() -> None:
    weights = np.array([[4.0, 0, 0, 0], [1, 1, 1, 1]])
    assert np.isnan(held_out_miou(CURVES, CASES, FIRST, weights).miou).tolist() == [True, False]


def test_held_out_is_never_above_oracle(generator: np.random.Generator) -> None:
    sums, cases = generator.random((60, 50)) * 2, np.full(60, 2.0)
    weights = generator.integers(3, size=(40, 60)).astype(float)
    first = generator.random(60) < 0.5
    assert (held_out_miou(sums, cases, first, weights).miou <= oracle_miou(sums, cases, weights).miou + 1e-12).all()


def test_metrics_and_stages_on_tables_do_not_load_torch() -> None:
    modules = (
        "infodecomp.stages.score_localisation, infodecomp.stages.tabulate_localisation, infodecomp.stages.plot_localisation,"
        "infodecomp.stages.tabulate_faithfulness, infodecomp.stages.plot_faithfulness"
    )
    program = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
