"""Images and masks: read, cropped, fitted to a model's size, and written. Pillow and numpy only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from infodecomp.pictures.opening import opened
from infodecomp.pictures.orientation import (
    AS_STORED,
    decoded_orientation,
    exif_orientation,
    stored_size,
    turn_decoded,
    turned_size,
)
from infodecomp.pictures.rgb import as_rgb
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import atomic_path

Resize = Literal["squeeze", "letterbox"]

# Letterbox bars are mid-grey: close to 0 in the model's range [-1, 1].
_BAR = (127, 127, 127)


def load_image(path: Path, orientation: int = AS_STORED) -> Image.Image:
    """Read an image as RGB, as `pictures.rgb.as_rgb` converts greys of any depth, inks, transparency and frames.

    orientation: how the stored pixels are turned, a value of EXIF; what the file itself says is not applied, because only
    its annotations tell whether they mean the picture as stored or as shown. Raises InputError naming the file if it is
    missing, cannot be decoded completely, or can be understood in several ways.
    """
    with opened(path) as image:
        by_decoder = decoded_orientation(image)
        return turn_decoded(as_rgb(image, path), by_decoder, orientation)


class StoredImage(NamedTuple):
    """What the header of an image file says: height and width of the stored pixels, and the orientation of EXIF."""

    size: tuple[int, int]
    orientation: int


def read_header(path: Path) -> StoredImage:
    """The header of an image file. Raises InputError naming the file if it is missing or not an image."""
    with opened(path) as image:
        return StoredImage(stored_size(image), exif_orientation(image))


def image_size(path: Path, orientation: int = AS_STORED) -> tuple[int, int]:
    """Height and width of an image as `load_image` gives it, read from the header of the file.

    Raises InputError naming the file if it is missing or not an image.
    """
    return turned_size(read_header(path).size, orientation)


def crop_image(image: Image.Image, crop: str) -> Image.Image:
    """The part of an image inside the box `crop` = "x,y,w,h" in pixels; the whole image for "".

    The box is clipped to the image. Raises InputError if nothing is left.
    """
    return image.crop(crop_box(crop, (image.height, image.width))) if crop else image


def crop_box(crop: str, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box "x,y,w,h" clipped to an image of `size` = (height, width): left, top, right, bottom in pixels.

    Raises InputError for any other text, and for a box that has no area or lies outside the image.
    """
    try:
        x, y, width, height = map(int, crop.split(","))
    except ValueError:
        raise InputError(f"the box is {crop!r}; expected x,y,w,h in whole pixels.") from None
    if width < 1 or height < 1:
        raise InputError(f"the box {crop} (x,y,w,h) has no area; width and height must be at least 1 pixel.")
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, size[1]), min(y + height, size[0])
    if left >= right or top >= bottom:
        raise InputError(f"the box {crop} (x,y,w,h) lies outside its image of {size[1]} x {size[0]} pixels.")
    return left, top, right, bottom


def fit_image(image: Image.Image, size: tuple[int, int], resize: Resize = "squeeze") -> Image.Image:
    """Bring an RGB image to `size` = (height, width), bilinear.

    "squeeze" changes the aspect ratio; "letterbox" keeps it, centres the image and fills the rest with mid-grey.
    """
    left, top, width, height = fitted_box((image.height, image.width), size, resize)
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    if (height, width) == tuple(size):
        return scaled
    canvas = Image.new("RGB", (size[1], size[0]), _BAR)
    canvas.paste(scaled, (left, top))
    return canvas


def fit_mask(mask: np.ndarray, size: tuple[int, int], resize: Resize = "squeeze") -> np.ndarray:
    """Bring a mask (H, W) bool to `size` = (h, w) as `fit_image` brings its image, nearest neighbour: (h, w) bool.

    Letterbox bars are False.
    """
    left, top, width, height = fitted_box((mask.shape[0], mask.shape[1]), size, resize)
    picture = Image.fromarray(mask.astype(np.uint8))
    fitted = np.zeros(size, dtype=bool)
    fitted[top : top + height, left : left + width] = (
        np.asarray(picture.resize((width, height), Image.Resampling.NEAREST)) != 0
    )
    return fitted


def fitted_box(old: tuple[int, int], new: tuple[int, int], resize: Resize) -> tuple[int, int, int, int]:
    """Where `fit_image` puts an image of `old` (height, width) in one of `new`: left, top, width, height."""
    if resize == "squeeze":
        return 0, 0, new[1], new[0]
    scale = min(new[0] / old[0], new[1] / old[1])
    height, width = (max(1, min(new[i], round(old[i] * scale))) for i in (0, 1))
    return (new[1] - width) // 2, (new[0] - height) // 2, width, height


def image_array(image: Image.Image) -> np.ndarray:
    """Pixels of an RGB image as the model takes them: float32 (3, h, w) in [-1, 1]."""
    pixels = np.asarray(image, dtype=np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def picture_bytes(picture: np.ndarray) -> np.ndarray:
    """A picture (3, H, W) in [0, 1] as uint8 (H, W, 3)."""
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture (3, H, W) in [0, 1] as PNG."""
    with atomic_path(path) as temporary:
        Image.fromarray(picture_bytes(picture)).save(temporary, format="PNG")
