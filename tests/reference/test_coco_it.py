"""COCO-IT against the released generator's rows (79 real images, edge cases), and the stage that writes them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import CocoDataset, WordListDataset
from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import Case, read_cases
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.datasets.masks import load_mask
from infodecomp.pictures.images import load_image
from infodecomp.words.occurrences import WordRemoval
from tests.stage_settings import settings

Row = tuple[str, ...]


def expected_rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [tuple(row) for row in list(csv.reader(handle))[1:]]


def rows(cases: Sequence[Mapping[Any, Any]]) -> list[Row]:
    names = ("image_id", "label", "prompt_full", "prompt_context", "word")
    return [tuple(case[name] for name in names) for case in cases]


def words_of(text: str) -> list[str]:
    """What a tokenizer that ignores white space sees."""
    return re.findall(r"\w+|[^\w\s]", text)


def sample_cases(reference: Path, word_removal: WordRemoval) -> list[Case]:
    folder = reference / "coco_sample" / "annotations"
    instances = open_instances(folder / "instances_val2017.json")
    return coco_it_cases("coco", instances, open_captions(folder / "captions_val2017.json"), word_removal)


def edge_cases(reference: Path, word_removal: WordRemoval) -> list[Case]:
    folder = reference / "golden" / "coco_it"
    instances = open_instances(folder / "synthetic_instances.json")
    return coco_it_cases("edge", instances, open_captions(folder / "synthetic_captions.json"), word_removal)


def test_the_real_images_give_the_released_rows(reference: Path) -> None:
    expected = expected_rows(reference / "coco_sample" / "expected.csv")
    assert len(expected) == 126
    assert rows(sample_cases(reference, "substring")) == expected


def test_the_edge_cases_give_the_released_rows(reference: Path) -> None:
    expected = expected_rows(reference / "golden" / "coco_it" / "synthetic_expected.csv")
    assert len(expected) == 22
    assert rows(edge_cases(reference, "substring")) == expected


def test_whole_words_differ_in_the_damaged_rows_only(reference: Path) -> None:
    """Beyond white space, the default context differs only where a substring was cut out of another word."""
    damaged = {}
    for read in (sample_cases, edge_cases):
        released, ours = read(reference, "substring"), read(reference, "word")
        assert [row[:3] + row[4:] for row in rows(ours)] == [row[:3] + row[4:] for row in rows(released)]
        for one, other in zip(released, ours, strict=True):
            context = other["prompt_context"]
            assert context == " ".join(context.split())
            if words_of(context) != words_of(one["prompt_context"]):
                damaged[one["image_id"], one["word"]] = context
    assert damaged == {
        ("423617", "bus"): "a wet road busy with traffic like a taxi and",
        ("97", "person"): "A among persons",
        ("96", "bus"): "A busy street with a",
        ("91", "ski"): "skis on a slope",
        ("83", "bed"): "A bedroom, the 's cover, -side lamp",
    }


def test_every_real_case_has_a_mask_of_its_images_size(reference: Path, coco_sample: Path) -> None:
    instances = open_instances(coco_sample / "annotations" / "instances_val2017.json")
    for case in sample_cases(reference, "word"):
        image = load_image(coco_sample / "val2017" / case["image_path"])
        mask = load_mask(case, instances, coco_sample)
        assert mask.shape == (image.height, image.width)
        assert mask.any(), case["case_id"]


def test_the_stage_writes_the_table(
    reference: Path,
    coco_sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COCO_ROOT", str(coco_sample))
    output = tmp_path / "coco" / "cases.parquet"
    read = settings("build_cases", "coco", datasets={"coco": CocoDataset(word_removal="substring")})
    assert main(["build_cases", "--dataset", "coco", "--settings", read, "--output", str(output)]) == 0
    assert capsys.readouterr().out == "126 cases of 76 images, 0 lost\n"
    frame = read_cases(output)
    assert rows(frame.to_dict("records")) == expected_rows(reference / "coco_sample" / "expected.csv")
    record = json.loads(output.with_suffix(".provenance.json").read_text())
    assert record["extra"] == {"dataset": "coco", "cases": 126, "status": {"ok": 126}}
    read_files = {Path(name).name for name in record["inputs"]}
    assert {"instances_val2017.json", "captions_val2017.json", *frame["image_path"]} <= read_files


def test_the_stage_counts_lost_rows_and_refuses_a_dataset_without_cases(
    coco_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.csv"
    caption = next(iter(open_captions(coco_sample / "annotations/captions_val2017.json").anns.values()))
    good = f"{caption['image_id']},{caption['id']},first,{caption['caption'].split()[1]}\n"
    section = WordListDataset(list=str(words), root=str(coco_sample), localisation=False)
    read = settings("build_cases", "w", datasets={"w": section})
    command = ["build_cases", "--dataset", "w", "--settings", read, "--output", str(tmp_path / "cases.parquet")]

    words.write_text("image_id,caption_id,label,word\n1,2,dog,dog\n" + good)
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("2 cases of 2 images, 1 lost: 1 image_not_in_captions, the first because")

    words.write_text("image_id,caption_id,label,word\n1,2,dog,dog\n")
    assert main(command) == 1
    assert "the dataset w gives no case: 1 cases of 1 images, 1 lost" in capsys.readouterr().err
