"""The COCO-IT rule on small annotations, and the annotation files themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from infodecomp.config import CocoDataset, CustomDataset
from infodecomp.datasets import folders
from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import Case
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.runs.errors import InputError

NAMES = {1: "person", 2: "dog", 3: "bus"}


def open_both(folder: Path, objects: list[tuple[int, int]], captions: list[tuple[int, str]]) -> tuple[COCO, COCO]:
    """Objects as (image, category), captions as (image, text); the captions file lists images 5, 4, 3."""
    instances: dict[str, Any] = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "height": 2, "width": 2} for n in (3, 4, 5)],
        "categories": [{"id": n, "name": name} for n, name in NAMES.items()],
        "annotations": [
            {"id": n, "image_id": image, "category_id": category, "segmentation": [], "iscrowd": int(n == 1)}
            for n, (image, category) in enumerate(objects, start=1)
        ],
    }
    texts = {
        "images": [{"id": n, "file_name": f"{n}.jpg"} for n in (5, 4, 3)],
        "annotations": [{"id": n, "image_id": image, "caption": text} for n, (image, text) in enumerate(captions)],
    }
    (folder / "instances.json").write_text(json.dumps(instances))
    (folder / "captions.json").write_text(json.dumps(texts))
    return open_instances(folder / "instances.json"), open_captions(folder / "captions.json")


def rows(cases: list[Case]) -> list[tuple[str, str, str, str]]:
    return [(case["image_id"], case["label"], case["prompt_full"], case["word"]) for case in cases]


def test_images_follow_the_captions_file_and_categories_their_annotations(tmp_path: Path) -> None:
    objects = [(3, 2), (3, 1), (3, 2), (5, 3), (5, 1)]
    captions = [(3, "a person and a dog"), (5, "people in a bus")]
    cases = coco_it_cases("d", *open_both(tmp_path, objects, captions))
    assert rows(cases) == [
        ("5", "bus", "people in a bus", "bus"),
        ("5", "person", "people in a bus", "people"),
        ("3", "dog", "a person and a dog", "dog"),
        ("3", "person", "a person and a dog", "person"),
    ]
    assert [case["mask"] for case in cases] == ["coco:3", "coco:1", "coco:2", "coco:1"]
    assert [case["image_path"] for case in cases] == ["5.jpg", "5.jpg", "3.jpg", "3.jpg"]
    assert {case["status"] for case in cases} == {"ok"}


def test_the_first_caption_with_either_form_wins_and_the_plural_within_it(tmp_path: Path) -> None:
    captions = [(3, "Dog"), (3, "a hotdog"), (3, "a dog by dogs"), (3, "dogs"), (4, "DOGS")]
    cases = coco_it_cases("d", *open_both(tmp_path, [(3, 2), (4, 2)], captions))
    assert rows(cases) == [("3", "dog", "a dog by dogs", "dogs")]


def test_the_two_removals_give_the_same_cases_with_other_contexts(tmp_path: Path) -> None:
    both = open_both(tmp_path, [(3, 3)], [(3, "a busy bus")])
    word, substring = coco_it_cases("d", *both), coco_it_cases("d", *both, "substring")
    assert rows(word) == rows(substring)
    assert (word[0]["prompt_context"], substring[0]["prompt_context"]) == ("a busy", "a y ")


def test_a_category_that_is_not_listed_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="image 3 has an object of category 99"):
        coco_it_cases("d", *open_both(tmp_path, [(3, 99)], [(3, "a dog")]))


def test_opening_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_both(tmp_path, [(3, 1)], [])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not JSON"),
        ("[]", "expected an object with the lists images, annotations, categories"),
        ('{"images": [], "annotations": []}', "expected an object with the lists"),
        ('{"images": [], "categories": [], "annotations": [{"id": 1}]}', "annotation 0 has no `image_id`"),
        ('{"images": [{}], "categories": [], "annotations": []}', "an image or category has no 'id'"),
    ],
)
def test_bad_annotation_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "instances.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"instances\.json") as caught:
        open_instances(path)
    assert message in str(caught.value)


def test_the_root_comes_from_the_section_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    section = CocoDataset()
    monkeypatch.delenv("COCO_ROOT", raising=False)
    assert folders.image_folder(section) == Path("data/coco/val2017")
    monkeypatch.setenv("COCO_ROOT", "/big/coco")
    assert folders.instances_file(section) == Path("/big/coco/annotations/instances_val2017.json")
    named = section.model_copy(update={"root": "mine"})
    assert folders.input_files(named) == [
        Path("mine/annotations/instances_val2017.json"),
        Path("mine/annotations/captions_val2017.json"),
    ]


def test_the_root_of_your_own_csv_is_its_folder_unless_named() -> None:
    section = CustomDataset(list="mine/words.csv")
    assert folders.image_folder(section) == Path("mine")
    assert folders.instances_file(section) is None
    assert folders.image_folder(section.model_copy(update={"root": "pictures"})) == Path("pictures")


def test_missing_files_are_told_together_with_what_to_put_where(tmp_path: Path) -> None:
    section = CocoDataset(root=str(tmp_path / "coco"))
    with pytest.raises(InputError) as caught:
        folders.require_files(section)
    text = str(caught.value)
    for part in ("instances_val2017.json", "captions_val2017.json", "val2017/ with the images", "COCO_ROOT"):
        assert part in text


@pytest.mark.parametrize("name", ["../elsewhere.jpg", "a/../../b.jpg", "/etc/passwd"])
def test_images_do_not_lie_outside_their_folder(tmp_path: Path, name: str) -> None:
    """Annotations are other people's files, and their names are opened."""
    path = tmp_path / "captions.json"
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": name}]
    path.write_text(json.dumps({"images": images, "annotations": []}), encoding="utf-8")
    with pytest.raises(InputError, match=f"image 1 has the `file_name` '{name}'; expected a path below"):
        open_captions(path)
