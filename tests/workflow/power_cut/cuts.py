"""A recorded command, and the disks that a power cut during it may leave."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.workflow.power_cut.disk import Disk
from tests.workflow.power_cut.recording import Operation, Recording


@dataclass(frozen=True)
class Cut:
    """A disk after a power cut: the number of operations before it, its folder, and what became of what was uncertain."""

    moment: int
    folder: Path
    told: list[str]

    def __str__(self) -> str:
        return f"after operation {self.moment}: {'; '.join(self.told)}"


class RecordedRun:
    """A folder as it was before a command, and the record of the command in it.

    The command runs in the block: `with RecordedRun(…) as run: subprocess.run(…, env={**os.environ, **run.environment})`.
    """

    def __init__(self, library: Path, root: Path, beside: Path) -> None:
        self._recording = Recording(library, root.resolve(), beside / "record")
        self._recording.folder.mkdir()
        self._before = beside / "before"
        shutil.copytree(root, self._before, symlinks=True)
        # Inodes stand for files, so that the folder is read before anything happens.
        self._inodes = {path: path.lstat().st_ino for path in (root, *root.rglob("*"))}
        self._beside = beside

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables under which the command is recorded."""
        return self._recording.environment

    def operations(self) -> list[Operation]:
        """What happened so far."""
        return self._recording.operations()

    def disk(self, until: int) -> Disk:
        """The disk after some operations."""
        disk = Disk(self._recording, self._before, self._inodes)
        disk.run(self.operations(), until)
        return disk

    def cuts(self, count: int, seed: int) -> Iterator[Cut]:
        """Disks after cuts at random moments, the last one right after the end. Each one replaces the one before."""
        rng = random.Random(seed)
        for moment in moments(self.operations(), count, rng):
            folder = self._beside / "after"
            shutil.rmtree(folder, ignore_errors=True)
            yield Cut(moment, folder, self.disk(moment).cut(folder, rng))


def moments(operations: Sequence[Operation], count: int, rng: random.Random) -> list[int]:
    """Numbers of operations after which the power fails. Most writes are of logs, so that each counts as a tenth."""
    weights = [0.1 if one.kind == "write" else 1.0 for one in operations]
    return [*sorted(rng.choices(range(1, len(operations)), weights[1:], k=count - 1)), len(operations)]


def recorded(command: Sequence[str], folder: Path, run: RecordedRun) -> None:
    """Run a command in a folder to its end, and record it."""
    environment = {**os.environ, **run.environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
