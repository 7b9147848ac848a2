"""What a job assumes about files that can be read in more than one way: one line a kind in its log.

A stage that goes through all files first collects what it assumed (`Assumptions`) and says of how many files it is true;
what reads single pictures on the way says it at once (`assume`).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Assumptions:
    """Collects what was assumed; the first file of a kind is named, and all are counted."""

    _files: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, file: object, assumed: str) -> None:
        """Note that something was assumed of a file; an empty text is nothing."""
        if assumed:
            self._files.setdefault(assumed, {})[str(file)] = None

    def __bool__(self) -> bool:
        return bool(self._files)

    def lines(self) -> Iterator[str]:
        """A warning of each kind, in the order of their first files."""
        for assumed, files in self._files.items():
            first = next(iter(files))
            yield f"warning: {first}: {assumed}{f' (the first of {len(files)})' if len(files) > 1 else ''}."


_said: set[str] = set()
_lock = threading.Lock()


def assume(kind: str, path: Path, sentence: str) -> None:
    """Say of the first file of a kind how it is read; the others of its kind are read in the same way, silently.

    sentence: what the file has, what is assumed and what to do if that is wrong, without a full stop.
    """
    with _lock:
        if kind in _said:
            return
        _said.add(kind)
    print(
        f"warning: {path}: {sentence}. This is said once; the same holds for other such files.",
        file=sys.stderr,
        flush=True,
    )


def forget_assumptions() -> None:
    """Begin a job: everything is said again."""
    with _lock:
        _said.clear()
