"""A map, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked


@dataclass(frozen=True)
class Failure:
    """Why a map or a score is missing: a code and one sentence."""

    status: str
    reason: str


Outcome = np.ndarray | Failure


class NoMap(Exception):
    """Raised where a map that another one is computed from is missing or cannot be used."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def read_statuses(shards: Sequence[Path]) -> dict[str, Failure | None]:
    """Case id → why its maps are missing, None if it has them, from the tables of shards.

    Raises InputError for a shard that cannot be read or lacks the columns case_id, status and reason.
    """
    statuses: dict[str, Failure | None] = {}
    for path in shards:
        try:
            with checked(path).open(
                "rb"
            ) as handle:  # a handle, so that a name such as a=b is not taken for a partition
                frame = pd.read_parquet(handle, columns=["case_id", "status", "reason"])
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a readable shard with case_id, status and reason ({error}).") from error
        for case_id, status, reason in frame.itertuples(index=False):
            statuses[str(case_id)] = None if status == "ok" else Failure(str(status), str(reason))
    return statuses
