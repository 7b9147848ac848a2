"""Moving pictures as animated WebP files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from infodecomp.runs.storage import atomic_path

LONGEST = 256  # pixels, longest side
_QUALITY = 85


def write_animation(path: Path, frames: np.ndarray, milliseconds: Sequence[int]) -> None:
    """Write frames that follow each other without end.

    Args:
        path: of the WebP file.
        frames: (n, 3, H, W), colours in [0, 1]; made smaller where a side is longer than `LONGEST`.
        milliseconds: how long each stands.
    """
    pixels = np.rint(255 * frames.clip(0, 1)).astype(np.uint8).transpose(0, 2, 3, 1)
    pictures = [Image.fromarray(frame) for frame in pixels]
    for picture in pictures:
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    first, *others = pictures
    with atomic_path(path) as temporary:
        first.save(
            temporary,
            format="WEBP",
            save_all=True,
            append_images=others,
            duration=list(milliseconds),
            loop=0,
            quality=_QUALITY,
            method=4,
            minimize_size=True,
        )
