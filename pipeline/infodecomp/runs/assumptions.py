"""What a job assumes about files that can be read in more than one way: said once a kind, in the log of the job."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

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
        f"note: {path}: {sentence}. This is said once; the same holds for other such files.",
        file=sys.stderr,
        flush=True,
    )


def forget_assumptions() -> None:
    """Begin a job: everything is said again."""
    with _lock:
        _said.clear()
