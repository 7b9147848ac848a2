"""The outline of one annotation in COCO's layout: polygons and RLE as export tools write them, and boxes if asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as rle

from infodecomp.datasets.mask_files import MaskReading
from infodecomp.runs.errors import InputError

# Pixels by which outlines may leave their picture without a word: tools round.
_ROUNDING = 2


def annotation_mask(annotation: Mapping[str, Any], size: tuple[int, int], *, boxes: bool = False) -> MaskReading:
    """The mask of an annotation.

    Args:
        annotation: with `segmentation`: a list of polygons [x, y, x, y, …], one such polygon, one as a list of points, RLE
            {size, counts}, compressed or not, or a list of RLE; or without, and with `bbox`: [x, y, width, height].
        size: (height, width) of its picture.
        boxes: fill the box of an annotation without an outline.

    Raises:
        InputError: there is no outline, or it cannot be read.
    """
    try:
        reading = _mask(annotation, size, boxes)
    except InputError as error:
        raise InputError(f"annotation {annotation.get('id')}: {error}") from error
    return reading


def outline_reach(annotation: Mapping[str, Any]) -> tuple[float, float]:
    """The largest y and x of an annotation's polygons and box; 0 where it has none that can be read."""
    outline, box = annotation.get("segmentation"), annotation.get("bbox")
    try:
        polygons = _polygons(outline)[0] if isinstance(outline, list) else []
    except InputError:
        polygons = []
    xs = [x for polygon in polygons for x in polygon[::2]]
    ys = [y for polygon in polygons for y in polygon[1::2]]
    if isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box):
        xs, ys = [*xs, box[0] + box[2]], [*ys, box[1] + box[3]]
    return max(ys, default=0), max(xs, default=0)


def rle_size(annotation: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width that an annotation's RLE is for; None without one that can be read."""
    outline = annotation.get("segmentation")
    size = outline.get("size") if isinstance(outline, Mapping) else None
    if isinstance(size, list | tuple) and len(size) == 2 and all(_is_number(side) and side >= 1 for side in size):
        return int(size[0]), int(size[1])
    return None


def _mask(annotation: Mapping[str, Any], size: tuple[int, int], boxes: bool) -> MaskReading:
    outline = annotation.get("segmentation")
    if isinstance(outline, Mapping) and outline:
        return MaskReading(_of_rle(outline, size))
    if isinstance(outline, list) and outline and all(isinstance(part, Mapping) and part for part in outline):
        return MaskReading(np.logical_or.reduce([_of_rle(part, size) for part in outline]))
    if outline and not isinstance(outline, list):
        raise InputError(f"its `segmentation` is {_shown(outline)}; expected polygons or RLE.")
    polygons, assumed = _polygons(outline or [])
    if not polygons:
        return _of_box(annotation, outline, size, boxes)
    points = np.concatenate([np.asarray(polygon, dtype=np.float64).reshape(-1, 2) for polygon in polygons])
    if min(size) > 1 and points.min() >= 0 and points.max() <= 1:
        raise InputError("the coordinates of its `segmentation` lie between 0 and 1; expected pixels.")
    outside = max(-points.min(), points[:, 0].max() - size[1], points[:, 1].max() - size[0])
    if outside > _ROUNDING:
        assumed = "its outline leaves the picture and is cut at the edge"
    return MaskReading(rle.decode(rle.merge(rle.frPyObjects(polygons, *size))) != 0, assumed)


def _polygons(outline: Sequence[Any]) -> tuple[list[list[float]], str]:
    """Polygons as flat lists of coordinates, and what was assumed; parts without an area are left out."""
    if all(_is_number(value) for value in outline):
        return ([_polygon(outline)], "its `segmentation` is one flat list, a polygon") if len(outline) > 4 else ([], "")
    if all(_is_point(part) for part in outline):
        if len(outline) < 3:
            return [], ""
        return [_polygon([value for point in outline for value in point])], "its `segmentation` is a list of points"
    polygons, assumed = [], ""
    for part in outline:
        if not isinstance(part, list):
            raise InputError(f"its `segmentation` holds {_shown(part)}; expected polygons or RLE.")
        if part and all(_is_point(point) for point in part):
            part, assumed = [value for point in part for value in point], "its polygons are lists of points"
        if len(part) > 4:
            polygons.append(_polygon(part))
        elif not all(_is_number(value) for value in part):
            raise InputError(f"its `segmentation` holds {_shown(part)}; expected polygons or RLE.")
    return polygons, assumed


def _polygon(values: Sequence[Any]) -> list[float]:
    bad = [value for value in values if not _is_number(value)]
    if bad:
        raise InputError(f"a polygon holds {_shown(bad[0])}; expected numbers.")
    if len(values) % 2:
        raise InputError(f"a polygon has {len(values)} numbers; expected pairs of x and y.")
    return [float(value) for value in values]


def _of_box(annotation: Mapping[str, Any], outline: Any, size: tuple[int, int], boxes: bool) -> MaskReading:
    found = f"its `segmentation` is {_shown(outline)}" if "segmentation" in annotation else "it has no `segmentation`"
    box = annotation.get("bbox")
    if not box:  # four numbers in the place of polygons are a box
        flat = (
            outline[0] if isinstance(outline, list) and len(outline) == 1 and isinstance(outline[0], list) else outline
        )
        box = flat if isinstance(flat, list) and len(flat) == 4 else None
    if not box:
        raise InputError(f"{found}, without an outline, and it has no `bbox`.")
    if not boxes:
        raise InputError(f"{found}, a box without an outline (`boxes: mask` in the dataset's section fills it).")
    if not (isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box)):
        raise InputError(f"its `bbox` is {_shown(box)}; expected x, y, width, height in pixels.")
    left, top, width, height = box
    if min(size) > 1 and max(width, height) > 0 and max(left, top, width, height) <= 1:
        raise InputError("its `bbox` lies between 0 and 1; expected pixels.")
    mask = np.zeros(size, dtype=bool)
    rows, columns = (
        slice(max(round(low), 0), max(round(low + length), 0)) for low, length in ((top, height), (left, width))
    )
    mask[rows, columns] = True
    return MaskReading(mask, "its box is filled as its mask, because `boxes` is `mask`", boxed=True)


