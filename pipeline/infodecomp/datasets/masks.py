"""The mask of a case: the pixels of its object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pycocotools.coco import COCO

from infodecomp.datasets.annotations import open_instances
from infodecomp.datasets.ids import Id, one_id
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

__all__ = ["Crowd", "load_mask", "open_instances", "read_mask_file"]

Crowd = Literal["include", "exclude"]


def load_mask(case: Mapping[str, Any], instances: COCO | None, root: Path, crowd: Crowd = "include") -> np.ndarray:
    """The mask of a case (a row of the cases table) at its image's size: (H, W) bool, True = object.

    "coco:<category id>" is the union of all annotations of the category in the image (polygons, compressed and
    uncompressed RLE), with or without crowd regions: without them it may be empty. "file:<path>" is read below
    `root`, non-zero = object. Raises InputError if the case has no mask or its source cannot be read.
    """
    kind, _, source = str(case["mask"]).partition(":")
    if kind == "file":
        return read_mask_file(root / source)
    if kind == "coco" and instances is not None:
        return _category_mask(instances, one_id(str(case["image_id"])), one_id(source), crowd)
    raise InputError(f"case {case['case_id']}: no mask can be made from {case['mask']!r}.")


def read_mask_file(path: Path) -> np.ndarray:
    """A mask image as (H, W) bool: True where any channel, transparency aside, or the palette index is not zero."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a mask image.")
    try:
        with Image.open(checked(path)) as image:
            image.load()
            bands = image.getbands()
            pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: this mask cannot be read ({error}).") from error
    pixels = pixels.reshape(*pixels.shape[:2], len(bands))
    return np.any(pixels[..., [band != "A" for band in bands]] != 0, axis=-1)


def _category_mask(instances: COCO, image_id: Id | None, category_id: Id | None, crowd: Crowd) -> np.ndarray:
    image = instances.imgs.get(image_id)
    if image is None:
        raise InputError(f"the annotations have no image {image_id}.")
    mask = np.zeros((image["height"], image["width"]), dtype=bool)
    for annotation in instances.imgToAnns.get(image_id, []):
        if annotation["category_id"] != category_id or (crowd == "exclude" and annotation.get("iscrowd", 0)):
            continue
        mask |= _annotation_mask(instances, annotation, mask.shape)
    return mask


def _annotation_mask(instances: COCO, annotation: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """One annotation as (H, W) bool; InputError if its segmentation is malformed or of another size."""
    try:
        mask = instances.annToMask(annotation) != 0
    except Exception as error:  # pycocotools' compiled code raises bare Exception for a segmentation it cannot read
        raise InputError(f"annotation {annotation['id']}: its segmentation cannot be read ({error}).") from error
    if mask.shape != shape:
        raise InputError(f"annotation {annotation['id']}: its mask has the size {mask.shape}, its image {shape}.")
    return mask
