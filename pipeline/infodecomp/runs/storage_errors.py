"""Errors of the file system in one sentence: what it refused, and what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# What mends whatever a run can make again.
AGAIN = "run the same snakemake command again, which makes it again"

_FREE_SPACE = "free some space and run the same command again; it continues where it stopped"
_REASONS = {
    errno.ENOSPC: f"the disk is full; {_FREE_SPACE}",
    errno.EDQUOT: f"your disk quota is used up; {_FREE_SPACE}",
    errno.EROFS: "the file system is read-only; run the command in a writable folder, or make this one writable",
    errno.EACCES: "permission denied; change its permissions, or run the command as its owner",
    errno.EPERM: "permission denied; change its permissions, or run the command as its owner",
}


def disk_problem(error: OSError) -> str | None:
    """A sentence that names the file and the remedy; None for errors other than of disk space and permissions."""
    reason = _REASONS.get(error.errno or 0)
    if reason is None:
        return None
    return f"{error.filename}: {reason}." if error.filename else f"{reason[0].upper()}{reason[1:]}."


def write_problem(folder: Path) -> str | None:
    """Why nothing can be written into a folder, or into its nearest existing parent; None if it is writable."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        return None
    return f"{existing}: {_REASONS[errno.EROFS]}."
