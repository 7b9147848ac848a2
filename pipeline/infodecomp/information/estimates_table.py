"""The tables that `estimate_information` writes, one a shard: their columns, and how a dataset's estimates are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from infodecomp.datasets.cases import read_cases
from infodecomp.information.quantities import INTEGRALS, LIKELIHOOD
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

# Totals with their standard errors, in nats; curves of the integrand, in nats per unit of log-SNR.
SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    **dict.fromkeys(("draws", "evaluations"), "int64"),
    **{f"{name}{suffix}": "float64" for name in (*INTEGRALS, LIKELIHOOD) for suffix in ("", "_error")},
    **{f"curve_{name}": "list<float64>" for name in ("logsnr", *INTEGRALS)},
}


def read_estimates(cases: Path, shards: Sequence[Path], columns: Sequence[str]) -> pd.DataFrame:
    """The cases of a dataset that have an estimate, in the order of the cases table, with some of `SHARD_COLUMNS`.

    Raises InputError for a shard that cannot be read or lacks a column.
    """
    wanted = ["case_id", "status", *columns]
    frames = []
    for path in shards:
        try:
            frames.append(pd.read_parquet(checked(path), columns=wanted))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: this is not a table of estimate_information ({error}).") from error
    estimates = pd.concat(frames) if frames else pd.DataFrame(columns=wanted)
    estimates = estimates[estimates["status"] == "ok"].drop(columns="status")
    return read_cases(cases).merge(estimates, on="case_id").sort_values("position", kind="stable")
