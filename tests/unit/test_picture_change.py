from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio

from infodecomp.metrics.heatmaps import cell_means
from infodecomp.metrics.picture_change import peak_signal_to_noise, picture_changes, pixel_l2, ssim

RNG = np.random.default_rng(0)
A, B = RNG.random((2, 3, 24, 32))


def test_pixel_l2_sums_over_colours() -> None:
    other = A.copy()
    other[:, 2, 3] = 1 - A[:, 2, 3]
    found = pixel_l2(A, other)
    assert found.shape == (24, 32)
    assert found[2, 3] == pytest.approx(np.sum((1 - 2 * A[:, 2, 3]) ** 2))
    assert np.count_nonzero(found) == 1
    assert pixel_l2(np.zeros((3, 2, 2)), np.ones((3, 2, 2))).tolist() == [[3.0, 3.0], [3.0, 3.0]]


def reference_ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Wang et al., 2004, Eq. 13, with Gaussian moments."""

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, sigma=1.5, radius=5)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    return (2 * ma * mb + 0.01**2) * (2 * cov + 0.03**2) / ((ma**2 + mb**2 + 0.01**2) * (va + vb + 0.03**2))


def test_ssim_is_that_of_its_formula() -> None:
    expected = np.mean([reference_ssim(a, b) for a, b in zip(A, B, strict=True)], axis=0)
    np.testing.assert_allclose(ssim(A, B), expected, atol=1e-10)
    np.testing.assert_allclose(ssim(A, A), 1.0, atol=1e-12)
    assert ssim(A, 1 - A).mean() < 0


def test_ssim_changes_only_around_a_changed_pixel() -> None:
    other = A.copy()
    other[:, 12, 16] = 1 - A[:, 12, 16]
    change = 1 - ssim(A, other)
    rows, columns = np.nonzero(change > 1e-9)
    assert change[12, 16] > 1e-4
    assert rows.min() >= 7 and rows.max() <= 17 and columns.min() >= 11 and columns.max() <= 21


def test_psnr_is_that_of_scikit_image() -> None:
    assert peak_signal_to_noise(A, B) == pytest.approx(peak_signal_noise_ratio(A, B, data_range=1.0))
    assert peak_signal_to_noise(np.zeros((3, 4, 4)), np.full((3, 4, 4), 0.1)) == pytest.approx(20.0)
    assert peak_signal_to_noise(A, A) == math.inf


def test_values_beyond_the_range_are_cut_off() -> None:
    wild = np.where(A > 0.5, 7.0, -3.0)
    tame = np.where(A > 0.5, 1.0, 0.0)
    np.testing.assert_array_equal(pixel_l2(wild, B), pixel_l2(tame, B))
    np.testing.assert_array_equal(ssim(wild, B), ssim(tame, B))
    assert peak_signal_to_noise(wild, B) == peak_signal_to_noise(tame, B)


def test_changes_on_the_latent_grid_are_means_of_blocks() -> None:
    changes = picture_changes(A.astype(np.float32), B.astype(np.float32), (3, 4))
    assert {name: (one.shape, one.dtype) for name, one in changes.items()} == dict.fromkeys(
        ("pixel_l2", "ssim"), ((3, 4), np.dtype(np.float32))
    )
    assert changes["pixel_l2"][1, 2] == pytest.approx(pixel_l2(A, B)[8:16, 16:24].mean(), rel=1e-5)
    assert changes["ssim"][2, 0] == pytest.approx(1 - ssim(A, B)[16:24, :8].mean(), rel=1e-5)
    assert cell_means(np.arange(16.0).reshape(4, 4), (2, 2)).tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="24 x 32 pixels does not divide into a grid of 5 x 4 cells"):
        picture_changes(A, B, (5, 4))
    with pytest.raises(ValueError, match="not both"):
        pixel_l2(A, B[:, :20])
    with pytest.raises(ValueError, match="not both"):
        ssim(A[0], B[0])
    with pytest.raises(ValueError):
        ssim(A[:, :8], B[:, :8])
