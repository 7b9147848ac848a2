"""Pearson's r of changes with CMI and attention against the numbers of the released code, in pearson.npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infodecomp.metrics.correlation import Correlation, across_cases, pearson, within_cases
from tests.reference.recorded import read_recorded

# The list of images names one twice and one without a file: the released code skips the latter, and reads 29 rows.
ROWS = 29


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "pearson.npz")


@pytest.fixture(scope="module")
def rows(golden: dict[str, np.ndarray]) -> list[int]:
    """The file of each row."""
    files = golden["file_ids"].tolist()
    found = [files.index(image) for image in golden["ids"].tolist() if image in files]
    assert len(found) == ROWS
    return found


@pytest.fixture(scope="module")
def maps(golden: dict[str, np.ndarray], rows: list[int]) -> dict[str, np.ndarray]:
    """Change (squared, summed over channels), attention and CMI, each (rows, pixels)."""
    found = {"change": golden["change"], "attn": golden["heat_map_lr"], "cmi": golden["cmi_pixel_lr"]}
    return {name: one[rows].reshape(ROWS, -1) for name, one in found.items()}


@pytest.fixture(scope="module")
def correlations(golden: dict[str, np.ndarray], maps: dict[str, np.ndarray], rows: list[int]) -> dict[str, Correlation]:
    """The four correlations, on the resamples that were drawn; each row is its own image."""
    weights = np.stack([np.bincount(drawn, minlength=ROWS) for drawn in golden["boot_idx"]]).astype(float)
    image, change = np.arange(ROWS), maps["change"].sum(axis=1)
    totals = {"attn": maps["attn"].sum(axis=1), "cmi": golden["cmi"][rows]}
    return {
        **{f"img_{name}": across_cases(total, change, image, weights) for name, total in totals.items()},
        **{
            f"pix_{name}": within_cases(pearson(maps[name], maps["change"]), image, weights) for name in ("attn", "cmi")
        },
    }


@pytest.mark.parametrize("name", ["attn", "cmi"])
def test_each_image(name: str, golden: dict[str, np.ndarray], maps: dict[str, np.ndarray]) -> None:
    found = pearson(maps[name], maps["change"])
    np.testing.assert_allclose(found, golden[f"pix_corr_{name}"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["img_attn", "img_cmi", "pix_attn", "pix_cmi"])
def test_the_eight_numbers(name: str, golden: dict[str, np.ndarray], correlations: dict[str, Correlation]) -> None:
    assert correlations[name].value == pytest.approx(float(golden[name]), abs=1e-5)
    assert correlations[name].error("sd_over_10") == pytest.approx(float(golden[f"{name}_boot"]), abs=1e-5)


def test_the_honest_error_is_ten_times_as_large(
    golden: dict[str, np.ndarray], correlations: dict[str, Correlation]
) -> None:
    found = [correlations[name].error("bootstrap_sd") for name in ("img_attn", "img_cmi", "pix_attn", "pix_cmi")]
    np.testing.assert_allclose(found, golden["boot_sd_no_div10"], rtol=0, atol=1e-5)
