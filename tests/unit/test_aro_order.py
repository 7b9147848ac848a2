"""COCO-Order and Flickr30k-Order: a caption and its shuffles, cleaned up afterwards, the same whatever else runs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from infodecomp.datasets.aro_order import order_cases
from infodecomp.datasets.caption_cleanup import clean_caption
from infodecomp.datasets.retrieval_cases import retrieval_cases_table, ties
from infodecomp.datasets.taggers import Tokens
from infodecomp.runs.errors import InputError

CAPTIONS = [
    "A small Dog runs. The big cat, asleep, dreams of a red kite!",
    "Two men (old friends) play chess near a green lake.",
    "a dog",
]
TAGS = {
    "Dog": "NN",
    "dog": "NN",
    "cat": "NN",
    "kite": "NN",
    "men": "NNS",
    "friends": "NNS",
    "chess": "NN",
    "lake": "NN",
}
TAGS |= {"small": "JJ", "big": "JJ", "red": "JJ", "old": "JJ", "green": "JJ"}


class TableTagger:
    """Tags from a table; tokens at spaces."""

    versions = "table 1"

    def tag(self, captions: Sequence[str]) -> list[Tokens]:
        return [[(word, TAGS.get(word, "XX")) for word in caption.split()] for caption in captions]


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "split.json"
    path.write_text(json.dumps(content))
    return path


def make(path: Path, **changes: Any) -> list[dict[str, Any]]:
    return order_cases("mine", path, TableTagger(), **{"seed": 0, "max_words": 30} | changes)


def test_one_case_a_caption_with_the_truth_first(tmp_path: Path) -> None:
    path = write(
        tmp_path, [{"image": "val/1.jpg", "caption": CAPTIONS[:2]}, {"image": "val/2.jpg", "caption": ["a dog"]}]
    )
    cases = make(path)
    assert [case["image_path"] for case in cases] == ["val/1.jpg", "val/1.jpg", "val/2.jpg"]
    assert [case["caption"] for case in cases] == CAPTIONS
    for case in cases:
        assert (case["truth"], case["crop"], case["group"], len(case["options"])) == (0, "", "", 5)
        assert case["options"][0] == clean_caption(case["caption"], 30)
        assert case["text_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert case["tagger"].startswith("table 1; nltk 3.")


def test_shuffles_act_on_the_caption_as_it_stands_and_are_cleaned_afterwards(tmp_path: Path) -> None:
    cases = make(write(tmp_path, [{"image": "1.jpg", "caption": CAPTIONS[:2]}]))
    for case in cases:
        true, nouns, others, within, blocks = case["options"]
        assert all(option == option.lower() and not set(option) & set('.!"()') for option in case["options"])
        # The tagger splits at spaces, so that its words keep their commas; NLTK makes tokens of them.
        assert Counter(nouns.split()) == Counter(others.split()) == Counter(true.split())
        for option in (within, blocks):
            assert Counter(option.split()) == Counter(true.replace(",", " ,").split())
    assert [ties(case["options"], 0) for case in cases] == [0, 0]


def test_no_case_depends_on_the_others(tmp_path: Path) -> None:
    records = [{"image": "1.jpg", "caption": CAPTIONS[:2]}, {"image": "2.jpg", "caption": CAPTIONS[1:]}]
    cases = {(case["image_path"], case["caption"]): case["options"] for case in make(write(tmp_path, records))}
    turned = [{"image": "2.jpg", "caption": CAPTIONS[:0:-1]}, {"image": "1.jpg", "caption": [CAPTIONS[1]]}]
    for case in make(write(tmp_path, turned)):
        assert case["options"] == cases[case["image_path"], case["caption"]]
    assert cases["1.jpg", CAPTIONS[1]][1:] != cases["2.jpg", CAPTIONS[1]][1:]


def test_a_seed_draws_its_own_shuffles(tmp_path: Path) -> None:
    path = write(tmp_path, [{"image": "1.jpg", "caption": CAPTIONS[:2]}])
    once, again, other = make(path), make(path), make(path, seed=1)
    assert once == again
    assert [case["options"][0] for case in once] == [case["options"][0] for case in other]
    assert [case["options"][1:] for case in once] != [case["options"][1:] for case in other]


def test_options_are_cut_after_the_shuffle(tmp_path: Path) -> None:
    caption = " ".join(f"w{k}" for k in range(40))
    (case,) = make(write(tmp_path, [{"image": "1.jpg", "caption": [caption]}]), max_words=10)
    assert {len(option.split()) for option in case["options"]} == {10}
    assert any(set(option.split()) - set(case["options"][0].split()) for option in case["options"])


def test_captions_without_much_to_shuffle_tie(tmp_path: Path) -> None:
    (case,) = make(write(tmp_path, [{"image": "1.jpg", "caption": ["a dog"]}]))
    assert set(case["options"]) <= {"a dog", "dog a"}
    assert ties(case["options"], 0) >= 3


def test_a_caption_that_stands_twice_gives_two_cases(tmp_path: Path) -> None:
    frame = retrieval_cases_table(make(write(tmp_path, [{"image": "1.jpg", "caption": [CAPTIONS[0]] * 2}])))
    assert len(frame) == 2 and frame["case_id"].nunique() == 2


def test_only_the_first_captions_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path, [{"image": "1.jpg", "caption": CAPTIONS}, {"image": "2.jpg", "caption": CAPTIONS}])
    assert make(path, first=4) == make(path)[:4]


def test_every_bad_record_is_told_with_its_index(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            {"image": "1.jpg", "caption": ["a dog"]},
            {"image": "1.jpg"},
            {"caption": []},
            {"image": "/1.jpg", "caption": "a dog"},
            {"image": "1.jpg", "caption": ["a dog", "", 5]},
            {"image": "1.jpg", "caption": ["a dog", "...!"]},
            7,
        ],
    )
    with pytest.raises(InputError) as caught:
        make(path)
    assert [line.removeprefix(f"{path}, ") for line in str(caught.value).splitlines()] == [
        "record 1: has no `caption`.",
        "record 2: has no `image`.",
        "record 2: `caption` is []; expected a list of texts.",
        "record 3: `image` is '/1.jpg'; expected a path below the image folder.",
        "record 3: `caption` is 'a dog'; expected a list of texts.",
        "record 4: `caption` number 1, 2 is ''; expected a list of texts, none empty.",
        "record 5: `caption` number 1 is '...!', of which the clean-up leaves nothing; expected words.",
        "record 6: is 7; expected an object with `image`, `caption`.",
    ]
