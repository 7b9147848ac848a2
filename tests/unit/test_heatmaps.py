"""Upsampling, scaling and combining heat maps."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.metrics.heatmaps import geometric_mean, is_constant, min_max, upsample_bilinear


def test_upsampling_by_two_places_pixel_centres() -> None:
    # Centres of the four output pixels lie at -0.25 (clamped), 0.25, 0.75 and 1.25 (clamped) on the input axis.
    assert upsample_bilinear(np.array([[0.0, 4.0]]), (1, 4)).tolist() == [[0.0, 1.0, 3.0, 4.0]]


@pytest.mark.parametrize("size", [(512, 512), (100, 37), (9, 7), (5, 4)])
def test_upsampling_agrees_with_torch(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    heat = np.random.default_rng(0).standard_normal((9, 7))
    expected = torch.nn.functional.interpolate(torch.from_numpy(heat)[None, None], size=size, mode="bilinear")
    np.testing.assert_allclose(upsample_bilinear(heat, size), expected[0, 0].numpy(), atol=1e-12)


def test_upsampling_keeps_the_dtype_and_a_map_of_the_same_size() -> None:
    heat = np.random.default_rng(1).random((6, 5)).astype(np.float32)
    same = upsample_bilinear(heat, (6, 5))
    assert same.dtype == np.float32
    np.testing.assert_array_equal(same, heat)


def test_min_max_spans_zero_to_one() -> None:
    assert min_max(np.array([-3.0, 1.0, 5.0])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("heat", "words"), [([2.0, 2.0], "constant"), ([0.0, np.nan], "finite"), ([np.inf, 0.0], "finite")]
)
def test_a_map_without_scale_is_refused(heat: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        min_max(np.array(heat))


def test_constant_maps_are_recognised() -> None:
    assert is_constant(np.full((3, 3), 0.1))
    assert not is_constant(np.array([[0.1, 0.1 + 1e-9]]))


def test_geometric_mean_is_hot_where_both_are() -> None:
    first = np.array([[0.0, 1.0], [0.0, 1.0]])
    second = np.array([[0.0, 0.0], [10.0, 10.0]])
    assert geometric_mean(first, second).tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_geometric_mean_interpolates_the_second_map() -> None:
    first = np.random.default_rng(2).random((8, 8))
    assert geometric_mean(first, np.eye(4)).shape == (8, 8)
