"""Working copies of the repository: a fresh one, and one in which the tiny study has run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import cases_table, write_cases
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.scenes.dataset import write_scenes
from tests.workflow.study import TINY, TINY_EDITING, TINY_RETRIEVAL, Study, working_copy


@pytest.fixture(scope="session")
def fresh(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy in which nothing has run; for dry runs and for runs that fail, which several tests may share."""
    return working_copy(repository, tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy in which the tiny study has run to its end. Read only: tests that change it take `study`."""
    return run_once(repository, shared_folder(tmp_path_factory, "finished"), TINY)


@pytest.fixture
def study(finished: Study, tmp_path: Path) -> Study:
    """A copy of the finished study, to change."""
    return finished.copy(tmp_path / "study")


@pytest.fixture(scope="session")
def finished_retrieval(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy in which the tiny retrieval study has run to its end. Read only, as `finished`."""
    return run_once(repository, shared_folder(tmp_path_factory, "retrieval"), TINY_RETRIEVAL, "retrieval")


@pytest.fixture
def retrieval_study(finished_retrieval: Study, tmp_path: Path) -> Study:
    """A copy of the finished retrieval study, to change."""
    return finished_retrieval.copy(tmp_path / "study")


@pytest.fixture(scope="session")
def finished_editing(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy in which the tiny editing study has run to its end. Read only, as `finished`."""
    return run_once(repository, shared_folder(tmp_path_factory, "editing"), TINY_EDITING, "editing")


@pytest.fixture
def editing_study(finished_editing: Study, tmp_path: Path) -> Study:
    """A copy of the finished editing study, to change."""
    return finished_editing.copy(tmp_path / "study")


@pytest.fixture(scope="session")
def scene_cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The cases table of twelve embedded scenes, cut to twelve cases, and the folder of their images."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, seed=0, count=12)
    instances = open_instances(folder / "annotations" / "instances_val2017.json")
    captions = open_captions(folder / "annotations" / "captions_val2017.json")
    cases = folder / "cases.parquet"
    write_cases(cases, cases_table(coco_it_cases("scenes", instances, captions, "word"), first=12))
    return cases, folder / "val2017"


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """A temporary folder that is the same one in all processes that share out the tests."""
    base = factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name


def run_once(repository: Path, folder: Path, base: Mapping[str, Any], *targets: str) -> Study:
    """A study that has run to its end: by the first process that asks for it; the others wait and take what it left."""
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if done.exists():
            return Study(folder, base)
        study = working_copy(repository, folder, base)
        run = study.snakemake(*targets)
        assert run.status == 0, run.output
        done.touch()
        return study
