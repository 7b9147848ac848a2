"""Mask images as people have them: which pixels are the object, and what had to be assumed to say so.

Non-zero pixels are the object where a file has two values, one of them 0. Other files are read by the one sensible rule:
soft edges and compressed files at half of their range, cut-outs by their alpha channel, palettes by colour or by index,
label images as the union of their labels. Whatever is not plain from the file is put into words, for the log.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from infodecomp.pictures.orientation import AS_STORED, exif_orientation, load_turned
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

# Formats that usually change pixels at edges.
_LOSSY = {"JPEG", "MPO", "WEBP", "AVIF", "JPEG2000"}
# A compressed file in 8 bits that varies by less holds one value.
_NOISE = 32
# By how much the channels of a compressed grey pixel may differ.
_CHROMA_NOISE = 24
# A label image has at most this many colours; a photograph has more.
_MOST_LABELS = 256
# Of a label image with more values than this, they are numbered from 0, or have 16 bits.
_FEW_LABELS = 16
# A photograph has hardly a pixel that is black in all channels.
_BLACK_GROUND = 0.2
# Labels that differ from 255 by this much leave 255 for pixels of no label, as in Pascal VOC and Cityscapes.
_VOID, _BELOW_VOID = 255, 64
_VOC_VOID = (224, 224, 192)


class MaskReading(NamedTuple):
    """A mask, (H, W) bool, True = object; what was assumed to read it, "" if nothing; whether it is made of filled boxes."""

    mask: np.ndarray
    assumed: str = ""
    boxed: bool = False


def read_mask_image(path: Path, value: str = "", *, as_stored: bool = False) -> MaskReading:
    """Read a mask image.

    Args:
        path: of the image.
        value: the object's value where a file has several: a number, an index of a palette, or a colour `#rrggbb`; 0 for a
            mask that is black on white. Empty: all that is not background.
        as_stored: leave out the orientation that EXIF names.

    Raises:
        InputError: the file is missing, unreadable, a photograph, or has no pixel of that value.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a mask image.")
    try:
        with Image.open(checked(path)) as opened:
            lossy = opened.format in _LOSSY
            image = load_turned(opened, AS_STORED if as_stored else exif_orientation(opened))
            reading = _chosen(image, value, lossy) if value else _object(image, lossy)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: this mask cannot be read ({error}).") from error
    if not value and _looks_inverted(reading.mask):
        told = (
            f"its light part, {reading.mask.mean():.0%} of the picture and all of its edge, is taken as the object; if the "
            "object is the dark part, set `mask_value` to 0"
        )
        reading = reading._replace(assumed="; ".join(filter(None, (reading.assumed, told))))
    return reading


def whole_or_empty(mask: np.ndarray) -> str:
    """A sentence about a mask that marks nothing or everything; "" for any other."""
    if not mask.any():
        return "the mask is black all over and marks no object; redraw it, or leave its cell empty."
    if mask.all():
        return "the mask is white all over and marks the whole picture; redraw it, or leave its cell empty."
    return ""


def _object(image: Image.Image, lossy: bool) -> MaskReading:
    alpha = _alpha(image)
    if alpha is not None and 0 < np.count_nonzero(alpha > 127) < alpha.size:
        return _cut_out(image, alpha > 127)
    if image.mode in ("P", "PA"):
        return _of_palette(image)
    if len(image.getbands()) > 2:
        return _of_colours(np.asarray(image.convert("RGB")), lossy)
    levels = image if image.mode in ("1", "L", "F") or image.mode.startswith("I") else image.convert("L")
    return _of_levels(np.asarray(levels), lossy)


def _alpha(image: Image.Image) -> np.ndarray | None:
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def _cut_out(image: Image.Image, opaque: np.ndarray) -> MaskReading:
    """The opaque part, and of a black and white mask with transparent surroundings the white in it."""
    grey = np.asarray(image.convert("RGBA").convert("RGB"))[opaque]
    values = np.unique(grey)
    if len(values) == 2 and (grey.min(axis=1) == grey.max(axis=1)).all() and values[1] - values[0] > 127:
        light = np.asarray(image.convert("RGBA").convert("L")) > values[0]
        return MaskReading(opaque & light, "its white and opaque pixels are taken as the object")
    return MaskReading(opaque, "its alpha channel is taken as the mask: the opaque part is the object")


