"""Progress of a long stage: one rewritten line on a terminal, a plain line every half minute in a log."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self


class Progress:
    """Count finished work and print how much is done, its rate and the time left on stderr.

    Used as a context manager, it keeps writing its line to a log while a single unit takes long.

    >>> with Progress("estimate_information", total=2, unit="images") as progress:
    ...     for image in range(2):
    ...         progress.advance()
    """

    def __init__(self, label: str, total: int, unit: str, every_seconds: float = 30.0, before: int = 0) -> None:
        """`total` units in all, `before` of which an earlier run has done; the rate leaves those out.

        In a log, a line is written every `every_seconds` seconds.
        """
        self.label, self.total, self.unit = label, total, unit
        self.before = self.done = before
        self._terminal = sys.stderr.isatty()
        self._pause = 0.2 if self._terminal else every_seconds
        self._started = self._last_line = time.monotonic()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def advance(self, n: int = 1) -> None:
        """Count `n` more units as done."""
        self.done += n
        self._write_line_if_due()

    def close(self) -> None:
        """Write the final line; a second call does nothing."""
        if self._closed.is_set():
            return
        with self._lock:
            self._closed.set()
            self._write_line()
        if self._terminal:
            print(file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        if not self._terminal:
            threading.Thread(target=self._keep_writing, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _keep_writing(self) -> None:
        while not self._closed.wait(self._pause / 4):
            self._write_line_if_due()

    def _write_line_if_due(self) -> None:
        with self._lock:
            if not self._closed.is_set() and time.monotonic() - self._last_line >= self._pause:
                self._write_line()

    def _write_line(self) -> None:
        now = time.monotonic()
        self._last_line = now
        line = self._line(now - self._started)
        if self._terminal:
            # Return to the start of the line and clear to its end, so that nothing of a longer line remains.
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _line(self, elapsed: float) -> str:
        rate = (self.done - self.before) / elapsed if elapsed > 0 else 0.0
        parts = [f"{self.label}: {self.done}/{self.total} {self.unit}", f"{rate:.3g} {self.unit}/s"]
        if self._closed.is_set():
            parts.append(f"took {_clock(elapsed)}")
        elif rate > 0:
            parts.append(f"{_clock(max(self.total - self.done, 0) / rate)} left")
        return ", ".join(parts)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds as 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}"
