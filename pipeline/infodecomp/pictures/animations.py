"""Animations: pictures one after another, as animated WebP files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from infodecomp.pictures.images import picture_bytes
from infodecomp.runs.storage import atomic_path

LONGEST = 256  # pixels, longest side
_QUALITY = 85


def write_animation(path: Path, frames: np.ndarray, milliseconds: Sequence[int]) -> None:
    """Write frames as an endless loop, made smaller where a side is longer than `LONGEST`.

    Args:
        path: of the WebP file.
        frames: (n, 3, H, W) in [0, 1].
        milliseconds: how long each frame is shown.
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


def write_sequence(path: Path, pictures: np.ndarray, milliseconds: int = 120, hold: int = 1500) -> None:
    """Write pictures (n, 3, H, W) in [0, 1] in full size, the last one shown for `hold` milliseconds."""
    frames = [Image.fromarray(picture_bytes(picture)) for picture in pictures]
    durations = [*[milliseconds] * (len(frames) - 1), hold]
    with atomic_path(path) as temporary:
        frames[0].save(temporary, save_all=True, append_images=frames[1:], duration=durations, loop=0)