def _of_palette(image: Image.Image) -> MaskReading:
    indices = np.asarray(image)[..., 0] if image.mode == "PA" else np.asarray(image)
    used = np.unique(indices)
    listed = np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    colours = np.vstack([listed, np.zeros((256 - len(listed), 3), dtype=np.uint8)])[used]
    grey = (colours == colours[:, :1]).all()
    if grey and len(np.unique(colours[:, 0])) > 1:
        return _of_levels(np.asarray(image.convert("L")), lossy=False)
    if 0 not in used:
        return _of_colours(np.asarray(image.convert("RGB")), lossy=False)
    labels = [int(index) for index in used if index]
    if _VOID in labels and tuple(colours[-1]) == _VOC_VOID and len(labels) > 1:
        labels.remove(_VOID)
        return MaskReading(np.isin(indices, labels), _union(labels, "indices") or _WITHOUT_VOID)
    return MaskReading(indices != 0, _union(labels, "indices"))


def _of_colours(pixels: np.ndarray, lossy: bool) -> MaskReading:
    """Of pixels (H, W, 3): grey ones by their value, coloured ones against black."""
    spread = int(np.ptp(pixels, axis=-1).max())
    if spread <= (_CHROMA_NOISE if lossy else 0):
        return _of_levels(pixels[..., 1], lossy)
    brightness = pixels.max(axis=-1)
    if lossy:
        if np.mean((brightness > 64) & (brightness < 192)) > 0.1:
            raise InputError(f"this is a photograph, not a mask; {_EXPECTED}.")
        return _of_levels(brightness, lossy)
    codes = pixels.astype(np.int64) @ np.array([65536, 256, 1])
    colours = np.unique(codes)
    if len(colours) > _MOST_LABELS and np.mean(codes == 0) > _BLACK_GROUND:
        return MaskReading(codes != 0, "it is a cut-out on black: all that is not black is taken as the object")
    if len(colours) > _MOST_LABELS and _is_picture(brightness):
        raise InputError(f"this is a picture of {len(colours)} colours, not a mask; {_EXPECTED}.")
    if colours[0] == 0:
        if len(colours) == 2 or _has_labels(codes):
            return MaskReading(codes != 0, _union([f"#{code:06x}" for code in colours[1:]], "colours"))
        return _of_levels(brightness, lossy)
    names = ", ".join(f"#{code:06x}" for code in colours[:5])
    if len(colours) > 2:
        raise InputError(f"it has the colours {names} and no black background; name the object's as `mask_value`.")
    light = _luminance(pixels)
    return MaskReading(light > light.min(), f"of its colours {names} the lighter is taken as the object")


def _of_levels(levels: np.ndarray, lossy: bool) -> MaskReading:
    """Of one number a pixel, (H, W)."""
    if levels.dtype.kind == "f" and not np.isfinite(levels).all():
        raise InputError("this mask has values that are not finite; save it as black and white.")
    if levels.dtype == bool:
        return MaskReading(levels.copy())
    values = np.unique(levels)
    low, high = values[0].item(), values[-1].item()
    middle = (low + high) / 2
    if len(values) == 2 and low == 0:
        return MaskReading(levels != 0)
    if lossy and high - low < _NOISE:
        return MaskReading(np.full(levels.shape, middle > 127))
    if lossy and len(values) > 2:
        return MaskReading(
            levels > middle, f"it is compressed, which blurs edges: values above {middle:g} are the object"
        )
    if len(values) <= 2:
        assumed = (
            f"it has the values {low:g} and {high:g} and no 0: the larger is the object" if low and low != high else ""
        )
        return MaskReading(levels > low if low != high else levels != 0, assumed)
    if not _has_labels(levels):
        return MaskReading(levels > middle, "its edges are soft: values above half of its range are the object")
    labels = [value.item() for value in values if value]
    if len(labels) == len(values):
        raise InputError(f"it has the values {_first(labels)} and no 0; name the object's as `mask_value`.")
    if labels[-1] == _VOID and len(labels) > 1 and labels[-2] < _BELOW_VOID:
        return MaskReading((levels != 0) & (levels != _VOID), _union(labels[:-1], "values") or _WITHOUT_VOID)
    return MaskReading(levels != 0, _union(labels, "values"))


