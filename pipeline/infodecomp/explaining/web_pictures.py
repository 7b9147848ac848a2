"""Pictures and maps inside HTML: data URIs, small enough that a page of a dozen words stays below two megabytes."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from infodecomp.explaining.kinds import Kind
from infodecomp.explaining.overlay import OPACITY, opacities
from infodecomp.figures.style import colour_map
from infodecomp.metrics.heatmaps import upsample_bilinear

SMALL = 128  # pixels: pictures up to this size are stored without loss, and shown with sharp pixels
_LONGEST = 768  # pixels of larger ones
_QUALITY = 82
_CELLS = 64  # coarser maps are interpolated to about this, since browsers interpolate a few cells badly
_LEVELS = 256


def picture_uri(picture: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 as WebP, shrunk if it is too large."""
    image = Image.fromarray(picture)
    image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", lossless=max(picture.shape[:2]) <= SMALL, quality=_QUALITY)
    return _uri("webp", buffer)


def map_uri(heat: np.ndarray, kind: Kind, scale: tuple[float, float], palette: str) -> str:
    """A map (h, w) as a PNG of 256 colours whose opacity follows the heat."""
    factor = max(1, round(_CELLS / max(heat.shape)))
    fine = upsample_bilinear(heat.astype(np.float64), (factor * heat.shape[0], factor * heat.shape[1]))
    share = np.clip((fine - scale[0]) / (scale[1] - scale[0]), 0.0, 1.0)
    levels = np.linspace(0.0, 1.0, _LEVELS)
    image = Image.fromarray(np.rint((_LEVELS - 1) * share).astype(np.uint8), mode="P")
    image.putpalette(np.rint(255 * colour_map(kind.palette(palette))(levels)[:, :3]).astype(np.uint8).tobytes())
    opacity = np.rint(255 * OPACITY * opacities(levels, kind)).astype(np.uint8).tobytes()
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True, transparency=opacity)
    return _uri("png", buffer)


def _uri(kind: str, content: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
