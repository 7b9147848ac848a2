"""Checks of the edits: how well images came back unchanged, and whether swaps changed what they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulateEditing
from infodecomp.editing.edited_datasets import EditedDataset
from infodecomp.editing.edits import has_swap
from infodecomp.metrics.bootstrap import Interval, mean_interval, median_interval

CHECK_COLUMNS = ["dataset", "check", "value", "low", "high", "n"]

# Check → column of the table of edits.
_RECONSTRUCTION = {
    "psnr_unchanged": "psnr",
    "psnr_decoded": "psnr_decoded",
    "psnr_autoencoder": "psnr_autoencoder",
    "latent_error": "latent_error",
    "noise_variance": "noise_variance",
}

# Finished cases whose unchanged picture is below `min_reconstruction_psnr`: dB, the latent's error, the noise's variance.
FLAGGED_COLUMNS = ["dataset", "case_id", *_RECONSTRUCTION.values()]

Row = dict[str, Any]


def check_rows(dataset: EditedDataset, weights: np.ndarray, section: TabulateEditing) -> list[Row]:
    """Rows of `CHECK_COLUMNS`. weights: (R, G), resamples of the images."""

    def median(check: str, values: np.ndarray) -> Row:
        return row(check, values, median_interval(values, dataset.image, weights, section.statistics.confidence))

    def share(check: str, values: np.ndarray) -> Row:
        return row(check, values, mean_interval(values[:, None], dataset.image, weights, section.statistics.confidence))

    def row(check: str, values: np.ndarray, found: Interval) -> Row:
        ends = {"value": found.mean[0], "low": found.low[0], "high": found.high[0]}
        return {"dataset": dataset.name, "check": check, **ends, "n": int(np.isfinite(values).sum())}

    rows = [
        median(f"{check}_median", dataset.edits[column].to_numpy(dtype=np.float64))
        for check, column in _RECONSTRUCTION.items()
    ]
    ratio = dataset.inside_over_outside
    if ratio is not None:
        rows.append(share("swap_changes_object_more", np.where(np.isnan(ratio), np.nan, ratio > 1.0)))
        rows.append(median("swap_change_inside_over_outside", ratio))
    for check, holds in _preferences(dataset.edits).items():
        rows.append(share(check, holds))
    if dataset.judgements is not None:
        rows.append(share("swap_recognised", dataset.recognised("swap", "new")))
        rows.append(share("unchanged_recognised", dataset.recognised("unchanged", "old")))
    return rows


def badly_reconstructed(edits: pd.DataFrame, section: TabulateEditing) -> np.ndarray:
    """Which finished cases are flagged, (n,) bool. edits: the table of edits."""
    psnr = edits["psnr"].to_numpy(dtype=np.float64)
    return (edits["status"] == "ok").to_numpy(dtype=bool) & ~(psnr >= section.table.min_reconstruction_psnr)


def flagged_rows(dataset: EditedDataset, section: TabulateEditing) -> list[Row]:
    """Rows of `FLAGGED_COLUMNS`, the worst first."""
    rows = dataset.edits[badly_reconstructed(dataset.edits, section)].sort_values(["psnr", "case_id"])
    listed = rows[FLAGGED_COLUMNS[1:]].to_dict("records")
    return [{"dataset": dataset.name, **{str(name): value for name, value in row.items()}} for row in listed]


def _preferences(edits: pd.DataFrame) -> dict[str, np.ndarray]:
    """Check → whether it holds, (n,), 1 or 0, NaN for a case without a swap.

    The model prefers a caption when i^s of it against the other one is positive. After the swap that is measured on the
    latent of `swap`. Before it, cmi_swap_s gives it with the opposite sign, on the latent of the real image, from which
    `unchanged` hardly differs.
    """
    before, after = -edits["cmi_swap_s"].to_numpy(np.float64), edits["preference_swap"].to_numpy(np.float64)
    holds = {"swap_preferred": after > 0, "swap_flips_preference": (before < 0) & (after > 0)}
    return {check: np.where(has_swap(edits), found, np.nan) for check, found in holds.items()}
