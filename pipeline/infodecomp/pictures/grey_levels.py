"""Grey pictures of more than 8 bits, in integers or floats, brought to 8: what white is follows from depth and range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, TiffTags

from infodecomp.runs.assumptions import assume
from infodecomp.runs.errors import InputError

_EIGHT, _SIXTEEN = 255, 65535
_SLACK = 0.01  # of white: what resampling overshoots
_DARKEST = 16  # a float picture whose brightest value is below a sixteenth of white is not understood
_TAGS = {name: number for number, name in ((tag, TiffTags.lookup(tag).name) for tag in (258, 262, 339))}
_SIGNED = 2  # of SampleFormat
_WHITE_IS_ZERO = 0  # of PhotometricInterpretation
_REMEDY = "save it as PNG with 8 bits, with the range that you mean"


def is_deep(image: Image.Image) -> bool:
    """Whether an image holds greys that are not plain bytes: 16 or 32 bits, floats, or signed bytes."""
    return image.mode.startswith(("I", "F")) or (image.mode == "L" and _tag(image, "SampleFormat") == _SIGNED)


def eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """A deep grey image as 8-bit greys.

    Integers: white is the largest number of their depth, or 255 (in 32 bits also 65535) if none is larger. Floats: white is
    the first of 1, 255 and 65535 that none exceeds. Raises InputError naming the file and its range for values that are
    negative or not finite, and where no white fits.
    """
    values = _values(image)
    if values.dtype.kind == "f":
        white = _white_of_floats(values, path)
    else:
        white = _white_of_integers(values, _top(values, image), path)
    shares = np.clip(values.astype(np.float64), 0, white) / white
    if _tag(image, "PhotometricInterpretation") == _WHITE_IS_ZERO:
        shares = 1 - shares
    # 257 divides 65535 by 255; whole numbers are cut off, as 16-bit pictures always were.
    scaled = np.rint(shares * _EIGHT) if values.dtype.kind == "f" else np.floor(shares * _EIGHT + 1e-9)
    return Image.fromarray(scaled.astype(np.uint8))


def _values(image: Image.Image) -> np.ndarray:
    """The values of a deep image in the type in which the file holds them, where Pillow widens or wraps them."""
    values = np.asarray(image)
    bits, signed = _tag(image, "BitsPerSample"), _tag(image, "SampleFormat") == _SIGNED
    if bits == 32 and values.dtype == np.int32 and not signed:
        return values.view(np.uint32)
    if signed and bits in (8, 16):
        return values.astype(f"int{bits}") if bits == 16 else values.view(np.int8)
    if bits is None and values.dtype == np.int32 and values.min() >= 0 and values.max() <= _SIXTEEN:
        return values.astype(np.uint16)  # PNG and PGM, whose depth Pillow widens
    return values


def _top(values: np.ndarray, image: Image.Image) -> int:
    """The largest number of the depth of the file, which may be less than that of its bytes, as 12 bits in two."""
    bits = _tag(image, "BitsPerSample")
    largest = int(np.iinfo(values.dtype).max)
    return min(largest, 2**bits - 1) if bits else largest


def _white_of_integers(values: np.ndarray, top: int, path: Path) -> int:
    low, high, bits = int(values.min()), int(values.max()), 8 * values.dtype.itemsize
    if low < 0:
        raise InputError(
            f"{path}: this image has greys from {low} to {high}, and negative ones mean nothing; {_REMEDY}."
        )
    fits = [white for white in ((_EIGHT, _SIXTEEN) if bits == 32 else (_EIGHT,)) if high <= white <= top]
    white = fits[0] if fits else top
    if 0 < high * (_EIGHT + 1) < white:
        raise InputError(
            f"{path}: this image has greys up to {high} of {top} in {bits} bits: black throughout; {_REMEDY}."
        )
    if fits and white != top and high:
        assume(
            f"greys in {bits} bits up to {white}",
            path,
            f"the greys take {bits} bits, the largest is {high}, and white is taken to be {white}; if it is not, {_REMEDY}",
        )
    elif high * _DARKEST <= white and high:
        assume(
            f"dark greys in {bits} bits",
            path,
            f"the largest grey is {high} of {white}, so that the picture is dark; if white is less than {white}, {_REMEDY}",
        )
    return white


def _white_of_floats(values: np.ndarray, path: Path) -> int:
    if not np.isfinite(values).all():
        raise InputError(f"{path}: this image has greys that are not finite (NaN or infinite); {_REMEDY}.")
    low, high = float(values.min()), float(values.max())
    for white in (1, _EIGHT, _SIXTEEN):
        if high <= white * (1 + _SLACK):
            break
    else:
        white = 0
    if low < -_SLACK * white or not white or (white > 1 and high * _DARKEST < white):
        raise InputError(
            f"{path}: this image has greys in floats from {low:g} to {high:g}; allowed are 0 to 1, 0 to 255 and 0 to 65535; "
            f"{_REMEDY}."
        )
    assume(
        f"floats up to {white}",
        path,
        f"the greys are floats from {low:g} to {high:g}, and white is taken to be {white}; if it is not, {_REMEDY}",
    )
    return white


def _tag(image: Image.Image, name: str) -> int | None:
    """A tag of a TIFF's first sample; None for other formats and absent tags."""
    tags = getattr(image, "tag_v2", None)
    value = tags.get(_TAGS[name]) if tags else None
    return value[0] if isinstance(value, tuple) else value
