"""Your own images without words, masks or a CSV: the content words of their captions, from a CSV or from text files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from infodecomp.config import CustomSource
from infodecomp.datasets.custom import custom_cases
from infodecomp.datasets.folders import dataset_root, image_folder, input_files
from infodecomp.datasets.mask_column import is_localised
from infodecomp.runs.errors import InputError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two captioned images, one in a subfolder, and files that are neither."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("dog.JPG", "more/cat.png", ".hidden/old.png"):
        Image.new("RGB", (6, 4)).save(folder / name)
    (folder / "dog.txt").write_text("\ufeffA dog\n on grass\n", encoding="utf-8")
    (folder / "more" / "cat.txt").write_text("a cat", encoding="utf-8")
    (folder / "notes.md").write_text("nothing", encoding="utf-8")
    return folder


def cases_of(path: Path, root: Path, function_words: bool = False) -> list[tuple[str, str, str]]:
    cases = custom_cases("mine", path, root, function_words=function_words)
    return [(case["image_path"], case["prompt_full"], case["prompt_word"]) for case in cases]


def test_a_folder_of_images_and_captions(photos: Path) -> None:
    source = CustomSource(list=str(photos))
    assert dataset_root(source) == image_folder(source) == photos
    assert input_files(source) == [photos / "dog.JPG", photos / "more" / "cat.png"]
    assert cases_of(photos, dataset_root(source)) == [
        ("dog.JPG", "A dog on grass", "dog"),
        ("dog.JPG", "A dog on grass", "grass"),
        ("more/cat.png", "a cat", "cat"),
    ]


def test_every_image_without_a_usable_caption_is_named(photos: Path) -> None:
    (photos / "dog.txt").unlink()
    (photos / "more" / "cat.txt").write_text(" \n", encoding="utf-8")
    Image.new("RGB", (6, 4)).save(photos / "late.webp")
    (photos / "late.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(InputError) as caught:
        custom_cases("mine", photos, photos)
    told = str(caught.value).splitlines()
    assert len(told) == 3
    assert f"{photos}/dog.JPG: its caption is missing; write it into dog.txt beside it" in told[0]
    assert f"{photos}/late.txt: the caption is not in UTF-8" in told[1]
    assert f"{photos}/more/cat.txt: the caption is empty" in told[2]


def test_problems_of_a_folder_name_the_image_and_no_line(photos: Path) -> None:
    (photos / "dog.txt").write_text("it is on that", encoding="utf-8")
    (photos / "more" / "cat.png").write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        custom_cases("mine", photos, photos)
    first, second = str(caught.value).splitlines()
    assert re.match("dog.JPG: the caption 'it is on that' has no content word; set `function_words: true`", first)
    assert "cat.png: this image cannot be read" in second and "line" not in second


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder holds no image; expected files that end in .*\.jpg"):
        custom_cases("mine", tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,caption\nmore/cat.png,a cat on a mat\n", ["cat", "mat"]),
        ("image,caption,word\nmore/cat.png,a cat on a mat,\n", ["cat", "mat"]),
        ("image;caption;word;mask\nmore/cat.png;a cat on a mat;on;\n", ["on"]),
    ],
)
def test_a_csv_with_and_without_words(photos: Path, text: str, words: list[str]) -> None:
    path = photos / "list.csv"
    path.write_text(text, encoding="utf-8")
    assert [word for _, _, word in cases_of(path, photos)] == words


def test_function_words_become_cases_where_they_are_asked_for(photos: Path) -> None:
    assert [word for *_, word in cases_of(photos, photos, function_words=True)] == [
        "A",
        "dog",
        "on",
        "grass",
        "a",
        "cat",
    ]


def test_bad_rows_of_a_csv_without_words(photos: Path) -> None:
    path = photos / "list.csv"
    rows = [
        "image,caption,mask",
        "dog.JPG,a dog,m.png",
        "dog.JPG,,",
        "dog.JPG,it is,",
        "absent.png,a dog,",
        "dog.JPG,a dog,",
    ]
    path.write_text("\n".join([*rows, rows[-1]]), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        custom_cases("mine", path, photos)
    expected = [
        "line 2: `mask` is 'm.png' without a word; name the word that it belongs to in a column `word`",
        "line 3: `caption` is empty",
        "line 4: dog.JPG: the caption 'it is' has no content word",
        "line 5: .*absent.png: no such file",
        "line 7: the same case as line 6",
    ]
    told = [line.removeprefix(f"{path}, ") for line in str(caught.value).splitlines()]
    assert len(told) == len(expected)
    for line, pattern in zip(told, expected, strict=True):
        assert re.match(pattern, line), line


@pytest.mark.parametrize(
    ("text", "scored"),
    [
        ("image,caption\na.png,a cat\n", False),
        ("image,caption,word,mask\na.png,a cat,cat,\n", False),
        ("image,caption,word,mask\na.png,a cat,cat\n", False),
        ("image,caption,word,Mask\na.png,a cat,cat,\na.png,a dog,dog,m.png\n", True),
        ("image,caption\n", False),
        ('image,caption,mask\na.png,"a cat,m.png\n', True),  # whoever makes the cases says what is wrong
    ],
)
def test_maps_are_scored_where_the_csv_names_a_mask(tmp_path: Path, text: str, scored: bool) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    assert is_localised(CustomSource(list=str(path))) is scored
    assert not is_localised(CustomSource(list=str(path), localisation=False))


def test_a_folder_has_no_masks_and_a_missing_csv_counts_as_if_it_had(tmp_path: Path) -> None:
    assert not is_localised(CustomSource(list=str(tmp_path)))
    assert is_localised(CustomSource(list=str(tmp_path / "absent.csv")))
