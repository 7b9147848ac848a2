"""Figure: a map over its picture, with the box that it explains."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from infodecomp.figures.style import ACCENT, colour_map
from infodecomp.metrics.heatmaps import is_constant, min_max, upsample_bilinear

Box = tuple[int, int, int, int]

# Longest side, in pixels, up to which small pictures are enlarged by whole numbers.
_SIDE = 512


def draw(
    picture: np.ndarray, cells: np.ndarray, palette: str, box: Box | None = None, share: float = 0.55
) -> Image.Image:
    """The picture with the map's colours over it, and a frame around the pixels of the box.

    Args:
        picture: (H, W, 3) uint8.
        cells: (h, w), any unit, over the same part of the picture.
        palette: as `style.colour_map` takes it.
        box: x0, y0, x1, y1 in pixels of the picture: columns x0 … x1 − 1, rows y0 … y1 − 1.
        share: of the colours; that of the picture is the rest.
    """
    height, width = picture.shape[:2]
    heat = upsample_bilinear(cells.astype(np.float64), (height, width))
    scaled = np.zeros_like(heat) if is_constant(heat) else min_max(heat)
    colours = 255 * colour_map(palette)(scaled)[..., :3]
    mixed = np.rint(share * colours + (1 - share) * picture).astype(np.uint8)
    factor = max(1, _SIDE // max(height, width))
    image = Image.fromarray(mixed).resize((factor * width, factor * height), Image.Resampling.NEAREST)
    if box is not None:
        x0, y0, x1, y1 = (factor * edge for edge in box)
        ImageDraw.Draw(image).rectangle((x0, y0, x1 - 1, y1 - 1), outline=ACCENT, width=max(1, factor // 2))
    return image
