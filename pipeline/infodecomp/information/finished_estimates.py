"""The finished estimates of a dataset, for the stages that draw them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from infodecomp.datasets.cases import read_cases
from infodecomp.runs.errors import InputError


def read_estimates(cases: Path, shards: Sequence[Path], columns: Sequence[str]) -> pd.DataFrame:
    """The finished cases of a dataset in their order, with columns of the tables of `estimate_information`.

    Raises InputError for a shard that cannot be read or lacks a column.
    """
    wanted = ["case_id", "status", *columns]
    frames = []
    for path in shards:
        try:
            frames.append(pd.read_parquet(path, columns=wanted))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: this is not a table of estimate_information ({error}).") from error
    estimates = pd.concat(frames) if frames else pd.DataFrame(columns=wanted)
    estimates = estimates[estimates["status"] == "ok"].drop(columns="status")
    return read_cases(cases).merge(estimates, on="case_id").sort_values("position", kind="stable")
