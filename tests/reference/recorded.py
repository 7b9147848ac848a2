"""Read the recorded arrays; see golden/README.md for what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read_recorded(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file. `same_as` lists (name, name of the equal array that is stored), so that none is stored twice."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, stored in arrays.pop("same_as", ()):
        arrays[str(name)] = arrays[str(stored)]
    return arrays
