"""VG-Relation and VG-Attribution: records become cases, and every bad record is told with its index."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from infodecomp.datasets.aro_pairs import pair_cases
from infodecomp.runs.errors import InputError

BOX = {"bbox_x": 3, "bbox_y": 4, "bbox_w": 20, "bbox_h": 10}
RELATION = {
    "image_id": "7",
    "image_path": "./7.jpg",
    **BOX,
    "true_caption": "the dog is chasing the cat",
    "false_caption": "the cat is chasing the dog",
    "relation_name": "chasing",
}
ATTRIBUTION = {
    "image_path": "8.jpg",
    **BOX,
    "bbox_x": 3.0,
    "true_caption": "the open door and the brown dog",
    "false_caption": "the brown door and the open dog",
    "attributes": ["open", "brown"],
}


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "pairs.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def problems(path: Path, kind: Any = "vg_relation") -> list[str]:
    with pytest.raises(InputError) as caught:
        pair_cases("mine", kind, path)
    return [line.removeprefix(f"{path}") for line in str(caught.value).splitlines()]


def test_a_relation_becomes_a_case(tmp_path: Path) -> None:
    path = write(tmp_path, [RELATION])
    (case,) = pair_cases("mine", "vg_relation", path)
    assert (case["image_path"], case["crop"], case["group"]) == ("7.jpg", "3,4,20,10", "chasing")
    assert case["options"] == (RELATION["false_caption"], RELATION["true_caption"]) and case["truth"] == 1
    assert case["caption"] == RELATION["true_caption"]
    assert case["text_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (case["dataset"], case["tagger"], case["status"]) == ("mine", "", "ok")


def test_an_attribution_becomes_a_case(tmp_path: Path) -> None:
    (case,) = pair_cases("mine", "vg_attribution", write(tmp_path, [ATTRIBUTION]))
    assert (case["group"], case["crop"]) == ("open | brown", "3,4,20,10")
    assert case["options"][case["truth"]] == ATTRIBUTION["true_caption"]


def test_captions_are_taken_as_they_stand(tmp_path: Path) -> None:
    long = "The Dog!  is " + "very " * 40 + "tired."
    (case,) = pair_cases("mine", "vg_relation", write(tmp_path, [{**RELATION, "true_caption": long}]))
    assert case["options"][1] == long


def test_only_the_first_cases_are_made_but_all_are_checked(tmp_path: Path) -> None:
    records = [{**RELATION, "image_path": f"{k}.jpg"} for k in range(4)]
    assert [c["image_path"] for c in pair_cases("mine", "vg_relation", write(tmp_path, records), first=2)] == [
        "0.jpg",
        "1.jpg",
    ]
    records[3] = {**RELATION, "true_caption": ""}
    with pytest.raises(InputError, match="record 3"):
        pair_cases("mine", "vg_relation", write(tmp_path, records), first=2)


def test_boxes_of_no_area_are_left_for_the_images_to_judge(tmp_path: Path) -> None:
    (case,) = pair_cases("mine", "vg_relation", write(tmp_path, [{**RELATION, "bbox_w": 0, "bbox_x": -5}]))
    assert (case["crop"], case["status"]) == ("-5,4,0,10", "ok")


def test_every_bad_record_is_told_with_its_index(tmp_path: Path) -> None:
    without = {name: value for name, value in RELATION.items() if name not in ("bbox_w", "true_caption")}
    told = problems(
        write(
            tmp_path,
            [
                RELATION,
                without,
                {**without, "false_caption": " "},
                {**RELATION, "bbox_x": "3", "bbox_y": 1.5, "bbox_w": True, "bbox_h": None},
                {**RELATION, "image_path": "../7.jpg", "relation_name": 5},
                "no record",
                RELATION,
                {**RELATION, "true_caption": ["the dog"]},
            ],
        )
    )
    assert told == [
        ", record 1: has no `bbox_w`, `true_caption`.",
        ", record 2: has no `bbox_w`, `true_caption`.",
        ", record 2: `false_caption` is ' '; expected text, not empty.",
        ", record 3: `bbox_x` is '3'; expected a whole number of pixels.",
        ", record 3: `bbox_y` is 1.5; expected a whole number of pixels.",
        ", record 3: `bbox_w` is True; expected a whole number of pixels.",
        ", record 3: `bbox_h` is None; expected a whole number of pixels.",
        ", record 4: `image_path` is '../7.jpg'; expected a path below the image folder.",
        ", record 4: `relation_name` is 5; expected text, not empty.",
        ", record 5: is 'no record'; expected an object with `image_path`, `bbox_x`, `bbox_y`, `bbox_w`, `bbox_h`, "
        "`true_caption`, `false_caption`, `relation_name`.",
        ", record 7: `true_caption` is ['the dog']; expected text, not empty.",
    ]


@pytest.mark.parametrize("attributes", ["open", ["open"], ["a", "b", "c"], ["a", ""], [1, 2], {}])
def test_attributes_are_a_pair(tmp_path: Path, attributes: Any) -> None:
    (line,) = problems(write(tmp_path, [{**ATTRIBUTION, "attributes": attributes}]), "vg_attribution")
    assert line.startswith(", record 0: `attributes` ") and "expected a list of 2 texts" in line


def test_relations_are_not_attributes(tmp_path: Path) -> None:
    assert problems(write(tmp_path, [RELATION]), "vg_attribution") == [", record 0: has no `attributes`."]


def test_a_file_that_is_wrong_throughout_is_told_in_brief(tmp_path: Path) -> None:
    told = problems(write(tmp_path, [{}] * 150))
    assert len(told) == 101
    assert told[-1] == ": 50 more records are bad, the last is record 149."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "this is not JSON"),
        ("[]", "the file holds an empty list; expected a list of records"),
        ('{"a": 1}', "the file holds a dict; expected a list of records"),
        ("[NaN", "this is not JSON"),
    ],
)
def test_bad_files_are_told_in_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    (line,) = problems(write(tmp_path, content))
    assert message in line


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    text = json.dumps([RELATION]).replace('"bbox_w": 20', '"bbox_w": NaN').replace('"bbox_h": 10', '"bbox_h": Infinity')
    assert problems(write(tmp_path, text)) == [
        ", record 0: `bbox_w` is nan; expected a whole number of pixels.",
        ", record 0: `bbox_h` is inf; expected a whole number of pixels.",
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json: no such file; expected a JSON list of records"):
        pair_cases("mine", "vg_relation", tmp_path / "absent.json")
