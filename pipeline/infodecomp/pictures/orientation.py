"""How a picture is turned: the orientation of EXIF, by which cameras store a picture as the sensor saw it.

Its value, 1 to 8, says how the stored pixels become the picture that viewers show. 1 leaves them as they are, 3 is half a
turn, 6 and 8 are quarter turns, and the others are mirrored. Source: EXIF 2.32, tag 274.
"""

from __future__ import annotations

import struct

from PIL import ExifTags, Image

AS_STORED = 1

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Quarter turns undo each other; every other value undoes itself.
_INVERSE = {6: 8, 8: 6}

# Values that exchange width and height.
_LYING = (5, 6, 7, 8)


def exif_orientation(image: Image.Image) -> int:
    """The orientation in the metadata of an image that was just opened, 1 if there is none or it is no such value."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, AS_STORED)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error):  # damaged where the pixels are whole
        return AS_STORED
    return value if value in _TURNS else AS_STORED


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """An image with its stored pixels turned as an orientation says."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Height and width of an image of `size`, turned.

    >>> turned_size((480, 640), 6)
    (640, 480)
    """
    return (size[1], size[0]) if orientation in _LYING else size


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of the stored pixels of an image that was just opened."""
    size = image.height, image.width
    return turned_size(size, exif_orientation(image)) if _decoder_turns(image) else size


def load_turned(image: Image.Image, orientation: int) -> Image.Image:
    """Decode an image that was just opened, its stored pixels turned as `orientation` says."""
    by_decoder = decoded_orientation(image)
    image.load()
    return turn_decoded(image, by_decoder, orientation)


def decoded_orientation(image: Image.Image) -> int:
    """How Pillow itself will turn an image that was just opened while it decodes."""
    return exif_orientation(image) if _decoder_turns(image) else AS_STORED


def turn_decoded(image: Image.Image, by_decoder: int, orientation: int) -> Image.Image:
    """A decoded image, which the decoder turned, with its stored pixels turned as `orientation` says instead."""
    if by_decoder == orientation:
        return image
    return turned(turned(image, _INVERSE.get(by_decoder, by_decoder)), orientation)


def _decoder_turns(image: Image.Image) -> bool:
    """Whether Pillow applies the orientation itself while it decodes."""
    return image.format == "TIFF"
