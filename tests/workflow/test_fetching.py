"""Data that a study needs is fetched by itself, once; what somebody has put there, or named, is left alone."""

from __future__ import annotations

import csv
import hashlib
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.scenes import write_scenes
from pipeline.fetching.sources import COLUMNS
from tests.workflow.study import Run, Study, working_copy

# A shell would read it.
FOLDER = "mine; touch pwned $(touch pwned) `touch pwned`"
CASES = "results/tiny/coco/cases.parquet"
CONFIG: dict[str, Any] = {
    "datasets": {"scenes": None, "coco": {"kind": "coco_it"}},
    "fetch": {"sources": f"{FOLDER}/sources.csv", "local_path": FOLDER},
}


def archive(path: Path, folder: Path, *parts: str) -> dict[str, str]:
    """Zip parts of a folder; returns size and hash for the table."""
    with zipfile.ZipFile(path, "w") as written:
        for part in parts:
            for file in sorted((folder / part).rglob("*")):
                written.write(file, file.relative_to(folder))
    content = path.read_bytes()
    return {"file": path.name, "bytes": str(len(content)), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.fixture(scope="module")
def study(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy with archives of four scenes in COCO's layout, and a table that names them."""
    study = working_copy(repository, tmp_path_factory.mktemp("fetching"))
    scenes, mine = study.folder / "drawn", study.folder / FOLDER
    mine.mkdir()
    write_scenes(scenes, seed=0, count=4)
    nowhere = {"dataset": "coco", "version": "1", "url": "http://127.0.0.1:9/x.zip", "licence": "none"}
    lists = "annotations/instances_val2017.json annotations/captions_val2017.json"
    rows = [
        {**nowhere, **archive(mine / "val.zip", scenes, "val2017"), "places": "val2017/"},
        {**nowhere, **archive(mine / "lists.zip", scenes, "annotations"), "places": lists},
    ]
    with (mine / "sources.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
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


def test_the_embedded_study_fetches_nothing(study: Study) -> None:
    run = study.command("snakemake", "fetch", "--cores", "1", "--dry-run")
    assert run.status == 0, run.output
    assert run.jobs == {"fetch": 1}