def _span(start: float, length: float) -> slice:
    return slice(max(round(start), 0), max(round(start + length), 0))


def _of_rle(outline: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Every count is checked: pycocotools writes beyond the mask where they are wrong."""
    found, counts = outline.get("size"), outline.get("counts")
    if not (isinstance(found, list | tuple) and len(found) == 2 and all(_is_number(side) for side in found)):
        raise InputError(f"the `size` of its RLE is {_shown(found)}; expected [height, width].")
    if tuple(found) != size:
        theirs, ours = f"{found[1]:g} x {found[0]:g}", f"{size[1]} x {size[0]}"
        raise InputError(f"its RLE is for {theirs} pixels (width x height), its picture has {ours}.")
    if isinstance(counts, str | bytes):
        counts = _lengths(counts if isinstance(counts, bytes) else counts.encode("ascii", "replace"))
    if not isinstance(counts, list) or not all(
        _is_number(count) and count >= 0 and count == count // 1 for count in counts
    ):
        raise InputError(f"the `counts` of its RLE are {_shown(counts)}; expected lengths of runs.")
    lengths = np.array(counts, dtype=np.int64)
    if int(lengths.sum()) != size[0] * size[1]:
        raise InputError(
            f"the `counts` of its RLE cover {int(lengths.sum())} pixels, its picture has {size[0] * size[1]}."
        )
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(size, order="F")


def _lengths(text: bytes) -> list[int]:
    """Lengths of runs from COCO's compressed text: 5 bits a character, and each from the third on relative to the one before
    the last. InputError for any other text.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = character - 48
        if not 0 <= bits < 64:
            raise InputError("the `counts` of its RLE are no text of runs as COCO writes it.")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (1 << shift) if bits & 16 else 0
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise InputError("the `counts` of its RLE end within a number.")
    return counts


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_point(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 2 and all(_is_number(value) for value in part)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
