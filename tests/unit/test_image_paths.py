"""Paths as other systems write them, and those that are not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infodecomp.datasets.custom import custom_cases
from infodecomp.datasets.image_paths import find_path, find_paths, leads_out
from infodecomp.datasets.retrieval_cases import make_retrieval_case, mark_lost_images, retrieval_cases_table
from infodecomp.runs.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "images/b.png", "images/Ba\u0308r.JPG", "two/C.png", "two/c.png", "back\\slash.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (6, 4)).save(path, format="PNG")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", "a.png"),
        ("images\\b.png", "images/b.png"),
        (".\\images\\b.png", "images/b.png"),
        ("images/B\u00e4r.JPG", "images/Ba\u0308r.JPG"),  # a Mac's name in a list from a keyboard
        ("Images\\b\u00e4r.jpg", "images/Ba\u0308r.JPG"),
        ("back\\slash.png", "back\\slash.png"),  # a file that is really called so
        ("two/C.png", "two/C.png"),
        ("two/C.PNG", None),  # two files answer
        ("absent.png", None),
        ("images", None),
    ],
)
def test_one_path(folder: Path, name: str, found: str | None) -> None:
    assert find_path(folder, name) == found


def test_a_folder_of_the_tool_before_the_name_is_left_out_where_the_name_is_unique(folder: Path) -> None:
    assert find_paths(folder, ["export\\a.png", "images\\b.png"]) == {
        "export\\a.png": "a.png",
        "images\\b.png": "images/b.png",
    }
    assert find_paths(folder, ["C:\\Users\\me\\a.png"]) == {"C:\\Users\\me\\a.png": "a.png"}
    assert find_paths(folder, ["train/a.png", "val/a.png"]) == {}
    assert find_paths(folder, ["a.png", "val/a.png"]) == {"a.png": "a.png"}


@pytest.mark.parametrize("name", ["../a.png", "..\\a.png", "images\\..\\..\\a.png", "/a.png", "\\\\server\\a.png"])
def test_paths_that_lead_out_are_known_by_either_slash(name: str) -> None:
    assert leads_out(name)


def test_paths_of_a_csv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = np.zeros((4, 6), dtype=np.uint8)
    mask[1:3, 2:5] = 255
    Image.fromarray(mask).save(folder / "images" / "mask.png")
    path = folder / "cases.csv"
    path.write_text(
        "image,caption,word,mask\nimages\\b.png,a dog,dog,images\\mask.png\nexport\\a.png,a cat,cat,\n",
        encoding="utf-8",
    )
    first, second = custom_cases("mine", path, folder)
    assert (first["image_id"], first["image_path"], first["mask"]) == (
        "images/b.png",
        "images/b.png",
        "file:images/mask.png",
    )
    assert second["image_path"] == "a.png"
    told = capsys.readouterr().out
    assert told.count("warning: ") == 1
    assert "there is no 'images\\\\b.png'; 'images/b.png' is read instead, and 1 more likewise." in told


def test_a_mask_is_never_taken_for_another_file(folder: Path) -> None:
    path = folder / "cases.csv"
    path.write_text("image,caption,word,mask\na.png,a dog,dog,masks\\a.png\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2: .*masks\\a\.png: no such file"):
        custom_cases("mine", path, folder)


def test_backslashes_do_not_lead_out_of_the_root(folder: Path) -> None:
    path = folder / "cases.csv"
    path.write_text("image,caption,word\n..\\a.png,a dog,dog\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2: `image` is '\.\..*expected a path below"):
        custom_cases("mine", path, folder / "images")


def test_images_of_a_table_are_corrected_once_and_what_is_not_there_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_retrieval_case(dataset="d", image_path="images\\b.png", options=["a dog", "a cat"], truth=0)
    frame = mark_lost_images(retrieval_cases_table([case]), folder)
    assert (frame["image_path"].item(), frame["status"].item()) == ("images/b.png", "ok")
    assert frame["case_id"].item() == case["case_id"]
    assert capsys.readouterr().out.count("warning: ") == 1
    with pytest.raises(InputError, match=r"none of the 1 images .*; the folder holds 2 other entries, the first is C"):
        mark_lost_images(retrieval_cases_table([case]), folder / "two")
