"""Outlines of annotations as export tools write them: the right pixels, or one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as rle

from infodecomp.datasets.segmentations import annotation_mask
from infodecomp.runs.errors import InputError

SIZE = (30, 40)
POLYGON = [8.0, 5.0, 20.0, 5.0, 20.0, 17.0, 8.0, 17.0]
POINTS = [[8.0, 5.0], [20.0, 5.0], [20.0, 17.0], [8.0, 17.0]]


def block(rows: slice = slice(5, 17), columns: slice = slice(8, 20)) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    mask[rows, columns] = True
    return mask


def runs(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    return {"size": list(mask.shape), "counts": np.diff([0, *edges, flat.size]).tolist()}


def packed(mask: np.ndarray) -> dict[str, Any]:
    encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


FAR = block(slice(20, 29), slice(30, 39))


@pytest.mark.parametrize(
    ("segmentation", "expected", "assumed"),
    [
        ([POLYGON], block(), ""),
        (POLYGON, block(), "one flat list"),
        (POINTS, block(), "a list of points"),
        ([POINTS], block(), "lists of points"),
        ([POLYGON, [30, 20, 39, 20, 39, 29, 30, 29]], block() | FAR, ""),
        ([POLYGON, [], [1, 2, 3, 4]], block(), ""),
        (runs(block()), block(), ""),
        ({**runs(block()), "counts": [float(count) for count in runs(block())["counts"]]}, block(), ""),
        (packed(block()), block(), ""),
        ({**packed(block()), "counts": packed(block())["counts"].encode()}, block(), ""),
        ([packed(block()), runs(FAR)], block() | FAR, ""),
        ([[8, 5, 60, 5, 60, 17, 8, 17]], block(columns=slice(8, 40)), "leaves the picture and is cut at the edge"),
    ],
)
def test_every_form_of_an_outline(segmentation: Any, expected: np.ndarray, assumed: str) -> None:
    reading = annotation_mask({"id": 3, "segmentation": segmentation, "bbox": [8, 5, 12, 12]}, SIZE)
    assert np.array_equal(reading.mask, expected)
    assert assumed in reading.assumed and bool(assumed) == bool(reading.assumed) and not reading.boxed


def test_packed_runs_are_those_of_pycocotools() -> None:
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5, 0.98):
        mask = rng.random((57, 43)) < share
        assert np.array_equal(annotation_mask({"id": 1, "segmentation": packed(mask)}, mask.shape).mask, mask)
    whole = np.ones((300, 500), dtype=bool)
    assert annotation_mask({"id": 1, "segmentation": packed(whole)}, whole.shape).mask.all()


WITHOUT = [
    *({}, {"segmentation": []}, {"segmentation": None}, {"segmentation": [[]]}, {"segmentation": {}}),
    *({"segmentation": ""}, {"segmentation": [[8, 5, 12, 12]]}, {"segmentation": [8, 5, 12, 12]}),
]


@pytest.mark.parametrize("annotation", WITHOUT, ids=str)
def test_a_box_is_no_outline_unless_boxes_are_asked_for(annotation: dict[str, Any]) -> None:
    boxed = {"id": 3, "bbox": [8.2, 5.0, 11.9, 12.0], **annotation}
    with pytest.raises(
        InputError, match=r"^annotation 3: .*, a box without an outline \(`boxes: mask` .* fills it\)\.$"
    ):
        annotation_mask(boxed, SIZE)
    reading = annotation_mask(boxed, SIZE, boxes=True)
    assert np.array_equal(reading.mask, block()) and reading.boxed and "its box is filled" in reading.assumed


def test_outlines_are_used_where_boxes_are_asked_for_too() -> None:
    reading = annotation_mask({"id": 1, "segmentation": [POLYGON], "bbox": [0, 0, 40, 30]}, SIZE, boxes=True)
    assert np.array_equal(reading.mask, block()) and not reading.boxed


def test_four_numbers_without_a_box_are_the_box() -> None:
    reading = annotation_mask({"id": 1, "segmentation": [[8, 5, 12, 12]]}, SIZE, boxes=True)
    assert np.array_equal(reading.mask, block()) and reading.boxed


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ({"segmentation": []}, "without an outline, and it has no `bbox`"),
        ({"segmentation": [POLYGON[:7]]}, "a polygon has 7 numbers; expected pairs"),
        ({"segmentation": [["8", "5", "20", "5", "20", "17"]]}, "a polygon holds '8'; expected numbers"),
        ({"segmentation": [[8, 5, 20, None, 20, 17]]}, "a polygon holds None"),
        ({"segmentation": [[8, 5, 20, float("nan"), 20, 17]]}, "a polygon holds nan"),
        ({"segmentation": "[[8, 5]]"}, "its `segmentation` is '[[8, 5]]'; expected polygons or RLE"),
        ({"segmentation": [{"x": 8, "y": 5}] * 3}, "the `size` of its RLE is None"),
        ({"segmentation": [[value / 40 for value in POLYGON]]}, "lie between 0 and 1; expected pixels"),
        ({"segmentation": {"counts": [1200]}}, "the `size` of its RLE is None"),
        ({"segmentation": {"size": [40, 30], "counts": [600, 600]}}, "its RLE is for 30 x 40 pixels (width x height)"),
        ({"segmentation": {"size": [30, 40], "counts": [600, 700]}}, "cover 1300 pixels, its picture has 1200"),
        ({"segmentation": {"size": [30, 40], "counts": [600, -2, 602]}}, "expected lengths of runs"),
        ({"segmentation": {"size": [30, 40], "counts": None}}, "expected lengths of runs"),
        ({"segmentation": {"size": [30, 40], "counts": "é"}}, "cover"),
        ({"segmentation": {"size": [30, 40], "counts": "\x01"}}, "no text of runs"),
        ({"segmentation": {"size": [30, 40], "counts": "o"}}, "end within a number"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_one_sentence(annotation: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        annotation_mask({"id": 3, **annotation}, SIZE)
    assert str(caught.value).startswith("annotation 3: ") and said in str(caught.value)


def test_boxes_in_shares_of_the_picture_are_refused() -> None:
    with pytest.raises(InputError, match="its `bbox` lies between 0 and 1; expected pixels"):
        annotation_mask({"id": 1, "bbox": [0.1, 0.2, 0.5, 0.5]}, SIZE, boxes=True)
