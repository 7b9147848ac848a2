"""Masks: polygons, both kinds of RLE, their union, crowd regions, and mask files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from infodecomp.datasets.annotations import open_instances
from infodecomp.datasets.masks import load_mask
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_text

HEIGHT, WIDTH = 6, 8


def block(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[rows, columns] = True
    return mask


def polygon(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    """COCO's uncompressed RLE: lengths of runs down the columns, starting with zeros."""
    flat = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    return {"size": list(mask.shape), "counts": np.diff([0, *edges, flat.size]).tolist()}


def compressed(mask: np.ndarray) -> dict[str, Any]:
    encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def open_objects(folder: Path, *objects: dict[str, Any]) -> COCO:
    data = {
        "images": [{"id": 5, "file_name": "5.jpg", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": n, "image_id": 5, "category_id": 1, **one} for n, one in enumerate(objects, start=1)],
    }
    write_text(folder / "instances.json", json.dumps(data))
    return open_instances(folder / "instances.json")


def case(mask: str = "coco:1", image_id: str = "5") -> dict[str, str]:
    return {"case_id": "0123456789abcdef", "image_id": image_id, "mask": mask}


@pytest.mark.parametrize(
    "segmentation",
    [polygon(2, 1, 5, 4), uncompressed(block(slice(1, 4), slice(2, 5))), compressed(block(slice(1, 4), slice(2, 5)))],
    ids=["polygon", "uncompressed", "compressed"],
)
def test_every_kind_of_segmentation(tmp_path: Path, segmentation: Any) -> None:
    instances = open_objects(tmp_path, {"segmentation": segmentation})
    mask = load_mask(case(), instances, tmp_path)
    assert mask.dtype == bool
    assert np.array_equal(mask, block(slice(1, 4), slice(2, 5)))


def test_a_mask_is_the_union_over_its_category_only(tmp_path: Path) -> None:
    instances = open_objects(
        tmp_path,
        {"segmentation": polygon(0, 0, 2, 2)},
        {"segmentation": polygon(1, 1, 4, 4) + polygon(6, 0, 8, 1)},
        {"segmentation": polygon(0, 5, 8, 6), "category_id": 2},
    )
    expected = block(slice(0, 2), slice(0, 2)) | block(slice(1, 4), slice(1, 4)) | block(slice(0, 1), slice(6, 8))
    assert np.array_equal(load_mask(case(), instances, tmp_path), expected)
    assert np.array_equal(load_mask(case("coco:2"), instances, tmp_path), block(slice(5, 6), slice(0, 8)))


def test_crowd_regions_count_unless_excluded(tmp_path: Path) -> None:
    one, crowd = block(slice(0, 2), slice(0, 2)), block(slice(3, 6), slice(4, 8))
    instances = open_objects(
        tmp_path,
        {"segmentation": polygon(0, 0, 2, 2), "iscrowd": 0},
        {"segmentation": uncompressed(crowd), "iscrowd": 1},
    )
    assert np.array_equal(load_mask(case(), instances, tmp_path), one | crowd)
    assert np.array_equal(load_mask(case(), instances, tmp_path, "exclude"), one)


def test_a_category_without_annotations_gives_an_empty_mask(tmp_path: Path) -> None:
    mask = load_mask(case("coco:2"), open_objects(tmp_path), tmp_path)
    assert mask.shape == (HEIGHT, WIDTH) and not mask.any()


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "RGB", "RGBA"])
def test_mask_files_are_true_where_not_zero(tmp_path: Path, mode: str) -> None:
    expected = block(slice(1, 4), slice(2, 5))
    if mode == "I;16":
        picture = Image.fromarray(expected.astype(np.uint16) * 300)
    elif mode == "P":
        picture = Image.frombytes("P", (WIDTH, HEIGHT), (expected.astype(np.uint8) * 3).tobytes())
        picture.putpalette([9, 9, 9] * 256)
    else:
        picture = Image.fromarray(expected.astype(np.uint8) * 255).convert(mode)
    picture.save(tmp_path / "mask.png")
    assert np.array_equal(load_mask(case("file:mask.png"), None, tmp_path), expected)


def test_bad_sources_are_named(tmp_path: Path) -> None:
    instances = open_objects(tmp_path, {"segmentation": uncompressed(np.ones((2, 2), dtype=bool))})
    (tmp_path / "text.png").write_text("no image")
    for row, message in [
        (case("file:absent.png"), "absent.png: no such file"),
        (case("file:text.png"), "text.png: this mask cannot be read"),
        (case(""), "no mask can be made from ''"),
        (case(image_id="6"), "no image 6"),
        (case(), "annotation 1: its RLE is for 2 x 2 pixels .*, its picture has 8 x 6"),
    ]:
        with pytest.raises(InputError, match=message):
            load_mask(row, instances, tmp_path)
    with pytest.raises(InputError, match="no mask can be made from 'coco:1'"):
        load_mask(case(), None, tmp_path)
