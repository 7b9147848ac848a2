"""Ids, names and captions as tools write them: what is joined, what is left out with a warning, which join is empty."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import Case
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.datasets.ids import Id, one_id
from infodecomp.datasets.masks import load_mask
from infodecomp.datasets.word_list import word_list_cases
from infodecomp.runs.errors import InputError

Ids = Callable[[int], Any]
DOG = [2, 1, 5, 1, 5, 4, 2, 4]  # a rectangle 3 wide and 3 high


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (139, 139),
        (139.0, 139),
        ("139", 139),
        (" 000000000139 ", 139),
        ("139.0", 139),
        ("139,0", 139),
        ("1.000", "1.000"),  # a thousand in some countries
        (1.5, "1.5"),
        ("IMG_0001.jpg", "IMG_0001.jpg"),
        ("Ba\u0308r", "B\u00e4r"),
        ("-1", "-1"),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        ([1], None),
    ],
)
def test_one_id(value: Any, expected: Id | None) -> None:
    assert one_id(value) == expected
    assert type(one_id(value)) is type(expected)


def write_both(
    folder: Path,
    *,
    caption_ids: Ids = int,
    object_ids: Ids = int,
    names: Mapping[Any, Any] | None = None,
    captions: tuple[Any, ...] = ("a dog by a cat", "a cat"),
    file_names: Mapping[int, str] | None = None,
) -> tuple[COCO, COCO]:
    """Two images: a dog and a cat in the first, a cat in the second; ids of images as the functions write them."""
    names = names or {18: "dog", 17: "cat"}
    files = file_names or {1: "one.png", 2: "two.png"}
    objects = [(1, 0), (1, 1), (2, 1)]
    categories = list(names)
    instances = {
        "images": [{"id": object_ids(n), "file_name": f"{files[n]}", "height": 6, "width": 8} for n in (1, 2)],
        "categories": [{"id": key, "name": name} for key, name in names.items()],
        "annotations": [
            {"id": n, "image_id": object_ids(image), "category_id": categories[which], "segmentation": [DOG]}
            for n, (image, which) in enumerate(objects, start=1)
        ],
    }
    texts = {
        "images": [{"id": caption_ids(n), "file_name": {1: "one.png", 2: "two.png"}[n]} for n in (1, 2)],
        "annotations": [
            {"id": 10 + n, "image_id": caption_ids(1 + (n == len(captions) - 1)), "caption": text}
            for n, text in enumerate(captions)
        ],
    }
    (folder / "instances.json").write_text(json.dumps(instances), encoding="utf-8")
    (folder / "captions.json").write_text(json.dumps(texts), encoding="utf-8")
    return open_instances(folder / "instances.json"), open_captions(folder / "captions.json")


def short(cases: list[Case]) -> list[tuple[str, str, str]]:
    return [(case["image_path"], case["label"], case["prompt_word"]) for case in cases]


EXPECTED = [("one.png", "dog", "dog"), ("one.png", "cat", "cat"), ("two.png", "cat", "cat")]


def padded(number: int) -> str:
    return f"{number:012}"


def named(number: int) -> str:
    return f"IMG_{number}"


@pytest.mark.parametrize("caption_ids", [int, float, str, padded, named])
@pytest.mark.parametrize("object_ids", [int, float, str, padded, named])
def test_images_are_joined_and_masked_however_ids_are_written(
    tmp_path: Path, caption_ids: Ids, object_ids: Ids, capsys: pytest.CaptureFixture[str]
) -> None:
    instances, captions = write_both(tmp_path, caption_ids=caption_ids, object_ids=object_ids)
    cases = coco_it_cases("d", instances, captions)
    assert short(cases) == EXPECTED
    by_name = (caption_ids is named) != (object_ids is named)
    assert ("are joined by `file_name`" in capsys.readouterr().out) == by_name
    mask = load_mask(cases[0], instances, tmp_path)
    assert mask.shape == (6, 8)
    assert {tuple(place) for place in np.argwhere(mask)} == {(y, x) for y in (1, 2, 3) for x in (2, 3, 4)}


def test_categories_may_have_ids_of_text(tmp_path: Path) -> None:
    instances, captions = write_both(tmp_path, names={"dog-1": "dog", "7": "cat"})
    cases = coco_it_cases("d", instances, captions)
    assert [case["mask"] for case in cases] == ["coco:dog-1", "coco:7", "coco:7"]
    assert all(load_mask(case, instances, tmp_path).sum() == 9 for case in cases)


@pytest.mark.parametrize(
    ("name", "caption", "word"),
    [
        ("Dog", "a dog by a cat", "dog"),
        ("DOG", "two dogs by a cat", "dogs"),
        ("Dog", "Dog by a cat", "Dog"),
        (" dog ", "a dog by a cat", "dog"),
        (5, "5 dogs by a cat", "5"),
        (5.0, "5 dogs by a cat", "5"),
        ("cafe\u0301", "a caf\u00e9 by a cat", "caf\u00e9"),
    ],
)
def test_names_as_tools_write_them(tmp_path: Path, name: Any, caption: str, word: str) -> None:
    instances, captions = write_both(tmp_path, names={18: name, 17: "cat"}, captions=(caption, "a cat"))
    case = coco_it_cases("d", instances, captions)[0]
    assert case["prompt_word"] == word
    assert case["prompt_context"] == " ".join(caption.replace(word, "").split())


def test_names_in_small_letters_are_compared_as_published(tmp_path: Path) -> None:
    instances, captions = write_both(tmp_path, captions=("Dog by a cat", "a cat"))
    assert short(coco_it_cases("d", instances, captions)) == EXPECTED[1:]


@pytest.mark.parametrize("name", [None, "", "  ", True, ["dog"]])
def test_a_category_without_a_name_is_left_out_with_a_warning(
    tmp_path: Path, name: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    instances, captions = write_both(tmp_path, names={18: name, 17: "cat"})
    assert short(coco_it_cases("d", instances, captions)) == EXPECTED[1:]
    told = capsys.readouterr().out
    assert "instances.json: the category of `id` 18 has no `name`; 1 objects are left out." in told


@pytest.mark.parametrize("bad", [None, "", "  ", 7, ["a dog"]])
def test_a_caption_that_is_no_text_is_left_out_with_a_warning(
    tmp_path: Path, bad: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    instances, captions = write_both(tmp_path, captions=(bad, bad, "a dog by a cat", "a cat"))
    assert short(coco_it_cases("d", instances, captions)) == EXPECTED
    told = capsys.readouterr().out
    assert told.count("warning: ") == 1
    assert (
        f"captions.json: annotation 0: `caption` is {bad!r}, expected text; it is left out, and so are 1 more." in told
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"caption_ids": named, "object_ids": int, "file_names": {1: "x.png", 2: "y.png"}},
            "no image is in both: the first `id` is 'IMG_1' in the former and 1 in the latter; they must be equal",
        ),
        (
            {"captions": ("a horse", "a cow")},
            "no caption names a category of its image as a whole word: image 1 has 'dog', 'cat' and the caption 'a horse'",
        ),
        ({"captions": ()}, "captions.json: the list `annotations` is empty"),
        ({"captions": (None, None)}, "captions.json: no annotation has a `caption` that is text"),
        ({"names": {18: None, 17: ""}}, "instances.json: no category has a name"),
        (
            {"object_ids": lambda n: 3 - n},
            "the image 1 is 'one.png' in the former and 'two.png' in the latter, which have numbered",
        ),
    ],
)  # fmt: skip
def test_an_empty_join_shows_a_key_of_each_side(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    instances, captions = write_both(tmp_path, **options)
    with pytest.raises(InputError) as caught:
        coco_it_cases("d", instances, captions)
    assert message in str(caught.value)


def test_captions_of_no_image_are_named(tmp_path: Path) -> None:
    write_both(tmp_path)
    texts = json.loads((tmp_path / "captions.json").read_text(encoding="utf-8"))
    for annotation in texts["annotations"]:
        annotation["image_id"] += 100
    (tmp_path / "captions.json").write_text(json.dumps(texts), encoding="utf-8")
    both = open_instances(tmp_path / "instances.json"), open_captions(tmp_path / "captions.json")
    with pytest.raises(InputError, match="the first caption has the `image_id` 101, the first image the `id` 1"):
        coco_it_cases("d", *both)


def test_bad_and_shared_ids_are_told_together(tmp_path: Path) -> None:
    images = [{"id": "1", "file_name": "a.png"}, {"id": "01", "file_name": "b.png"}, {"id": None, "file_name": "c.png"}]
    annotations = [{"id": 1, "image_id": None, "caption": "a dog"}]
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        open_captions(path)
    assert str(caught.value).splitlines() == [
        f"{path}: images, record 2: `id` is None; expected a number or a text.",
        f"{path}: annotations, record 0: `image_id` is None; expected a number or a text.",
        f"{path}: images, record 1: the `id` 1 is also that of record 0, whose `file_name` is 'a.png', not 'b.png'; ids "
        "must be unique.",
    ]


@pytest.mark.parametrize("object_ids", [int, str, padded, named])
def test_word_lists_join_ids_in_any_form(tmp_path: Path, object_ids: Ids) -> None:
    both = write_both(tmp_path, caption_ids=object_ids, object_ids=object_ids, names={18: "Dog", 17: "cat"})
    path = tmp_path / "list.csv"
    first, second = object_ids(1), object_ids(2)
    path.write_text(f"image_id;caption_id;label;word\n{first};10;dog;dog\n{second};11,0;cat;cat\n", encoding="utf-16")
    cases = word_list_cases("d", path, *both)
    assert [(case["status"], case["image_path"], case["mask"]) for case in cases] == [
        ("ok", "one.png", "coco:18"),
        ("ok", "two.png", "coco:17"),
    ]
    assert load_mask(cases[0], both[0], tmp_path).sum() == 9


def test_word_lists_say_what_the_other_side_has(tmp_path: Path) -> None:
    both = write_both(tmp_path, caption_ids=named, captions=(None, "a cat"))
    path = tmp_path / "list.csv"
    path.write_text(
        "image_id,caption_id,label,word\n1,10,dog,dog\nIMG_1,99,dog,dog\nIMG_1,10,dog,dog\n", encoding="utf-8"
    )
    cases = word_list_cases("d", path, *both)
    assert [(case["status"], case["reason"]) for case in cases] == [
        ("image_not_in_captions", "the captions file has no image 1 (its first is IMG_1)."),
        ("caption_not_found", "the captions file has no caption 99 of image IMG_1 (its first is 10)."),
        ("caption_empty", "the caption 10 of image IMG_1 is None."),
    ]


def test_captions_may_be_numbered_anew_for_each_image(tmp_path: Path) -> None:
    write_both(tmp_path, captions=("a dog", "two dogs", "a cat"))
    path = tmp_path / "captions.json"
    texts = json.loads(path.read_text(encoding="utf-8"))
    for annotation, number in zip(texts["annotations"], (0, 0, 0), strict=True):
        annotation["id"] = number
    path.write_text(json.dumps(texts), encoding="utf-8")
    rows = tmp_path / "list.csv"
    rows.write_text("image_id,caption_id,label,word\n1,0,dog,dog\n2,0,cat,cat\n", encoding="utf-8")
    both = open_instances(tmp_path / "instances.json"), open_captions(path)
    assert [(case["status"], case["prompt_full"]) for case in word_list_cases("d", rows, *both)] == [
        ("caption_not_unique", ""),
        ("ok", "a cat"),
    ]
