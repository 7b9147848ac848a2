"""Any picture that Pillow opens, as RGB with 8 bits; what has to be assumed on the way is said once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from infodecomp.pictures.grey_levels import eight_bits, is_deep
from infodecomp.runs.assumptions import assume
from infodecomp.runs.errors import InputError

BACKGROUND = (255, 255, 255)  # behind transparent pixels

# Formats whose further pictures are not small versions, layers or depth maps of the first one.
_MOVING = {"GIF", "WEBP", "PNG", "AVIF", "FLI"}


def as_rgb(image: Image.Image, path: Path) -> Image.Image:
    """An opened image, decoded, as RGB: the first frame of several, on white where it is transparent.

    Deep greys as `grey_levels.eight_bits` reads them. CMYK goes through the colour profile in the file; colours of RGB are
    taken as stored, as training data of image models is read. Raises InputError for greys without a clear range, and for
    an image that is transparent throughout; Pillow's errors for a file that cannot be decoded.
    """
    _say_that_first_is_taken(image, path)
    high_bytes = ";16" in str(getattr(image, "tile", ""))  # of colours in 16 bits Pillow takes the higher byte
    image.load()
    if high_bytes and image.mode == "RGB" and not image.getbbox():
        raise InputError(
            f"{path}: this image has colours in 16 bits, of which at most the lower 8 are used: it would be black; save it "
            "with 8 bits."
        )
    if is_deep(image):
        return _flat(_with_holes(eight_bits(image, path), image), path)
    if image.mode in ("CMYK", "LAB"):
        return _through_profile(image, path)
    _say_that_profile_is_ignored(image, path)
    return _flat(image, path)


def _say_that_first_is_taken(image: Image.Image, path: Path) -> None:
    """MPO, the format of phones and stereo cameras, has the photo first; what follows belongs to it."""
    if image.format in (*_MOVING, "TIFF") and getattr(image, "is_animated", False):
        kind = "page" if image.format == "TIFF" else "frame"
        assume(f"several {kind}s", path, f"the picture has several {kind}s, and the first one is taken")


def _with_holes(grey: Image.Image, deep: Image.Image) -> Image.Image:
    """The one transparent grey that a PNG may name, made transparent."""
    hole = deep.info.get("transparency")
    if isinstance(hole, int):
        grey.putalpha(Image.fromarray(np.where(np.asarray(deep) == hole, 0, 255).astype(np.uint8)))
    return grey


def _flat(image: Image.Image, path: Path) -> Image.Image:
    """An image of bytes as RGB, on the background where it is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    layered = image.convert("RGBA")
    lowest, highest = layered.getchannel("A").getextrema()
    if lowest == 255:
        return layered.convert("RGB")
    if highest == 0:
        raise InputError(
            f"{path}: this image is transparent throughout, so that nothing of it can be seen; save it without transparency."
        )
    assume(
        "transparency",
        path,
        "the picture is transparent in places, and is put on white; for another background, save it without transparency",
    )
    return Image.alpha_composite(Image.new("RGBA", layered.size, BACKGROUND), layered).convert("RGB")


def _through_profile(image: Image.Image, path: Path) -> Image.Image:
    """A CMYK or LAB image as RGB: by the profile in the file, else by Pillow's rule for inks or as CIE L*a*b*."""
    embedded = image.info.get("icc_profile")
    target = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        return _converted(image, ImageCms.createProfile("LAB"), target)
    if embedded:
        try:
            return _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(embedded)), target)
        except (ImageCms.PyCMSError, OSError):
            assume("damaged profiles", path, "its colour profile cannot be used; the inks are converted without one")
    else:
        assume("inks", path, "the picture is in CMYK without a colour profile; colours may differ a little from print")
    return image.convert("RGB")


def _converted(image: Image.Image, source: Any, target: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    assert converted is not None  # only in place is there none
    return converted


def _say_that_profile_is_ignored(image: Image.Image, path: Path) -> None:
    embedded = image.info.get("icc_profile")
    if not embedded or image.mode not in ("RGB", "RGBA", "P"):
        return
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(embedded))).strip()
    except (ImageCms.PyCMSError, OSError):
        return
    if "srgb" not in name.lower():
        assume(
            f"profile {name}",
            path,
            f"its colour profile {name!r} is not applied, as training data of image models is read; convert the picture to "
            "sRGB if its colours matter",
        )
