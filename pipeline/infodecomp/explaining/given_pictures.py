"""A picture as people have it (a file, a PIL image, an array, a tensor), as the model sees it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from infodecomp.pictures.images import fit_image
from infodecomp.pictures.opening import opened
from infodecomp.pictures.orientation import decoded_orientation, exif_orientation, turn_decoded
from infodecomp.pictures.rgb import as_rgb
from infodecomp.runs.errors import InputError

Fit = Literal["squeeze", "letterbox", "crop"]
FITS: tuple[str, ...] = ("squeeze", "letterbox", "crop")

_CHANNELS = (1, 3, 4)
_SHAPES = (
    "allowed are arrays (height, width), (height, width, 1), (height, width, 3) and (height, width, 4), and tensors "
    "(3, height, width)"
)


@dataclass(frozen=True)
class FittedPicture:
    """A picture of the model's size: RGB; and how it became so, as plain values."""

    image: Image.Image
    fit: dict[str, Any]

    @property
    def pixels(self) -> np.ndarray:
        """uint8 (H, W, 3)."""
        return np.asarray(self.image)

    @property
    def image_id(self) -> str:
        """A name that its pixels alone determine, so that a picture has the same draws wherever it comes from."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()[:16]


def fitted_picture(image: Any, side: int, fit: Fit = "squeeze") -> FittedPicture:
    """A picture of any kind, turned upright and brought to side × side pixels.

    image: a path; a PIL image of any mode; an array or tensor, uint8 0 … 255 or floats 0 … 1, channels last (array) or first
    (tensor). fit: "squeeze" changes the aspect ratio, "letterbox" adds grey bars, "crop" takes the central square.
    Raises InputError for anything else.
    """
    if fit not in FITS:
        raise InputError(f"fit is {fit!r}; allowed are {', '.join(FITS)}.")
    rgb, stated = _upright_rgb(image)
    box = _central_square(rgb) if fit == "crop" else (0, 0, rgb.width, rgb.height)
    fitted = fit_image(rgb.crop(box), (side, side), "letterbox" if fit == "letterbox" else "squeeze")
    made = {
        "mode": fit,
        "size": [rgb.width, rgb.height],
        "box": list(box),
        "model": [side, side],
        "orientation": stated,
    }
    return FittedPicture(fitted, made)


def _central_square(image: Image.Image) -> tuple[int, int, int, int]:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return left, top, left + side, top + side


def _upright_rgb(image: Any) -> tuple[Image.Image, int]:
    """A picture as RGB, and the orientation that was stated."""
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        with opened(path) as file:
            return _upright(file, path)
    if isinstance(image, Image.Image):
        if not image.width or not image.height:
            raise InputError(f"the image is {image.width} x {image.height} pixels; expected at least one pixel.")
        return _upright(image, Path("the image"))
    if hasattr(image, "detach"):
        return _of_array(_of_tensor(image)), 1
    if isinstance(image, np.ndarray):
        return _of_array(image), 1
    raise InputError(
        f"the image is a {type(image).__name__}; allowed are a path, a PIL image, a NumPy array and a torch tensor; for "
        "several images, explainer.map(images, captions)."
    )


def _upright(image: Image.Image, path: Path) -> tuple[Image.Image, int]:
    stated, by_decoder = exif_orientation(image), decoded_orientation(image)
    return turn_decoded(as_rgb(image, path), by_decoder, stated), stated


def _of_tensor(tensor: Any) -> np.ndarray:
    """A tensor (3, H, W), (1, 3, H, W) or (H, W) as an array, channels last."""
    if tensor.is_floating_point():
        tensor = tensor.float()
    values = np.asarray(tensor.detach().cpu().numpy())
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 4:
        raise InputError(
            f"the image is a tensor of shape {values.shape}: {len(values)} images; use explainer.map(images, captions)."
        )
    if values.ndim == 3 and values.shape[0] in _CHANNELS:
        return values.transpose(1, 2, 0)
    if values.ndim == 2:
        return values
    raise InputError(f"the image is a tensor of shape {values.shape}; {_SHAPES}.")


def _of_array(values: np.ndarray) -> Image.Image:
    """An array, channels last, as RGB; transparent pixels are put on white."""
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in _CHANNELS) or 0 in values.shape:
        turned = values.ndim == 3 and values.shape[0] in _CHANNELS
        hint = "; its channels come first: pass image.transpose(1, 2, 0)" if turned else ""
        raise InputError(f"the image is an array of shape {values.shape}; {_SHAPES}{hint}.")
    levels = _eight_bits(values)
    if levels.ndim == 3 and levels.shape[2] == 1:
        levels = levels[:, :, 0]
    return as_rgb(Image.fromarray(np.ascontiguousarray(levels)), Path("the image"))


def _eight_bits(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return np.where(values, 255, 0).astype(np.uint8)
    if values.dtype.kind != "f":
        raise InputError(
            f"the image is an array of {values.dtype}; allowed are uint8, 0 to 255, and floats, 0 to 1: convert it by "
            "image.astype('uint8') if its values fit."
        )
    if not np.isfinite(values).all():
        raise InputError("the image has values that are not finite (NaN or infinite); allowed are floats from 0 to 1.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        remedy = "(image + 1) / 2" if high <= 1 else "image / 255"
        raise InputError(
            f"the image has floats from {low:.4g} to {high:.4g}; allowed are 0, black, to 1, white: pass {remedy}, or what "
            "brings it into that range."
        )
    return np.rint(values * 255).astype(np.uint8)
