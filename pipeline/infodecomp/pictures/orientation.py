"""The EXIF orientation of a photograph: how its pixels are turned to stand upright."""

from __future__ import annotations

from PIL import Image

_TAG = 0x0112
_UPRIGHT = 1
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(image: Image.Image) -> int:
    """The orientation that an image's EXIF states, 1 … 8; 1, upright, where it states none."""
    found = image.getexif().get(_TAG, _UPRIGHT)
    return found if found in _TURNS else _UPRIGHT


def upright(image: Image.Image, stated: int) -> Image.Image:
    """An image of the stated orientation, turned upright."""
    return image.transpose(_TURNS[stated]) if stated in _TURNS else image
