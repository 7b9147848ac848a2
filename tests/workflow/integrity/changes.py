"""What may happen to a file behind a study's back."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

LONG_AGO = 1577836800  # 2020-01-01, seconds since the epoch


def delete(path: Path, other: Path | None, rng: random.Random) -> None:
    path.unlink()


def empty(path: Path, other: Path | None, rng: random.Random) -> None:
    os.truncate(path, 0)


def truncate(path: Path, other: Path | None, rng: random.Random) -> None:
    """Cut off at a random byte."""
    os.truncate(path, rng.randrange(max(path.stat().st_size, 1)))


def flip(path: Path, other: Path | None, rng: random.Random) -> None:
    """Change one random bit in place; the date becomes that of now."""
    with path.open("r+b") as file:
        place = rng.randrange(path.stat().st_size)
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << rng.randrange(8))]))


def flip_undated(path: Path, other: Path | None, rng: random.Random) -> None:
    """Change one random bit in place, and give the file its old date: what a failing disk does."""
    before = path.stat()
    flip(path, other, rng)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_older(path: Path, other: Path | None, rng: random.Random) -> None:
    """Put a sister's file in its place, with a date long ago."""
    assert other is not None
    path.write_bytes(other.read_bytes())
    os.utime(path, (LONG_AGO, LONG_AGO))


def replace_newer(path: Path, other: Path | None, rng: random.Random) -> None:
    """Put a sister's file in its place, with the date of now."""
    assert other is not None
    path.write_bytes(other.read_bytes())
    os.utime(path, (time.time(), time.time()))


def swap(path: Path, other: Path | None, rng: random.Random) -> None:
    """Exchange two files by renaming them, which keeps their dates."""
    assert other is not None
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    other.rename(path)
    aside.rename(other)


def touch(path: Path, other: Path | None, rng: random.Random) -> None:
    """The same content with the date of now."""
    os.utime(path, (time.time(), time.time()))


Change = Callable[[Path, Path | None, random.Random], None]

CHANGES: dict[str, Change] = {
    "delete": delete,
    "empty": empty,
    "truncate": truncate,
    "flip": flip,
    "flip_undated": flip_undated,
    "replace_older": replace_older,
    "replace_newer": replace_newer,
    "swap": swap,
    "touch": touch,
}
# Those that need the file of that name of another study, and the one that needs another file of the same folder.
FROM_SISTER = ("replace_older", "replace_newer")
WITH_SIBLING = ("swap",)
