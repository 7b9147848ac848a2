"""Data that a study needs is fetched by itself, once; what somebody has put there, or named, is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from infodecomp.scenes.dataset import write_scenes
from tests.workflow.packed_coco import pack
from tests.workflow.study import Run, Study, working_copy

# A shell would read it.
FOLDER = "mine; touch pwned $(touch pwned) `touch pwned`"
CASES = "results/tiny/coco/cases.parquet"
CONFIG: dict[str, Any] = {
    "datasets": {"scenes": None, "coco": {"kind": "coco_it"}},
    "fetch": {"sources": f"{FOLDER}/sources.csv", "local_path": FOLDER},
}


@pytest.fixture(scope="module")
def study(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy with archives of four scenes in COCO's layout, and a table that names them."""
    study = working_copy(repository, tmp_path_factory.mktemp("fetching"))
    scenes = study.folder / "drawn"
    write_scenes(scenes, seed=0, count=4)
    pack(scenes, study.folder / FOLDER)
    shutil.rmtree(scenes)
    return study


@pytest.fixture(scope="module")
def fetched(study: Study) -> Run:
    return study.snakemake(CASES, config=CONFIG)


def test_files_that_are_there_are_linked_and_unpacked(study: Study, fetched: Run) -> None:
    assert fetched.status == 0, fetched.output
    assert fetched.jobs == {"fetch_data": 2, "build_cases": 1}
    assert (study.folder / CASES).is_file()
    images = list((study.folder / "data/coco/val2017").iterdir())
    assert len(images) == 4
    assert (study.folder / "data/coco/fetched/val.zip").is_symlink()
    assert not list(study.folder.rglob("pwned*")), fetched.output


def test_nothing_is_done_twice(study: Study, fetched: Run) -> None:
    assert "Nothing to be done" in study.snakemake(CASES, "--dry-run", config=CONFIG).output
    # Other mirrors and another folder of files concern no result, and neither does checking the files again.
    moved = {**CONFIG, "fetch": {**CONFIG["fetch"], "local_path": "elsewhere"}}
    assert "Nothing to be done" in study.snakemake(CASES, "--dry-run", config=moved).output
    again = study.snakemake(CASES, "--forcerun", "fetch_data", config=CONFIG)
    assert again.status == 0, again.output
    assert set(again.jobs) == {"fetch_data"}
    assert "val.zip: " in again.output and "(was there already)" in again.output


def test_a_folder_of_ones_own_is_never_fetched_over(study: Study, fetched: Run, tmp_path: Path) -> None:
    """Neither COCO_ROOT, nor files below data/coco that somebody has put there."""
    own = tmp_path / "coco"
    shutil.copytree(study.folder / "data" / "coco", own, ignore=shutil.ignore_patterns("fetched"))
    run = study.snakemake(CASES, "--dry-run", config=CONFIG, environment={"COCO_ROOT": str(own)})
    assert run.status == 0 and "fetch_data" not in run.jobs, run.output
    fresh = working_copy(Path(__file__).resolve().parents[2], tmp_path / "fresh")
    shutil.copytree(own, fresh.folder / "data" / "coco")
    config = {"datasets": CONFIG["datasets"]}
    run = fresh.snakemake(CASES, "--dry-run", config=config)
    assert run.status == 0 and set(run.jobs) == {"build_cases"}, run.output


def test_what_is_had_by_a_form_alone_is_asked_for(study: Study) -> None:
    """No folder of files is named; the images of a representation study are among what is fetched."""
    config = {"parts": ["representation"], "representation": {"images": {"dataset": "ffhq"}}}
    run = study.snakemake("fetch", config=config)
    assert run.status != 0 and run.jobs["fetch_data"] == 1, run.output
    assert "thumbnails128x128 cannot be fetched: ask for it at https://github.com/NVlabs/ffhq-dataset" in run.output


def test_the_embedded_study_fetches_nothing(study: Study) -> None:
    run = study.command("snakemake", "fetch", "--cores", "1", "--dry-run")
    assert run.status == 0, run.output
    assert run.jobs == {"fetch": 1}
