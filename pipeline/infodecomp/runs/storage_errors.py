"""What the file system refused, in one sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_REASONS = {
    errno.ENOSPC: "the disk is full; make room, and the same command goes on with what is missing",
    errno.EDQUOT: "your disk quota is used up; make room, and the same command goes on with what is missing",
    errno.EROFS: "the file system is read-only; run where you may write, or make it writable",
    errno.EACCES: "you may not write or read there; change its permissions, or run as its owner",
    errno.EPERM: "you may not write or read there; change its permissions, or run as its owner",
}


def disk_problem(error: OSError) -> str | None:
    """A sentence that names the file and what to do; None for an error that has nothing to do with room or permission."""
    reason = _REASONS.get(error.errno or 0)
    if reason is None:
        return None
    return f"{error.filename}: {reason}." if error.filename else f"{reason[0].upper()}{reason[1:]}."


def write_problem(folder: Path) -> str | None:
    """Why nothing can be written into a folder, or into the nearest one above it that is there; None if it can."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        return None
    return f"{existing}: {_REASONS[errno.EROFS]}."
