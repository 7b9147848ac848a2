"""Parquet mirrors: images come out of the table, groups out of the captions, options stay as they are frozen."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from infodecomp.config import PairRetrievalDataset
from infodecomp.datasets.aro_mirrors import attributes_group, mirror_cases, relation_group, text_digest
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.datasets.retrieval_folders import retrieval_image_folder, retrieval_input_files
from infodecomp.pictures.images import load_image
from infodecomp.runs.errors import InputError
from infodecomp.stages import build_retrieval_cases
from tests.stage_settings import settings

TRUE, FALSE = "the dog is to the left of the cat", "the cat is to the left of the dog"


def picture(shade: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), shade, dtype=np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def pairs(path: Path, images: list[Any]) -> Path:
    return write(path, image=images, true_caption=[TRUE] * len(images), false_caption=[FALSE] * len(images))


def structs(*contents: bytes | None) -> list[Any]:
    return [None if content is None else {"bytes": content, "path": "x.jpg"} for content in contents]


def test_images_are_written_once_under_their_hash(tmp_path: Path) -> None:
    one, two = picture(10), picture(200, "JPEG")
    path = pairs(tmp_path / "m.parquet", structs(one, two, one))
    cases = mirror_cases("mine", "vg_relation", [path], tmp_path / "images")
    names = [f"{hashlib.sha256(one).hexdigest()[:16]}.png", f"{hashlib.sha256(two).hexdigest()[:16]}.jpg"]
    assert [case["image_path"] for case in cases] == [names[0], names[1], names[0]]
    assert sorted(file.name for file in (tmp_path / "images").iterdir()) == sorted(names)
    assert (tmp_path / "images" / names[1]).read_bytes() == two
    assert np.asarray(load_image(tmp_path / "images" / names[0]))[0, 0].tolist() == [10, 10, 10]
    for case in cases:
        assert (case["options"], case["truth"], case["crop"]) == ((FALSE, TRUE), 1, "")
        assert (case["group"], case["tagger"], case["status"]) == ("to the left of", "", "ok")
        assert case["text_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_plain_bytes_are_images_too(tmp_path: Path) -> None:
    path = pairs(tmp_path / "m.parquet", [picture(1), picture(2)])
    cases = mirror_cases("mine", "vg_relation", [path], tmp_path / "images")
    assert len({case["image_path"] for case in cases}) == 2


def test_order_sets_keep_their_frozen_options(tmp_path: Path) -> None:
    hard = {f"hard_text_{k}": [f"Shuffle {k} ."] for k in (1, 2, 3, 4, 10)}
    path = write(tmp_path / "m.parquet", images=structs(picture(0)), **hard, correct_caption=["A dog runs ."])
    (case,) = mirror_cases("mine", "coco_order", [path], tmp_path / "images")
    assert case["options"] == ("A dog runs .", *(f"Shuffle {k} ." for k in (1, 2, 3, 4, 10)))
    assert (case["truth"], case["group"], case["caption"]) == (0, "", "A dog runs .")


def test_rows_without_a_readable_image_stay_with_a_reason(tmp_path: Path) -> None:
    path = pairs(tmp_path / "m.parquet", structs(picture(0), None, b"no image", b""))
    cases = mirror_cases("mine", "vg_relation", [path], tmp_path / "images")
    assert [case["status"] for case in cases] == ["ok", "image_missing", "image_unreadable", "image_missing"]
    assert "row 1: the table holds no image here" in cases[1]["reason"] and "row 2" in cases[2]["reason"]
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_several_tables_are_one_mirror(tmp_path: Path) -> None:
    files = [pairs(tmp_path / f"test-{k}-of-2.parquet", [picture(k + shade) for shade in (0, 9)]) for k in (0, 1)]
    cases = mirror_cases("mine", "vg_relation", files, tmp_path / "images")
    assert len({case["image_path"] for case in cases}) == 4
    assert {case["text_sha256"] for case in cases} == {text_digest(files)} != {text_digest(files[::-1])}
    assert mirror_cases("mine", "vg_relation", files, tmp_path / "images", first=3) == cases[:3]
    section = PairRetrievalDataset(kind="vg_relation", file=f"{tmp_path}/test-*.parquet")
    assert retrieval_input_files(section) == files
    assert retrieval_image_folder(section, tmp_path / "results") == tmp_path / "results" / "images"


def test_only_the_images_of_the_first_cases_are_written(tmp_path: Path) -> None:
    path = pairs(tmp_path / "m.parquet", [picture(shade) for shade in range(5)])
    assert len(mirror_cases("mine", "vg_relation", [path], tmp_path / "images", first=2)) == 2
    assert len(list((tmp_path / "images").iterdir())) == 2


def test_every_row_without_captions_is_told_before_an_image_is_written(tmp_path: Path) -> None:
    images = structs(*[picture(0)] * 4)
    path = write(
        tmp_path / "m.parquet",
        image=images,
        true_caption=[TRUE, None, TRUE, " "],
        false_caption=["", FALSE, FALSE, None],
    )
    with pytest.raises(InputError) as caught:
        mirror_cases("mine", "vg_relation", [path], tmp_path / "images")
    assert [line.removeprefix(f"{path}, ") for line in str(caught.value).splitlines()] == [
        "record 0: `false_caption` is ''; expected text, not empty.",
        "record 1: `true_caption` is None; expected text, not empty.",
        "record 3: `false_caption` is None; expected text, not empty.",
        "record 3: `true_caption` is ' '; expected text, not empty.",
    ]
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize(
    ("kind", "columns", "message"),
    [
        (
            "vg_relation",
            ("image", "true_caption"),
            "a mirror of vg_relation has `image`, `true_caption`, `false_caption`",
        ),
        (
            "vg_attribution",
            ("true_caption", "false_caption"),
            "the columns are true_caption, false_caption; a mirror of",
        ),
        ("coco_order", ("images", "correct_caption"), "has `image`, `correct_caption`, `hard_text_1`"),
        ("flickr30k_order", ("images", "hard_text_1"), "has `image`, `correct_caption`, `hard_text_1`"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, kind: Any, columns: tuple[str, ...], message: str) -> None:
    path = write(tmp_path / "m.parquet", **{name: ["a"] for name in columns})
    with pytest.raises(InputError, match=message):
        mirror_cases("mine", kind, [path], tmp_path / "images")


def test_files_that_are_no_tables_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"text\.parquet: this is not a readable Parquet table"):
        mirror_cases("mine", "vg_relation", [tmp_path / "text.parquet"], tmp_path / "images")
    with pytest.raises(InputError, match=r"absent\.parquet: no such file"):
        mirror_cases("mine", "vg_relation", [tmp_path / "absent.parquet"], tmp_path / "images")


@pytest.mark.parametrize(
    ("true", "false", "group"),
    [
        (TRUE, FALSE, "to the left of"),
        ("the old man is wearing the red hat", "the red hat is wearing the old man", "wearing"),
        ("the man is next to the man", "the man is next to the man", "next to"),
        ("the sign that is red is on the wall", "the wall is on the sign that is red", "on"),
        ("the dog is on the cat", "the cat is under the dog", ""),
        ("the dog is on the cat", "the bird is on the dog", ""),
        ("a dog left of a cat", "a cat left of a dog", ""),
        ("the dog", "the dog", ""),
        ("the dog is the cat", "the cat is the dog", ""),
    ],
)
def test_relations_are_read_off_the_template(true: str, false: str, group: str) -> None:
    assert relation_group(true, false) == group


@pytest.mark.parametrize(
    ("true", "false", "group"),
    [
        ("the open door and the brown dog", "the brown door and the open dog", "open | brown"),
        ("the dark blue sky and the wet dog", "the wet sky and the dark blue dog", "dark blue | wet"),
        ("the big tennis ball and the new tennis shoe", "the new tennis ball and the big tennis shoe", "big | new"),
        (
            "the red salt and the pepper and the white plate",
            "the white salt and the pepper and the red plate",
            "red | white",
        ),
        ("the open door and the brown dog", "the open dog and the brown door", ""),
        ("the door and the dog", "the dog and the door", ""),
        ("a red dog and a blue cat", "a blue dog and a red cat", ""),
        ("the open door and a brown dog", "the brown door and the open dog", ""),
    ],
)
def test_attributes_are_read_off_the_template(true: str, false: str, group: str) -> None:
    assert attributes_group(true, false) == group


def test_the_stage_makes_cases_of_a_mirror(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        tmp_path / "m.parquet",
        image=structs(picture(0), None, picture(2)),
        true_caption=[TRUE, TRUE, FALSE],
        false_caption=[FALSE, FALSE, FALSE],
    )
    section = PairRetrievalDataset(kind="vg_relation", file=str(path))
    output = tmp_path / "results" / "cases.parquet"
    read = settings("build_retrieval_cases", "mine", retrieval_datasets={"mine": section})
    build_retrieval_cases.run(argparse.Namespace(dataset="mine", settings=read, seed=0, output=output))
    frame = read_retrieval_cases(output)
    assert frame["status"].tolist() == ["ok", "image_missing", "ok"]
    folder = retrieval_image_folder(section, output.parent)
    assert all((folder / name).is_file() for name in frame.loc[frame["status"] == "ok", "image_path"])
    record = json.loads(output.with_suffix(".provenance.json").read_text())
    assert record["extra"]["tied_cases"] == record["extra"]["tied_options"] == 1
    assert record["extra"]["status"] == {"ok": 2, "image_missing": 1}
    printed = capsys.readouterr().out
    assert (
        "3 cases of 3 images, 1 false options that read like the true one (in 1 cases), 1 lost: case 1: image_missing"
        in printed
    )
