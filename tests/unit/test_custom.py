"""Your own CSV: the same cases, and every bad row told with its line in one go."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infodecomp.datasets.custom import custom_cases
from infodecomp.runs.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (6, 4)).save(tmp_path / "pictures" / name)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    Image.fromarray(np.eye(4, 6, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    Image.new("L", (9, 9)).save(tmp_path / "large.png")
    return tmp_path


def write_csv(root: Path, text: str, encoding: str = "utf-8") -> Path:
    path = root / "words.csv"
    path.write_bytes(text.encode(encoding))
    return path


def problems(root: Path, text: str) -> list[str]:
    path = write_csv(root, text)
    with pytest.raises(InputError) as caught:
        custom_cases("mine", path, root)
    return [line.removeprefix(f"{path}, ") for line in str(caught.value).splitlines()]


def test_rows_become_cases(root: Path) -> None:
    text = (
        "image,caption,word,mask,label\n"
        "pictures/a.png,A dog on grass,dog,mask.png,pet\n"
        "./pictures/b.png,Zebra by a tree,zebra,,\n"
    )
    first, second = custom_cases("mine", write_csv(root, text), root)
    assert (first["image_id"], first["image_path"]) == ("pictures/a.png", "pictures/a.png")
    assert (first["label"], first["mask"], first["prompt_context"]) == ("pet", "file:mask.png", "A on grass")
    assert (second["image_path"], second["label"], second["mask"]) == ("pictures/b.png", "zebra", "")
    assert (second["prompt_word"], second["prompt_context"]) == ("Zebra", "by a tree")
    assert first["dataset"] == "mine"


def test_byte_order_mark_columns_in_any_order_and_quoted_newlines(root: Path) -> None:
    text = 'word,Image,caption\r\ndog,pictures/a.png,"a dog\non grass, asleep"\r\n\r\ngrass,pictures/a.png,grass\r\n'
    cases = custom_cases("mine", write_csv(root, text, "utf-8-sig"), root)
    assert [case["prompt_full"] for case in cases] == ["a dog\non grass, asleep", "grass"]
    assert cases[0]["prompt_context"] == "a on grass, asleep"


def test_every_bad_row_is_told_with_its_line(root: Path) -> None:
    text = (
        "image,caption,word,mask,label\n"
        "pictures/a.png,a dog,dog,,\n"  # line 2, good
        'absent.png,"a dog\nand a cat",dog,,\n'  # lines 3 and 4
        "broken.jpg,a dog,dog,,\n"  # 5
        "pictures/a.png,a doghouse,dog,,\n"  # 6
        "\n"
        "pictures/a.png,a dog,dog,,\n"  # 8
        "pictures/a.png,   ,dog,,\n"  # 9
        "pictures/a.png,a dog,dog,absent_mask.png,\n"  # 10
        "pictures/a.png,a dog,dog,large.png,\n"  # 11
        "../a.png,a dog,dog,,\n"  # 12
        "pictures/a.png,a dog, asleep,dog,,\n"  # 13
        ",a dog,,,\n"  # 14
    )
    told = problems(root, text)
    expected = [
        "line 3: .*absent.png: no such file",
        "line 5: .*broken.jpg: this image cannot be read",
        "line 6: the word 'dog' is not in the caption 'a doghouse'",
        "line 8: the same case as line 2",
        "line 9: `caption` is empty",
        "line 10: .*absent_mask.png: no such file",
        r"line 11: .*a.png: the picture has 6 x 4 pixels \(width x height\); its mask .*large.png has 9 x 9",
        "line 12: `image` is '../a.png'; expected a path below",
        "line 13: has 6 cells, but the header names 5 columns",
        "line 14: `image`, `word` is empty",
    ]
    assert len(told) == len(expected)
    for line, pattern in zip(told, expected, strict=True):
        assert re.match(pattern, line), f"{line!r} does not match {pattern!r}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,caption,word\na,b,c\n", "missing column image; the header names 'file', 'caption', 'word'"),
        ("image:caption:word\n", "missing column image, caption; the header names"),
        ("image;caption;word\n", "a header and no rows"),
        ("image,caption,word,masks\n", "unknown or repeated columns"),
        ("image,caption,word,word\n", "unknown or repeated columns"),
        ("image,caption,word\n", "a header and no rows"),
        ("", "the header names nothing"),
        ('image,caption,word\na.png,"a dog,dog\n', "this is not a CSV in UTF-8"),
    ],
)
def test_bad_files_are_told_in_one_sentence(root: Path, text: str, message: str) -> None:
    (line,) = problems(root, text)
    assert message in line and "words.csv" in line


def test_other_encodings_are_refused(root: Path) -> None:
    path = write_csv(root, "image,caption,word\npictures/a.png,a café,café\n", "latin-1")
    with pytest.raises(InputError, match=r"this is not a CSV in UTF-8 .*; save it as “CSV UTF-8”"):
        custom_cases("mine", path, root)


def test_a_missing_file_is_named(root: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: no such file; expected a CSV with the columns image, caption"):
        custom_cases("mine", root / "absent.csv", root)


def test_paths_lead_out_of_the_root_only_where_that_is_allowed(root: Path) -> None:
    outside, inside = root / "pictures" / "a.png", root / "inner"
    inside.mkdir()
    path = write_csv(root, f"image,caption,word\n{outside},a dog,dog\n../pictures/b.png,a dog,dog\n")
    with pytest.raises(InputError) as caught:
        custom_cases("mine", path, inside)
    assert str(caught.value).count(f"expected a path below {inside}, or `outside_root: true`") == 2
    cases = custom_cases("mine", path, inside, outside_root=True)
    assert [case["image_path"] for case in cases] == [str(outside), "../pictures/b.png"]
