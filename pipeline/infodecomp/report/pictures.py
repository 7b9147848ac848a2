"""Pictures of the page: small WebP files, and maps as tiles of one 8-bit PNG per image.

A script of a page opened from disk may not read the pixels of a picture file, so maps are stored inside scripts, as data
URIs. A tile holds round(255·(v − low)/(high − low)) of its map; low and high are stored beside it.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from infodecomp.runs.ledger import checked
from infodecomp.runs.storage import atomic_path

THUMBNAIL = 192  # pixels, longest side
_LOSSLESS = 128  # pixels: pictures up to this size are stored without loss
_QUALITY = 82  # quality of larger ones
_EFFORT = 30  # effort of 100 for lossless ones: more makes files a little smaller and takes ten times as long

Scale = tuple[float, float]


@dataclass
class PictureFolder:
    """Writes pictures below the page's folder, each content once; `longest` is the longest side that is kept."""

    page: Path
    longest: int
    _written: dict[str, str] = field(default_factory=dict)

    def add(self, picture: Image.Image, longest: int | None = None) -> str:
        """Write a picture, shrunk if it is too large; returns its path relative to the page."""
        small = shrunk(picture.convert("RGB"), longest or self.longest)
        digest = hashlib.sha256(repr(small.size).encode() + small.tobytes()).hexdigest()[:16]
        if digest not in self._written:
            path = self.page / "pictures" / f"{digest}.webp"
            with atomic_path(path) as temporary:
                lossless = max(small.size) <= _LOSSLESS
                small.save(temporary, format="WEBP", lossless=lossless, quality=_EFFORT if lossless else _QUALITY)
            self._written[digest] = f"pictures/{digest}.webp"
        return self._written[digest]

    def copy(self, picture: Path) -> str:
        """Copy a WebP file unchanged; returns its path relative to the page."""
        content = checked(picture).read_bytes()
        name = f"pictures/{hashlib.sha256(content).hexdigest()[:16]}.webp"
        with atomic_path(self.page / name) as temporary:
            temporary.write_bytes(content)
        return name

    def add_with_thumbnail(self, picture: Image.Image) -> tuple[str, str]:
        """Paths of a picture and of its thumbnail; a small picture is its own thumbnail."""
        whole = self.add(picture)
        return whole, whole if max(picture.size) <= THUMBNAIL else self.add(picture, THUMBNAIL)


def shrunk(picture: Image.Image, longest: int) -> Image.Image:
    """A picture whose longer side is at most `longest`, with its aspect ratio; never larger than before."""
    copy = picture.copy()
    copy.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return copy


def quantise(heat: np.ndarray) -> tuple[np.ndarray, Scale] | None:
    """A map (h, w) in 8 bits with its lowest and highest value; None if a value is not finite.

    The difference to the map is at most (high − low)/510. A constant map is 0 throughout.
    """
    if not np.isfinite(heat).all():
        return None
    low, high = float(heat.min()), float(heat.max())
    span = high - low or 1.0
    return np.rint(255 * (heat.astype(np.float64) - low) / span).astype(np.uint8), (low, high)


def tile_sheet(tiles: list[list[np.ndarray | None]]) -> str:
    """Tiles (h, w) uint8 in rows and columns as one PNG, a data URI; each cell is as large as the largest tile."""
    present = [tile for row in tiles for tile in row if tile is not None]
    height, width = (max((tile.shape[axis] for tile in present), default=1) for axis in (0, 1))
    columns = max(map(len, tiles), default=1)
    sheet = np.zeros((max(len(tiles), 1) * height, columns * width), dtype=np.uint8)
    for row, line in enumerate(tiles):
        for column, tile in enumerate(line):
            if tile is not None:
                top, left = row * height, column * width
                sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
