"""The pictures of an edited case in its folder: PNGs, and for the first cases animations of the way to each edit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.config.settings import EditImages
from infodecomp.editing.captions import case_edit
from infodecomp.editing.edits import INTERVENTIONS
from infodecomp.pictures.animations import write_animation
from infodecomp.pictures.images import write_picture
from infodecomp.runs.ledger import kept

# Milliseconds that a frame of an animation is shown: the real picture, one on the way, the edited one.
_START, _ON_THE_WAY, _END = 1000, 130, 1800


def is_animated(case: Any, animated: int) -> bool:
    """Whether animations of a case's edits are kept."""
    return bool(case.position < animated)


def write_pictures(folder: Path, pictures: Mapping[str, np.ndarray]) -> list[Path]:
    """Write pictures (3, H, W) in [0, 1] as <name>.png, all but `autoencoder`, which only serves the numbers."""
    files = {folder / f"{name}.png": picture for name, picture in pictures.items() if name != "autoencoder"}
    for path, picture in files.items():
        write_picture(path, picture)
    return list(files)


def write_animations(folder: Path, frames: Mapping[str, np.ndarray]) -> None:
    """Write the frames (n, 3, H, W) in [0, 1] of each edit as <name>.webp; the first and the last are shown for longer."""
    for name, pictures in frames.items():
        between = [_ON_THE_WAY] * (len(pictures) - 2)
        write_animation(folder / f"{name}.webp", pictures, [_START, *between, _END])


def lacks_animations(maps: Path, case: Any, section: EditImages) -> bool:
    """Whether an animation that a case should have is missing. maps: folder of the shard's results."""
    return not _expected(maps, case, section).issubset(_present(maps, case))


def keep_animations(maps: Path, case: Any, section: EditImages) -> None:
    """Delete animations from a run that animated more cases, or of an edit that no longer exists; the others stay."""
    expected = _expected(maps, case, section)
    for path in _present(maps, case):
        if path in expected:
            kept(path)
        else:
            path.unlink()


def _expected(maps: Path, case: Any, section: EditImages) -> set[Path]:
    names = (
        set(case_edit(case, section.captions).branches) & set(INTERVENTIONS)
        if is_animated(case, section.animated)
        else set()
    )
    return {maps / case.case_id / f"{name}.webp" for name in names}


def _present(maps: Path, case: Any) -> set[Path]:
    return set((maps / case.case_id).glob("*.webp"))
