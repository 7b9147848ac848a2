"""What is kept of the estimates of a word pair: the names of its maps, and its row in the table of a shard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.metrics.partial_information import Information
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays, read_table

CONDITIONS = ("alone", "given_rest")
INTERVENTION = "intervention"
ESTIMATORS = ("orthogonal", "standard")
INFORMATION = ("first", "second", "both")

_TOTALS = [
    *(
        f"{condition}_{estimator}_{words}"
        for condition in CONDITIONS
        for estimator in ESTIMATORS
        for words in INFORMATION
    ),
    *(f"{INTERVENTION}_{estimator}_both" for estimator in ESTIMATORS),
]

# One row per word pair: totals of the image, nats, with standard errors. A failed pair has a status other than "ok" and NaN.
SHARD_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    **dict.fromkeys(("draws", "evaluations"), "int64"),
    **{f"{name}{suffix}": "float64" for name in _TOTALS for suffix in ("", "_error")},
}


def read_shards(paths: Sequence[Path], pairs: pd.DataFrame) -> pd.DataFrame:
    """The word pairs with their estimates: columns of `PAIR_COLUMNS` and `SHARD_COLUMNS`, in the order of the pairs.

    status and reason are those of the shards. Raises InputError for pairs without a row or with two, and unknown pairs.
    """
    frames = [read_table(path, SHARD_COLUMNS) for path in paths]
    found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(SHARD_COLUMNS))
    rows, expected = found["case_id"].tolist(), pairs["case_id"].tolist()
    if sorted(rows) != sorted(expected):
        odd = sorted(set(rows) ^ set(expected)) or sorted({case for case in rows if rows.count(case) > 1})
        raise InputError(
            f"{', '.join(map(str, paths)) or 'no shard'}: the rows are not those of the table of pairs: the pair "
            f"{odd[0]} is only in one of them, or twice; expected one row for every pair; run decompose_information again."
        )
    return pairs.drop(columns=["status", "reason"]).merge(found, on="case_id", how="left", validate="one_to_one")


def read_information(path: Path) -> dict[tuple[str, str], Information]:
    """(condition, estimator) → maps of every replicate, (R, h, w) float64; InputError if one is missing."""
    arrays = read_arrays(path)
    keys = {
        (condition, estimator): [f"{condition}/{estimator}/{words}" for words in INFORMATION]
        for condition in CONDITIONS
        for estimator in ESTIMATORS
    }
    missing = [key for names in keys.values() for key in names if key not in arrays]
    if missing:
        raise InputError(f"{path}: the maps {', '.join(missing)} are missing; run decompose_information again.")
    return {name: Information(*(arrays[key].astype(np.float64) for key in names)) for name, names in keys.items()}