_WITHOUT_VOID = "pixels of the label 255 are left out, which marks pixels of no label"
_EXPECTED = "expected an image that is black outside the object, or a cut-out with an alpha channel"


def _union(labels: list[int] | list[float] | list[str], kind: str) -> str:
    if len(labels) < 2:
        return ""
    return (
        f"it has the {kind} {_first(labels)}, as of classes or instances: all of them are taken as the object; `mask_value` "
        "picks one"
    )


def _first(labels: list[int] | list[float] | list[str]) -> str:
    return ", ".join(map(str, labels[:5])) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")


def _has_labels(levels: np.ndarray) -> bool:
    """Whether values between the extremes are areas with sharp borders, as labels are, and not the slopes of soft edges."""
    count, highest = len(np.unique(levels)), levels.max()
    if count > _MOST_LABELS or (count > _FEW_LABELS and 2 * count < highest <= 255):
        return False
    numbers = levels.astype(np.float64)
    between = (levels != levels.min()) & (levels != levels.max())
    across, down = np.abs(np.diff(numbers, axis=1)), np.abs(np.diff(numbers, axis=0))
    inner = np.ones(levels.shape, dtype=bool)
    inner[:, 1:] &= across == 0
    inner[:, :-1] &= across == 0
    inner[1:] &= down == 0
    inner[:-1] &= down == 0
    steps = np.concatenate([across[across > 0], down[down > 0]])
    return bool(inner[between].mean() > 0.5 and steps.mean() > 0.05 * np.ptp(numbers))


def _is_picture(brightness: np.ndarray) -> bool:
    """Whether much of an image is neither dark nor light."""
    return bool(np.mean((brightness > 64) & (brightness < 192)) > 0.1)


def _looks_inverted(mask: np.ndarray) -> bool:
    """Whether the object is everything but a part that stays away from the edge."""
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return bool(edge.mean() > 0.95 and 0.5 < mask.mean() < 1)


def _luminance(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def _chosen(image: Image.Image, value: str, lossy: bool) -> MaskReading:
    """The pixels of one value; of two-valued masks with soft edges those closer to it."""
    if value.startswith("#"):
        try:
            wanted = int(value[1:], 16)
        except ValueError:
            raise InputError(f"`mask_value` is {value!r}; expected a number, or a colour such as #ff0000.") from None
        levels = np.asarray(image.convert("RGB")).astype(np.int64) @ np.array([65536, 256, 1])
    else:
        try:
            wanted = float(value)  # type: ignore[assignment]
        except ValueError:
            raise InputError(f"`mask_value` is {value!r}; expected a number, or a colour such as #ff0000.") from None
        plain = image.mode in ("L", "P", "F") or image.mode.startswith("I")
        levels = np.asarray(image if plain else image.convert("L"))
    several = len(np.unique(levels)) > 2
    if not value.startswith("#") and (lossy or (several and not _has_labels(levels))):
        middle = (levels.min().item() + levels.max().item()) / 2
        return MaskReading(levels > middle if wanted > middle else levels <= middle)
    mask = levels == wanted
    if not mask.any():
        found = [f"#{number:06x}" if value.startswith("#") else f"{number:g}" for number in np.unique(levels).tolist()]
        raise InputError(f"`mask_value` is {value}, but the file has the values {_first(found)}.")
    return MaskReading(mask)
