"""mIoU against the numbers of the released code, recorded in miou.npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infodecomp.metrics.heatmaps import min_max, upsample_bilinear
from infodecomp.metrics.localisation import oracle_miou, score_map, score_whole_image, threshold_grid
from tests.reference.recorded import read_recorded


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "miou.npz")


@pytest.fixture(scope="module")
def iou(golden: dict[str, np.ndarray]) -> np.ndarray:
    """Our IoU of each image at each threshold, (images, thresholds)."""
    masks = np.unpackbits(golden["mask_packed"], axis=-1).astype(bool)
    thresholds = threshold_grid(0.1, 0.5, 50)
    scaled = [min_max(upsample_bilinear(heat, (512, 512))) for heat in golden["heat64"]]
    return np.stack([score_map(heat, mask, [], thresholds).iou for heat, mask in zip(scaled, masks, strict=True)])


def test_thresholds(golden: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(threshold_grid(0.1, 0.5, 50), golden["thresholds"], atol=1e-7)


def test_iou_of_each_image(iou: np.ndarray, golden: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(iou.T, golden["iou"], rtol=0, atol=1e-4)


def test_miou(iou: np.ndarray, golden: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(iou.mean(axis=0), golden["miou"], rtol=0, atol=1e-5)
    best = oracle_miou(iou, np.ones(len(iou)), np.ones((1, len(iou))))
    assert best.choices[0, 0] == golden["best_index"]
    assert best.miou[0] == pytest.approx(float(golden["best_miou"]), abs=1e-5)


def test_whole_image(golden: dict[str, np.ndarray]) -> None:
    masks = np.unpackbits(golden["mask_packed"], axis=-1).astype(bool)
    areas = [score_whole_image(mask, threshold_grid(0.1, 0.5, 50)).iou[0] for mask in masks]
    np.testing.assert_allclose(areas, golden["baseline_iou_per_image"], rtol=0, atol=1e-4)
