"""A line for each verdict, with the time left, and the count at the end."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock

from tests.workflow.integrity.verdict import RIGHT, TOLD, WRONG, Verdict


class Progress:
    """Counts verdicts as they come, from several threads."""

    def __init__(self, total: int) -> None:
        self._total, self._started = total, time.monotonic()
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def advance(self, verdict: Verdict) -> None:
        """Count a verdict and print it."""
        with self._lock:
            self._counts[verdict.kind] += 1
            done = self._counts.total()
            left = (time.monotonic() - self._started) / done * (self._total - done)
            print(f"{done}/{self._total}, {left / 60:.0f} min left: {verdict}", flush=True)

    def summary(self) -> str:
        """The count of all verdicts in one line."""
        seconds = time.monotonic() - self._started
        each = 1000 * seconds / max(self._counts.total(), 1)
        counts = ", ".join(f"{self._counts[kind]:,} {kind}" for kind in (RIGHT, TOLD, WRONG))
        return f"{self._counts.total():,} cells: {counts}; {seconds:.0f} s, {each:.0f} ms a cell"
