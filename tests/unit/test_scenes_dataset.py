"""The embedded evaluation scenes in COCO layout."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.word_list import word_list_cases
from infodecomp.scenes.dataset import CREDIT, WORD_TYPES, WORDS_PER_TYPE, draw, write_scenes
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.world import CATEGORIES, sample_scene, scene_rng
from infodecomp.words.occurrences import find_word

SEED, COUNT = 5, 40
INSTANCES = "annotations/instances_val2017.json"
CAPTIONS = "annotations/captions_val2017.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes")
    write_scenes(path, SEED, COUNT)
    return path


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_layout_is_cocos(folder: Path) -> None:
    instances, captions = open_instances(folder / INSTANCES), open_captions(folder / CAPTIONS)
    assert sorted(instances.imgs) == sorted(captions.imgs) == list(range(1, COUNT + 1))
    assert [category["name"] for category in instances.cats.values()] == list(CATEGORIES)
    for image_id, image in instances.imgs.items():
        assert image["file_name"] == f"{image_id:012d}.png"
        with Image.open(folder / "val2017" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (64, 64) and picture.mode == "RGB"
        assert len(captions.imgToAnns[image_id]) == 5
    assert len(list((folder / "val2017").iterdir())) == COUNT
    assert (folder / "LICENSE.txt").read_text() == CREDIT and "CC BY-SA 4.0" in CREDIT


def test_pictures_captions_and_masks_are_those_drawn(folder: Path) -> None:
    instances, captions = open_instances(folder / INSTANCES), open_captions(folder / CAPTIONS)
    for image_id in instances.imgs:
        drawn = draw(SEED, image_id)
        with Image.open(folder / "val2017" / f"{image_id:012d}.png") as picture:
            assert np.array_equal(np.asarray(picture), drawn.picture)
        assert [annotation["caption"] for annotation in captions.imgToAnns[image_id]] == drawn.captions
        annotations = instances.imgToAnns[image_id]
        assert len(annotations) == len(drawn.masks)
        for annotation, thing, mask in zip(annotations, drawn.scene.things, drawn.masks, strict=True):
            assert np.array_equal(instances.annToMask(annotation).astype(bool), mask)
            assert instances.cats[annotation["category_id"]]["name"] == thing.category
            assert annotation["area"] == mask.sum() and annotation["iscrowd"] == 0
            left, top, width, height = (int(value) for value in annotation["bbox"])
            rows, columns = np.nonzero(mask)
            assert (left, top) == (columns.min(), rows.min())
            assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


def test_annotation_ids_are_unique(folder: Path) -> None:
    for name in (INSTANCES, CAPTIONS):
        ids = [annotation["id"] for annotation in json.loads((folder / name).read_text())["annotations"]]
        assert len(ids) == len(set(ids)) and min(ids) > 0


def test_the_word_list_agrees_with_the_captions(folder: Path) -> None:
    captions = open_captions(folder / CAPTIONS)
    with (folder / "words.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {row["word_type"] for row in rows} == set(WORD_TYPES)
    for word_type, words in WORD_TYPES.items():
        mine = [row for row in rows if row["word_type"] == word_type]
        assert 0 < len(mine) <= WORDS_PER_TYPE
        assert len({row["image_id"] for row in mine}) == len(mine)  # one an image
        assert {row["word"] for row in mine} <= set(words)
        held = {word for word in words for c in captions.anns.values() if find_word(c["caption"], word)}
        assert {row["word"] for row in mine} == held  # spread over all words of the class that some caption holds
    for row in rows:
        annotation = captions.anns[int(row["caption_id"])]
        assert annotation["image_id"] == int(row["image_id"])
        assert find_word(annotation["caption"], row["word"])
        assert row["label"] == row["word"]


def test_the_word_list_becomes_cases_without_loss(folder: Path) -> None:
    instances, captions = open_instances(folder / INSTANCES), open_captions(folder / CAPTIONS)
    cases = word_list_cases("words", folder / "words.csv", instances, captions)
    assert cases and {case["status"] for case in cases} == {"ok"}
    assert {case["mask"] for case in cases} == {""}


def test_writing_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path, SEED, COUNT)
    assert files(tmp_path) == files(folder)
    write_scenes(tmp_path / "other", SEED + 1, 2)
    first = "val2017/000000000001.png"
    assert (tmp_path / "other" / first).read_bytes() != (folder / first).read_bytes()


def test_more_scenes_leave_the_first_ones_as_they_are(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path, SEED, 3)
    for name in (path.name for path in (tmp_path / "val2017").iterdir()):
        assert (tmp_path / "val2017" / name).read_bytes() == (folder / "val2017" / name).read_bytes()


def test_no_evaluation_picture_was_trained_on() -> None:
    """Splits differ even where seed and number are equal."""
    training = {digest(draw_scene(sample_scene(scene_rng(0, "train", index)))[0]) for index in range(300)}
    evaluation = {digest(draw(0, image_id).picture) for image_id in range(1, 61)}
    assert len(training) == 300 and len(evaluation) == 60
    assert not training & evaluation
