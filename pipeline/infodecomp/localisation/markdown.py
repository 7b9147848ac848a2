"""The table of the localisation study for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import LocalisationSection
from infodecomp.tables.text import MISSING, markdown_table, percent, percent_interval

HEAD = [
    *("dataset", "method", "estimator", "threshold mode", "steps", "threshold", "n", "failed", "mIoU %", "interval %"),
    *("average precision %", "pointing game %", "named hotter %", "evaluations per image"),
]


def localisation_markdown(table: pd.DataFrame, section: LocalisationSection) -> str:
    """Percent with one decimal, after lines that say what the numbers are."""
    rows = [_cells(row) for row in table.to_dict("records")]
    caption = (
        "n: cases (image, word) scored; failed: cases without a score, their reasons are in scores.parquet; interval: "
        f"{100 * section.confidence:g} % percentile bootstrap over images, {section.bootstrap} resamples; named "
        "hotter: share of the cases whose image has another labelled object.  \n"
        "Threshold mode: oracle = the best of all thresholds on the same cases, chosen anew in each resample (as "
        "published); held_out = the best on one half of the images, scored on the other half, both ways (threshold: "
        "mean of the two)."
    )
    return "\n".join([caption, "", markdown_table(HEAD, 4, rows), ""])


def _cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        *(row[name] for name in ("dataset", "method", "estimator", "threshold_mode")),
        str(row["steps"]) if row["steps"] else MISSING,
        f"{row['threshold']:.3f}" if np.isfinite(row["threshold"]) else MISSING,
        str(row["n"]),
        str(row["n_failed"]),
        percent(row["miou"]),
        percent_interval(row["miou_low"], row["miou_high"]),
        *(percent(row[name]) for name in ("average_precision", "pointing_game", "named_hotter")),
        str(row["evaluations_per_image"]),
    ]
