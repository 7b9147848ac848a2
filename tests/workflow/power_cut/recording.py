"""A record of every change that a command and its children make to the files below a folder, in their order."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest


class Operation(NamedTuple):
    """One change; inodes stand for files and folders. `other_*`: where a file is renamed to. time: of its content, in ns."""

    number: int
    kind: str
    inode: int
    folder: int
    name: str
    other_folder: int
    other_name: str
    size: int
    time: int


@dataclass(frozen=True)
class Recording:
    """The record of what happens below `root`, kept in `folder`."""

    library: Path
    root: Path
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables under which a command is recorded. Compiled modules are no results, and are not written."""
        return {
            "LD_PRELOAD": str(self.library),
            "POWER_CUT_ROOT": str(self.root),
            "POWER_CUT_LOG": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def operations(self) -> list[Operation]:
        """All of them so far."""
        lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        rows = (line.rstrip(" ").split("\t") for line in lines)
        return [
            Operation(
                int(row[0]), row[1], int(row[2]), int(row[3]), row[4], int(row[5]), row[6], int(row[7]), int(row[8])
            )
            for row in rows
        ]

    def content(self, number: int) -> Path | None:
        """The content that was kept at an operation, if it was."""
        path = self.folder / str(number)
        return path if path.is_file() else None


def compile_recorder(folder: Path) -> Path:
    """The library to preload; the test is skipped where it cannot be compiled or loaded."""
    library, source = folder / "recorder.so", Path(__file__).with_name("recorder.c")
    if not (compiler := shutil.which("cc")):
        pytest.skip("needs a C compiler, `cc`, to record what a program writes")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the recorder does not compile here: {done.stderr.strip().splitlines()[-1]}")
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    loaded = subprocess.run(["true"], env=environment, capture_output=True, text=True, check=False)
    if loaded.returncode or loaded.stderr:
        pytest.skip(f"the recorder cannot be loaded here: {loaded.stderr.strip()}")
    return library
