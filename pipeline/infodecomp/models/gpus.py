"""Which GPU a process gets: each claims one that no other holds, by locking a file named after it.

The operating system releases the lock when the process ends, however it ends, so that there is nothing to clean up. Nothing
here imports torch: the workflow counts GPUs before any job runs.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Seconds between two attempts while all GPUs are taken.
_PATIENCE = 1.0

# An open file keeps its lock until the process ends.
_held: dict[Path, IO[str]] = {}


def count_gpus(environment: Mapping[str, str] = os.environ) -> int:
    """The number of GPUs that jobs may use: those of CUDA_VISIBLE_DEVICES, else those that the driver lists."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def claims_folder() -> Path:
    """The folder of the claims of all processes of this user on this machine."""
    folder = Path(tempfile.gettempdir()) / f"infodecomp-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def claim(names: Sequence[str], folder: Path | None = None) -> int:
    """Claim a GPU and return its position: one that this process holds already, else the first that is free.

    names: of the GPUs, the same for all processes. Waits, and prints that, while other processes hold all of them.
    """
    files = [(folder or claims_folder()) / f"{name}.lock" for name in names]
    said = False
    while True:
        for position, file in enumerate(files):
            if file in _held:
                return position
        for position, file in enumerate(files):
            if take(file):
                return position
        if not said:
            print(f"waiting for a GPU: other jobs hold {'it' if len(names) == 1 else f'all {len(names)}'}", flush=True)
            said = True
        time.sleep(_PATIENCE)


def take(file: Path) -> bool:
    """Lock a file for the rest of this process, unless another process has locked it."""
    if file in _held:
        return True
    handle = file.open("a", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return False
    _held[file] = handle
    return True
