"""The retrieval cases table: ids, frozen options, ties, lost images, boxes, and what a bad table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infodecomp.datasets.retrieval_cases import (
    RETRIEVAL_CASE_COLUMNS,
    RetrievalCase,
    make_retrieval_case,
    mark_lost_images,
    read_retrieval_cases,
    retrieval_cases_table,
    ties,
    write_retrieval_cases,
)
from infodecomp.pictures.images import crop_image, image_size, load_image
from infodecomp.runs.assumptions import Assumptions
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_table

OPTIONS = ("a cat left of a dog", "a dog left of a cat")


def case(**changes: object) -> RetrievalCase:
    return make_retrieval_case(
        **{"dataset": "mine", "image_path": "a.png", "options": OPTIONS, "truth": 1, "group": "left of"} | changes
    )


def test_a_case_carries_its_options_and_truth() -> None:
    made = case(crop="1,2,3,4", text_sha256="ab", tagger="scenes 1")
    assert (made["image_id"], made["image_path"], made["crop"]) == ("a.png@1,2,3,4", "a.png", "1,2,3,4")
    assert (made["options"], made["truth"], made["caption"]) == (OPTIONS, 1, "a dog left of a cat")
    assert (made["status"], made["reason"]) == ("ok", "")
    assert len(made["case_id"]) == 16 and int(made["case_id"], 16) >= 0
    assert case()["image_id"] == "a.png"


def test_an_id_follows_from_what_is_scored_alone() -> None:
    same = case(dataset="other", group="near", text_sha256="ff", tagger="t", caption="A dog left of a cat")
    assert same["case_id"] == case()["case_id"]
    others = [
        case(image_path="b.png"),
        case(crop="0,0,2,2"),
        case(options=OPTIONS[::-1]),
        case(truth=0),
        case(options=(*OPTIONS, "a bed")),
    ]
    assert len({case()["case_id"], *(other["case_id"] for other in others)}) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth": 2}, "the options are without a truth: its index is 2; expected 0 to 1"),
        ({"truth": -1}, "without a truth: its index is -1"),
        ({"options": ("a dog",), "truth": 0}, "the case has 1 options; expected the true caption and at least one"),
        ({"options": (), "truth": 0}, "the case has 0 options"),
        ({"options": ("a dog", " ")}, "option 1 is an empty caption"),
    ],
)
def test_bad_options_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        case(**changes)


def test_ties_are_false_options_that_read_as_the_true_one() -> None:
    assert ties(OPTIONS, 1) == 0
    assert ties(["a dog", "a dog", "dog a", "a dog", "dog a"], 0) == 2
    assert ties(["a dog", "a dog", "dog a"], 2) == 0


def test_repeated_cases_all_count_under_their_own_ids() -> None:
    frame = retrieval_cases_table([case(), case(truth=0), case(), case()])
    assert frame["position"].tolist() == [0, 1, 2, 3]
    assert frame["case_id"].nunique() == 4
    assert frame["case_id"][0] == case()["case_id"]
    assert frame["case_id"][:3].tolist() == retrieval_cases_table([case(), case(truth=0), case()])["case_id"].tolist()


def test_a_table_returns_as_written_with_options_nobody_can_change(tmp_path: Path) -> None:
    path = tmp_path / "cases.parquet"
    frame = retrieval_cases_table([case(), case(options=("café", "kat", "hond"), truth=2, caption="Hond!")])
    write_retrieval_cases(path, frame)
    read = read_retrieval_cases(path)
    assert list(read.columns) == list(RETRIEVAL_CASE_COLUMNS)
    assert read["options"].tolist() == [OPTIONS, ("café", "kat", "hond")]
    assert read["caption"].tolist() == ["a dog left of a cat", "Hond!"]
    pd.testing.assert_frame_equal(read, frame[list(RETRIEVAL_CASE_COLUMNS)], check_dtype=False)
    with pytest.raises(TypeError):
        read["options"][0][0] = "another"


def test_a_table_without_rows_can_be_read(tmp_path: Path) -> None:
    write_retrieval_cases(tmp_path / "cases.parquet", retrieval_cases_table([]))
    assert len(read_retrieval_cases(tmp_path / "cases.parquet")) == 0


def test_a_bad_table_is_told_with_every_row(tmp_path: Path) -> None:
    path = tmp_path / "cases.parquet"
    frame = retrieval_cases_table([case(image_path=f"{k}.png") for k in range(5)])
    frame["options"] = [OPTIONS, (), OPTIONS, ("a", ""), OPTIONS]
    frame["truth"] = [1, 0, 7, 0, 0]
    frame.loc[4, "case_id"] = frame["case_id"][0]
    with pytest.raises(InputError) as refused:
        write_retrieval_cases(path, frame)
    assert not path.exists()
    write_table(path, frame, RETRIEVAL_CASE_COLUMNS)
    with pytest.raises(InputError) as caught:
        read_retrieval_cases(path)
    assert str(caught.value) == str(refused.value)
    assert [line.removeprefix(f"{path}, ") for line in str(caught.value).splitlines()] == [
        "row 1: the case has 0 options; expected the true caption and at least one false one.",
        "row 2: the options are without a truth: its index is 7; expected 0 to 1.",
        "row 3: option 1 is an empty caption; expected text.",
        "row 4: the case_id is already in an earlier row; ids must be unique.",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image of 8 x 4 pixels, each with its own colour, one that EXIF turns, a broken one."""
    pixels = np.arange(96, dtype=np.uint8).reshape(4, 8, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    return tmp_path


def test_lost_images_and_bad_boxes_become_rows_with_a_reason(folder: Path) -> None:
    cases = [
        case(),
        case(image_path="absent.png"),
        case(image_path="broken.jpg"),
        case(crop="0,0,0,4"),
        case(crop="8,0,2,2"),
        case(crop="-3,0,3,4"),
        case(crop="7,3,1,1"),
        case(crop="6,2,50,50"),
        case(crop="one,two"),
        case(image_path="", status="image_missing", reason="told before."),
    ]
    before = retrieval_cases_table(cases)
    frame = mark_lost_images(before, folder)
    assert frame["status"].tolist() == [
        "ok",
        "image_missing",
        "image_unreadable",
        "bad_box",
        "bad_box",
        "bad_box",
        "ok",
        "ok",
        "bad_box",
        "image_missing",
    ]
    assert frame["case_id"].tolist() == before["case_id"].tolist()
    assert "absent.png is missing" in frame["reason"][1] and "broken.jpg" in frame["reason"][2]
    assert frame["reason"][3].startswith("the box 0,0,0,4 (x,y,w,h) has no area")
    assert frame["reason"][4] == "the box 8,0,2,2 (x,y,w,h) lies outside its image of 8 x 4 pixels."
    assert frame["reason"][9] == "told before."
    assert (before["status"] == "ok").sum() == 9


def test_no_image_at_all_is_an_error(folder: Path) -> None:
    frame = retrieval_cases_table([case(image_path="x.png"), case(image_path="y.png")])
    with pytest.raises(InputError, match=r"none of the 2 images exists \(the first is x\.png\)"):
        mark_lost_images(frame, folder)


def test_boxes_of_a_turned_image_count_in_stored_pixels(folder: Path) -> None:
    """A box that fits the stored pixels is right, and one that fits the turned image is not; without a box it is turned."""
    assumptions = Assumptions()
    both = [case(image_path="turned.png", crop="6,0,2,4"), case(image_path="turned.png")]
    turned = mark_lost_images(retrieval_cases_table(both), folder, assumptions)["orientation"].tolist()
    assert turned[0] == 1 and turned[1] in (6, 8)
    said = list(assumptions.lines())
    assert f"EXIF orientation {turned[1]} is not applied, because boxes count" in said[0]
    assert f"EXIF orientation {turned[1]} is applied, as viewers do" in said[1]
    assert image_size(folder / "turned.png") == (4, 8)
    cases = [case(image_path="turned.png", crop="6,0,2,4"), case(image_path="turned.png", crop="0,4,4,4")]
    assert mark_lost_images(retrieval_cases_table(cases), folder)["status"].tolist() == ["ok", "bad_box"]
    image = load_image(folder / "turned.png")
    assert np.array_equal(np.asarray(crop_image(image, "6,0,2,4")), np.asarray(image)[:, 6:])


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [
        ("", slice(0, 4), slice(0, 8)),
        ("0,0,8,4", slice(0, 4), slice(0, 8)),
        ("2,1,3,2", slice(1, 3), slice(2, 5)),
        ("7,3,1,1", slice(3, 4), slice(7, 8)),
        ("6,2,50,50", slice(2, 4), slice(6, 8)),
        ("-2,-1,4,3", slice(0, 2), slice(0, 2)),
    ],
)
def test_crops_are_cut_to_the_image(folder: Path, crop: str, rows: slice, columns: slice) -> None:
    image = load_image(folder / "a.png")
    assert np.array_equal(np.asarray(crop_image(image, crop)), np.asarray(image)[rows, columns])


@pytest.mark.parametrize("crop", ["0,0,0,1", "0,0,1,-1", "8,0,1,1", "0,4,1,1", "-1,0,1,4", "1,2,3", "a,b,c,d"])
def test_boxes_without_a_pixel_are_refused(folder: Path, crop: str) -> None:
    with pytest.raises(InputError, match="the box"):
        crop_image(load_image(folder / "a.png"), crop)
