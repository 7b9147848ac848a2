"""The mask of a case: the pixels of its object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pycocotools.coco import COCO

from infodecomp.config import DatasetSource
from infodecomp.datasets.annotations import open_instances
from infodecomp.datasets.folders import dataset_root, image_folder, instances_file
from infodecomp.datasets.ids import one_id
from infodecomp.datasets.mask_files import MaskReading, read_mask_image
from infodecomp.datasets.segmentations import annotation_mask
from infodecomp.pictures.images import image_size
from infodecomp.runs.errors import InputError

__all__ = ["Crowd", "MaskSource", "load_mask", "open_instances", "read_mask_file"]

Crowd = Literal["include", "exclude"]

# "file:<path>", or "file[<value>]:<path>" for the pixels of one value.
_FILE = re.compile(r"file(?:\[(?P<value>[^\]]*)\])?:(?P<path>.*)", re.DOTALL)

Size = tuple[int, int]


@dataclass(frozen=True)
class MaskSource:
    """Where the masks of a dataset come from.

    root: the folder of mask files. images: that of the pictures, whose sizes count where annotations name none. boxes:
    fill the box of an annotation without an outline. as_stored: mask files are read without their orientation.
    """

    root: Path
    images: Path
    instances: COCO | None
    crowd: Crowd = "include"
    boxes: bool = False
    as_stored: bool = False

    @classmethod
    def of(cls, dataset: DatasetSource, instances: COCO | None = None) -> MaskSource:
        """Of a dataset, whose annotations are opened unless they are given; InputError if they cannot be read."""
        file = instances_file(dataset)
        if instances is None and file is not None:
            instances = open_instances(file)
        return cls(
            root=dataset_root(dataset),
            images=image_folder(dataset),
            instances=instances,
            crowd=dataset.crowd,
            boxes=dataset.boxes == "mask",
            as_stored=dataset.orientation == "ignore",
        )

    def read(self, case: Mapping[str, Any]) -> MaskReading:
        """The mask of a case (a row of the cases table) at its image's size: (H, W) bool, True = object.

        "coco:<category id>" is the union of all annotations of the category in the image, with or without crowd regions:
        without them it may be empty. "file:<path>" is read below `root`; "file[<value>]:<path>" is the part of it that has
        that value. Raises InputError if the case has no mask or its source cannot be read.
        """
        source = str(case["mask"])
        file = _FILE.fullmatch(source)
        if file:
            return read_mask_image(self.root / file["path"], file["value"] or "", as_stored=self.as_stored)
        if source.startswith("coco:") and self.instances is not None:
            return self._of_category(self.instances, case, source.removeprefix("coco:"))
        raise InputError(f"case {case['case_id']}: no mask can be made from {case['mask']!r}.")

    def _of_category(self, instances: COCO, case: Mapping[str, Any], category: str) -> MaskReading:
        key = one_id(str(case["image_id"]))
        if key not in instances.imgs:
            raise InputError(f"the annotations have no image {case['image_id']}.")
        size = annotated_size(instances.imgs[key])
        if size is None:
            size = image_size(self.images / str(case["image_path"]), int(case["orientation"]))
        mask, assumed, boxed = np.zeros(size, dtype=bool), "", False
        for annotation in instances.imgToAnns.get(key, []):
            crowded = self.crowd == "exclude" and annotation.get("iscrowd", 0)
            if annotation["category_id"] != one_id(category) or crowded:
                continue
            one = annotation_mask(annotation, size, boxes=self.boxes)
            mask |= one.mask
            assumed, boxed = assumed or one.assumed, boxed or one.boxed
        return MaskReading(mask, assumed, boxed)


def load_mask(case: Mapping[str, Any], instances: COCO | None, root: Path, crowd: Crowd = "include") -> np.ndarray:
    """The mask of a case, (H, W) bool, as `MaskSource.read` makes it; pictures without a size lie in `root`."""
    return MaskSource(root, root, instances, crowd).read(case).mask


def read_mask_file(path: Path) -> np.ndarray:
    """A mask image as (H, W) bool, as `mask_files.read_mask_image` reads it without a value."""
    return read_mask_image(path).mask


def mask_cell(path: str, value: str = "") -> str:
    """What a cases table says of a mask file, of which `value` names the object's pixels if not empty."""
    return f"file[{value}]:{path}" if value else f"file:{path}"


def annotated_size(image: Mapping[str, Any]) -> Size | None:
    """Height and width that annotations name for an image; None if they lack one, or it is 0, null or no number."""
    sides = []
    for name in ("height", "width"):
        try:
            side = float(image.get(name) or 0)
        except (TypeError, ValueError):
            return None
        if side < 1 or side != side // 1:
            return None
        sides.append(int(side))
    return sides[0], sides[1]
