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
    errno.EIO: "the disk failed; check it (`dmesg` may name the fault) before you run the same command again",
    errno.EROFS: "the file system is read-only; run the command in a writable folder, or make this one writable",
    errno.EACCES: "permission denied; change its permissions, or run the command as its owner",
    errno.EPERM: "permission denied; change its permissions, or run the command as its owner",
}


def disk_problem(error: OSError) -> str | None:
    """A sentence that names the file and the remedy; None for errors other than of disk space and permissions."""
    reason = _REASONS.get(error.errno or 0)
    # A terminal that is gone gives EIO too, without a file.
    if reason is None or (error.errno == errno.EIO and not error.filename):
        return None
    return f"{error.filename}: {reason}." if error.filename else f"{reason[0].upper()}{reason[1:]}."


def write_problem(*paths: Path) -> str | None:
    """Why one of these files or folders cannot be written, the first that cannot; None if all can.

    A missing one is judged by its nearest existing parent.
    """
    for path in paths:
        existing = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
        if not os.access(existing, os.W_OK | (os.X_OK if existing.is_dir() else 0)):
            read_only = os.statvfs(existing).f_flag & os.ST_RDONLY
            return f"{existing}: {_REASONS[errno.EROFS if read_only else errno.EACCES]}."
    return None
