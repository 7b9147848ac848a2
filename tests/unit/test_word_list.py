"""Word lists: captions by id, masks for categories only, every lost or bad row told."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from pycocotools.coco import COCO

from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.word_list import word_list_cases
from infodecomp.runs.errors import InputError

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"


@pytest.fixture
def opened(tmp_path: Path) -> tuple[COCO, COCO]:
    images = [{"id": n, "file_name": f"{n}.jpg", "height": 2, "width": 2} for n in (1, 2)]
    captions = [(10, 1, "Two dogs run on grass"), (11, 1, "a dog"), (20, 2, "a busy bus")]
    (tmp_path / "instances.json").write_text(
        json.dumps({"images": images, "annotations": [], "categories": [{"id": 18, "name": "dog"}]})
    )
    (tmp_path / "captions.json").write_text(
        json.dumps(
            {
                "images": images,
                "annotations": [{"id": n, "image_id": image, "caption": text} for n, image, text in captions],
            }
        )
    )
    return open_instances(tmp_path / "instances.json"), open_captions(tmp_path / "captions.json")


def write_list(folder: Path, *lines: str) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join(["image_id,caption_id,label,word,word_type", *lines, ""]))
    return path


def test_rows_become_cases_in_order(tmp_path: Path, opened: tuple[COCO, COCO]) -> None:
    path = write_list(tmp_path, "1,10,dog,dogs,", "1,10,two,two,numeral", "1,11,dog,dog,noun")
    cases = word_list_cases("wl", path, *opened)
    assert [(case["prompt_full"], case["prompt_word"], case["mask"], case["word_type"]) for case in cases] == [
        ("Two dogs run on grass", "dogs", "coco:18", "noun"),
        ("Two dogs run on grass", "Two", "", "numeral"),
        ("a dog", "dog", "coco:18", "noun"),
    ]
    assert cases[1]["prompt_context"] == "dogs run on grass"
    assert {case["image_path"] for case in cases} == {"1.jpg"}


def test_lost_rows_keep_their_place_with_a_reason(tmp_path: Path, opened: tuple[COCO, COCO]) -> None:
    path = write_list(tmp_path, "9,10,dog,dogs,", "1,99,dog,dog,", "1,98,dog,dog,", "1,20,bus,bus,", "2,20,us,us,")
    cases = word_list_cases("wl", path, *opened)
    assert [case["status"] for case in cases] == [
        "image_not_in_captions",
        "caption_not_found",
        "caption_not_found",
        "caption_of_another_image",
        "word_not_in_caption",
    ]
    assert all(case["reason"].endswith(".") for case in cases)
    assert "image 9" in cases[0]["reason"] and "caption 99" in cases[1]["reason"]
    assert "belongs to image 2" in cases[3]["reason"]
    assert len({case["case_id"] for case in cases}) == 5


def test_substring_removal_is_passed_on(tmp_path: Path, opened: tuple[COCO, COCO]) -> None:
    path = write_list(tmp_path, "2,20,bus,bus,noun")
    assert word_list_cases("wl", path, *opened, "substring")[0]["prompt_context"] == "a y "


def test_malformed_rows_are_told_together(tmp_path: Path, opened: tuple[COCO, COCO]) -> None:
    path = write_list(tmp_path, "1,10,dog,dogs,", "x,10,dog,dog,", "1,11,dog,,", "1,10", "1,10,dog,dogs,verb")
    with pytest.raises(InputError) as caught:
        word_list_cases("wl", path, *opened)
    assert str(caught.value).splitlines() == [
        f"{path}, line 3: `image_id` is 'x'; expected a whole number.",
        f"{path}, line 4: `word` is empty.",
        f"{path}, line 5: has 2 cells, but the header names 5 columns; a text that holds the separator needs quotes, as in "
        '"a dog, asleep".',
        f"{path}, line 6: the same case as line 2.",
    ]


@pytest.mark.parametrize(("name", "rows", "groups"), [("coco100_it", 100, "label"), ("coco_wl", 70, "word_type")])
def test_the_reference_lists_are_whole(name: str, rows: int, groups: str) -> None:
    frame = pd.read_csv(REFERENCE / f"{name}.csv")
    assert len(frame) == rows
    assert frame[groups].value_counts().tolist() == [10] * (rows // 10)
