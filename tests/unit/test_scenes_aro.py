"""The embedded retrieval sets: in ARO's layouts, true and false as the picture says, read by the code that reads ARO."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infodecomp.config import PairRetrievalDataset, RetrievalDatasetSection, ScenesSection, default_config
from infodecomp.datasets.retrieval_cases import read_retrieval_cases, ties
from infodecomp.pictures.images import load_image
from infodecomp.runs.errors import InputError
from infodecomp.scenes.aro import ORDER_FILES, PAIR_FILES, write_aro_scenes
from infodecomp.scenes.captions import vocabulary
from infodecomp.scenes.dataset import CREDIT
from infodecomp.scenes.parsing import ADJECTIVES, parse_mentions
from infodecomp.scenes.world import CATEGORIES, RELATIONS, SPLITS, TINTS
from infodecomp.stages import build_retrieval_cases, draw_scenes_aro
from tests.stage_settings import settings

SEED, CASES = 3, 21


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("aro")
    write_aro_scenes(path, SEED, CASES)
    return path


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads((folder / f"{name}.json").read_text()))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def captions(folder: Path) -> Iterator[str]:
    for name in PAIR_FILES:
        for record in records(folder, name):
            yield from (record["true_caption"], record["false_caption"])
    for name in ORDER_FILES:
        for record in records(folder, name):
            yield from record["caption"]


def test_every_set_has_its_cases_and_pictures(folder: Path) -> None:
    assert {name: len(records(folder, name)) for name in PAIR_FILES} == dict.fromkeys(PAIR_FILES, CASES)
    for name in ORDER_FILES:
        lengths = [len(record["caption"]) for record in records(folder, name)]
        assert sum(lengths) == CASES and max(lengths) <= 5 and min(lengths[:-1]) >= 3
        assert all(len(text.split()) >= 5 for record in records(folder, name) for text in record["caption"])
    named = {record["image_path"] for name in PAIR_FILES for record in records(folder, name)}
    named |= {record["image"] for name in ORDER_FILES for record in records(folder, name)}
    assert named == {f"images/{path.name}" for path in (folder / "images").iterdir()}
    assert len(named) == 3 * CASES + sum(len(records(folder, name)) for name in ORDER_FILES)
    assert all(load_image(folder / name).size == (64, 64) for name in named)
    assert (folder / "LICENSE.txt").read_text() == CREDIT


def test_no_picture_stands_twice(folder: Path) -> None:
    pictures = [path.read_bytes() for path in (folder / "images").iterdir()]
    assert len(set(pictures)) == len(pictures)


def test_captions_stay_within_the_closed_vocabulary(folder: Path) -> None:
    words = {word for caption in captions(folder) for word in caption.split()}
    assert words <= set(vocabulary())


def test_the_box_is_the_whole_picture(folder: Path) -> None:
    for name in PAIR_FILES:
        for record in records(folder, name):
            assert [record[f"bbox_{side}"] for side in "xywh"] == [0, 0, 64, 64]


def test_relations_swap_bare_nouns(folder: Path) -> None:
    seen = set()
    for record in records(folder, "visual_genome_relation"):
        true, false = parse_mentions(record["true_caption"]), parse_mentions(record["false_caption"])
        assert [m.category for m in true] == [m.category for m in false][::-1] and len(true) == 2
        assert all(mention.adjective is None for mention in (*true, *false))
        assert {(m.category, m.side) for m in true}.isdisjoint((m.category, m.side) for m in false)
        assert (
            f" {record['relation_name']} " in record["true_caption"]
            and f" {record['relation_name']} " in record["false_caption"]
        )
        seen.add(record["relation_name"])
    assert seen == set(RELATIONS)


def test_attributions_swap_tints(folder: Path) -> None:
    for record in records(folder, "visual_genome_attribution"):
        true, false = parse_mentions(record["true_caption"]), parse_mentions(record["false_caption"])
        assert [m.category for m in true] == [m.category for m in false] and len(true) == 2
        tints = [ADJECTIVES[mention.adjective] for mention in true]
        assert tints == record["attributes"] == [ADJECTIVES[mention.adjective] for mention in false][::-1]
        assert tints[0] != tints[1] and set(tints) <= set(TINTS)
        assert record["true_caption"].split()[-3] in ("on", "in")


def test_noun_swaps_change_one_noun(folder: Path) -> None:
    things = set()
    for record in records(folder, "noun_swap"):
        true, false = parse_mentions(record["true_caption"]), parse_mentions(record["false_caption"])
        old, new = record["relation_name"].split(" → ")
        assert (CATEGORIES[true[0].category], CATEGORIES[false[0].category]) == (old, new) and old != new
        assert [m.category for m in true[1:]] == [m.category for m in false[1:]]
        assert true[0].adjective == false[0].adjective is not None
        assert new not in [CATEGORIES[m.category] for m in true]
        things.add(len(true))
    assert things == {1, 2}


def test_writing_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_aro_scenes(tmp_path, SEED, CASES)
    assert files(tmp_path) == files(folder)


def test_fewer_cases_are_the_first_of_more(folder: Path, tmp_path: Path) -> None:
    write_aro_scenes(tmp_path, SEED, 6)
    for name in PAIR_FILES:
        assert records(tmp_path, name) == records(folder, name)[:6]
    for name in ORDER_FILES:
        few, more = (
            [(record["image"], text) for record in records(where, name) for text in record["caption"]]
            for where in (tmp_path, folder)
        )
        assert few == more[:6]
    for path in (tmp_path / "images").iterdir():
        assert path.read_bytes() == (folder / "images" / path.name).read_bytes()


def test_another_seed_draws_other_scenes(folder: Path, tmp_path: Path) -> None:
    write_aro_scenes(tmp_path, SEED + 1, 5)
    first = "images/noun_swap_000000.png"
    assert (tmp_path / first).read_bytes() != (folder / first).read_bytes()


def test_the_stream_is_its_own() -> None:
    assert len(set(SPLITS.values())) == len(SPLITS) and "retrieval" in SPLITS


def build(output: Path, section: RetrievalDatasetSection) -> Any:
    build_retrieval_cases.run(
        argparse.Namespace(
            dataset="mine",
            settings=settings("build_retrieval_cases", "mine", retrieval_datasets={"mine": section}),
            seed=0,
            output=output / "cases.parquet",
        )
    )
    return read_retrieval_cases(output / "cases.parquet")


def test_the_demo_reads_every_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = default_config()
    sections = {
        name: data for name, data in config.retrieval_datasets.items() if data.file.startswith("data/scenes/aro/")
    }
    assert len(sections) == 5
    scenes = ScenesSection(seed=SEED, retrieval=10)
    draw_scenes_aro.run(
        argparse.Namespace(settings=settings("draw_scenes_aro", scenes=scenes), output_dir=Path("data/scenes/aro"))
    )
    provenance = json.loads(Path("data/scenes/aro/aro.provenance.json").read_text())
    assert provenance["stage"] == "draw_scenes_aro" and provenance["section"]["retrieval"] == 10
    for name, section in sections.items():
        frame = build(Path("results/demo") / name, section)
        assert len(frame) == 10 and set(frame["status"]) == {"ok"}
        record = json.loads((Path("results/demo") / name / "cases.provenance.json").read_text())
        tied = [ties(options, truth) for options, truth in zip(frame["options"], frame["truth"], strict=True)]
        assert record["extra"]["tied_options"] == sum(tied)
        if section.kind.endswith("_order"):
            assert {len(options) for options in frame["options"]} == {5}
            assert record["extra"]["tagger"].startswith("scenes of infodecomp")
            assert sum(tied) > 0
        else:
            assert set(frame["crop"]) == {"0,0,64,64"} and "" not in set(frame["group"]) and sum(tied) == 0
    assert "false options that read like the true one" in capsys.readouterr().out


def test_missing_images_are_rows_until_all_are_missing(folder: Path, tmp_path: Path) -> None:
    wanted = records(folder, "noun_swap")
    (tmp_path / "images").mkdir()
    for record in wanted[:2]:
        (tmp_path / record["image_path"]).write_bytes((folder / record["image_path"]).read_bytes())
    section = PairRetrievalDataset(
        kind="vg_relation", file=str(folder / "noun_swap.json"), images=str(tmp_path), first=4
    )
    assert build(tmp_path / "out", section)["status"].tolist() == ["ok", "ok", "image_missing", "image_missing"]
    with pytest.raises(InputError, match="none of the 4 images exists"):
        build(tmp_path / "none", section.model_copy(update={"images": str(tmp_path / "out")}))
    assert not (tmp_path / "none").exists()


def test_missing_files_are_named_with_advice(tmp_path: Path) -> None:
    section = PairRetrievalDataset(kind="vg_relation", file="absent.json", images=str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"missing: absent\.json, .*absent; `file` must name ARO's JSON"):
        build(tmp_path, section)


def test_building_cases_needs_no_torch(repository: Path) -> None:
    program = (
        "import sys, infodecomp.stages.build_retrieval_cases, infodecomp.stages.draw_scenes_aro;"
        "print([name for name in ('torch', 'spacy', 'nltk', 'transformers') if name in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=repository
    ).stdout
    assert printed.strip() == "[]"
