"""Copies of the finished study in which cells run, and which are put back to what they were after each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

# What tells a file that nobody has touched: inode, size, date of its content, date of its last change of any kind.
Stat = tuple[int, int, int, int]


class Slot:
    """A working folder, and a second copy of it from which it is restored file by file.

    Files that a cell left alone keep inode and dates, so that what a study remembers of them still holds.
    """

    def __init__(self, folder: Path, kept: Path) -> None:
        """folder: a working folder as it should be before each cell. kept: where its copy goes; must not exist."""
        self.folder, self._kept = folder, kept
        shutil.copytree(folder, kept, symlinks=True)
        self._stats = {name: _stat(folder / name) for name in _files(folder)}

    def restore(self) -> None:
        """Put back every file that has changed, and delete every new one."""
        for name in set(_files(self.folder)) - self._stats.keys():
            (self.folder / name).unlink()
        for name, stat in self._stats.items():
            path = self.folder / name
            if not path.exists() or _stat(path) != stat:
                self._put_back(name)
        for folder, _, _ in os.walk(self.folder, topdown=False):
            if not (self._kept / Path(folder).relative_to(self.folder)).is_dir():
                Path(folder).rmdir()

    def _put_back(self, name: str) -> None:
        path, kept = self.folder / name, self._kept / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, path)
        shutil.copystat(kept, path)
        self._stats[name] = _stat(path)


def _files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(parent, name), folder)  # noqa: PTH118


def _stat(path: Path) -> Stat:
    found = path.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
