"""Pictures that the embedded model cannot know are told apart from its scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infodecomp.config import Config, default_config
from infodecomp.config.unfamiliar import without_meaning

ROOT = Path(__file__).resolve().parents[2]
MINE = {"kind": "custom", "list": "mine.csv"}
OF_SCENES = {"kind": "custom", "list": "mine.csv", "root": "data/scenes/val2017"}
COCO = {"kind": "coco_it", "root": None}
EMBEDDED = {"id": "data/models/scenes"}


@pytest.mark.parametrize(
    ("datasets", "model", "unfamiliar"),
    [
        ({"a": MINE, "b": OF_SCENES, "generated": {"kind": "generated"}}, EMBEDDED, ("a",)),
        ({"a": COCO}, EMBEDDED, ("a",)),
        ({"a": MINE}, {"id": str(ROOT / "data" / "models" / "scenes")}, ("a",)),
        ({"a": MINE}, {"id": "stable-diffusion-v1-5/stable-diffusion-v1-5"}, ()),
    ],
)
def test_unfamiliar_datasets(datasets: dict[str, Any], model: dict[str, str], unfamiliar: tuple[str, ...]) -> None:
    config = Config.model_validate({"datasets": datasets, "retrieval_datasets": {}, "model": model})
    assert config.unfamiliar_datasets == unfamiliar


def test_the_embedded_study_is_familiar() -> None:
    assert default_config().unfamiliar_datasets == ()


def test_the_sentence_names_what_is_shown() -> None:
    (sentence,) = without_meaning(["a", "b", "c"], ["c", "a", "scenes"])
    assert sentence.startswith("NUMBERS WITHOUT MEANING") and "a, c are something else" in sentence
    assert without_meaning(["a"], ["scenes"]) == without_meaning([], ["a"]) == []
