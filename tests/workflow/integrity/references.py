"""What a study makes of changed inputs when it starts from nothing: the right tables for whoever changed them later."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from tests.workflow.integrity.tables import Tables, read_tables

# Runs a command for a target in a working folder: exit status, and what it printed.
Runner = Callable[[Path, str], tuple[int, str]]


@dataclass
class References:
    """Fresh runs with changed inputs, each made once.

    inputs: a folder with the undisturbed inputs and the configuration. room: where runs are put.
    """

    inputs: Path
    room: Path
    run: Runner
    _known: dict[str, Tables | None] = field(default_factory=dict)
    _locks: dict[str, Lock] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def tables(self, disturbed: Path, changed: Sequence[str], target: str) -> Tables | None:
        """The tables of a fresh run that has these files of the disturbed folder; None if that run fails."""
        key = self._key(disturbed, changed, target)
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._known:
                self._known[key] = self._fresh(disturbed, changed, target, self.room / key)
            return self._known[key]

    def _fresh(self, disturbed: Path, changed: Sequence[str], target: str, folder: Path) -> Tables | None:
        shutil.copytree(self.inputs, folder)
        for name in changed:
            (folder / name).unlink()
            if (disturbed / name).exists():
                shutil.copyfile(disturbed / name, folder / name)
        status, _ = self.run(folder, target)
        tables = None if status else read_tables(folder)
        shutil.rmtree(folder)
        return tables

    @staticmethod
    def _key(disturbed: Path, changed: Sequence[str], target: str) -> str:
        parts = [target.encode()]
        for name in sorted(changed):
            path = disturbed / name
            parts += [name.encode(), hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"-"]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
