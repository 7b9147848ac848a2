"""Count the cases that could not be scored, and refuse a table in which too many are missing."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from infodecomp.runs.errors import InputError

# A case that was lost before, or never had a mask, is no failure of scoring; it is counted where it was lost.
_OWN = ("mask_unreadable", "empty_mask")


@dataclass
class FailedScores:
    """Collects the rows of `SCORE_COLUMNS` of a dataset, a few at a time."""

    _scored: set[str] = field(default_factory=set)
    _failed: dict[str, str] = field(default_factory=dict)
    _missing: dict[tuple[str, str], int] = field(default_factory=dict)
    _reason: str = ""

    def add(self, frame: pd.DataFrame) -> None:
        """Count some rows."""
        failed = frame[frame["status"] != "ok"]
        self._scored |= set(frame.loc[frame["status"] == "ok", "case_id"])
        for method, status in zip(failed["method"], failed["status"], strict=True):
            self._missing[method, status] = self._missing.get((method, status), 0) + 1
        own = failed[failed["status"].isin(_OWN)]
        self._failed |= dict(zip(own["case_id"], own["reason"], strict=True))
        self._reason = self._reason or next(iter(failed["reason"]), "")

    def lines(self) -> str:
        """The rows without a score, by method and status; "" if there are none."""
        return "\n".join(f"{method} {status} {count}" for (method, status), count in sorted(self._missing.items()))

    def check(self, dataset: str, max_failed_fraction: float) -> None:
        """InputError if no case was scored, or if the masks of more than the fraction of the cases cannot be used."""
        failed, total = len(self._failed), len(self._failed) + len(self._scored)
        if not self._scored:
            raise InputError(f"the dataset {dataset}: no case could be scored, the first because {self._reason}")
        if failed > max_failed_fraction * total:
            shown = "; ".join(f"{case}: {reason}" for case, reason in list(self._failed.items())[:5])
            raise InputError(
                f"the dataset {dataset}: {failed} of {total} cases have no score, more than max_failed_fraction allows "
                f"({max_failed_fraction:g}): {shown} Raise localisation → map_size where small objects vanish, or "
                "max_failed_fraction."
            )
