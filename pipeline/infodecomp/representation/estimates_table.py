"""The tables that `estimate_representation` writes, one a shard: a row an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.representation.quantities import COMPARISONS, KINDS
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table

_VECTORS = [
    f"{side}{name}"
    for side in ("", "exact_")
    for name in (*KINDS, *(f"{kind}_error" for kind in KINDS), "inside", *(f"curve_{kind}" for kind in KINDS))
]
# Totals with their standard errors, nats: numbers, or lists over the pairs of prompts; weighted integrands at the draws.
# What only a trained decoder has is NaN or an empty list where the exact denoiser alone was run.
IMAGE_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    **dict.fromkeys(("number", "evaluations"), "int64"),
    **{f"{name}{suffix}": "float64" for name in COMPARISONS for suffix in ("", "_error")},
    **dict.fromkeys((*_VECTORS, "correlation", "curve_logsnr", "curve_delta_u", "curve_delta_c"), "list<float64>"),
}


def image_row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """An image's row of the shard's table, from its arrays."""
    return {name: arrays[name].tolist() for name in IMAGE_COLUMNS if name in arrays and name != "key"}


def read_images(shards: Sequence[Path]) -> pd.DataFrame:
    """The images of a model that have an estimate, by number; InputError if none has."""
    frame = pd.concat([read_table(path, IMAGE_COLUMNS) for path in shards])
    found = frame[frame["status"] == "ok"].sort_values("number", kind="stable").reset_index(drop=True)
    if found.empty:
        raise InputError(f"{shards[0]}: no image of this model could be estimated; see its column `reason`.")
    return found
