"""Whatever stops a study, the same command goes on, and its tables are those of an undisturbed run."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from infodecomp.cli import run_stage as main
from infodecomp.datasets.cases import read_cases
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.jobs.image_latents import ImageLatents
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.shards import ImageJob, shard_of
from infodecomp.runs.storage import read_arrays, read_table
from tests.workflow.faults import TABLE, Background, assert_same_tables, maps_of, without_estimates, without_scores
from tests.workflow.mounts import mount, mounted, read_only
from tests.workflow.shard_runs import ShardRun
from tests.workflow.study import TINY_WITHOUT_GRADIENTS, Study, working_copy

MOMENTS = 5


@pytest.fixture
def unfinished(study: Study) -> Study:
    """The finished study, but for the estimates and what follows from them."""
    return without_estimates(study)


def go_on(study: Study) -> str:
    """The same command again, to the end; what it prints."""
    run = study.snakemake(TABLE)
    assert run.status == 0, run.output
    return run.output


@pytest.mark.slow
def test_snakemake_killed_at_random_moments(finished: Study, repository: Path, tmp_path: Path) -> None:
    """From nothing to the table, killed whenever another random number of files has been written."""
    study = working_copy(repository, tmp_path / "study", TINY_WITHOUT_GRADIENTS)
    rng = random.Random(time.time_ns())
    scenes = finished.folder / "data" / "scenes"
    written = sum("record_gradients" not in path.parts for path in _files(finished.results / "scenes"))
    written += len(_files(scenes))
    for number, count in enumerate(sorted(rng.sample(range(1, written), MOMENTS))):
        with Background(study, TABLE) as run:
            happened = run.until(lambda count=count: _count(study) >= count)  # type: ignore[misc]
            orphans = psutil.Process(run.process.pid).children(recursive=True) if happened else []
            # Now and then what it had started lives on and writes beside the next run.
            (run.kill if number % 2 else run.kill_all)()
            if happened:
                assert run.status == -signal.SIGKILL, f"moment {count}: {run.output}"
        psutil.wait_procs(orphans, timeout=1)
        study.snakemake("--unlock")
    go_on(study)
    assert_same_tables(study, finished, without="gradient")


@pytest.mark.slow
def test_a_killed_worker(unfinished: Study, finished: Study) -> None:
    with Background(unfinished, TABLE) as run:
        assert run.until(lambda: run.worker("estimate_information") is not None), run.output
        worker = run.worker("estimate_information")
        assert worker is not None
        worker.kill()
        assert run.wait() != 0
        assert "The study stopped" in run.output
        assert "estimate_information was ended by SIGKILL, which the system does when memory runs out" in run.output
    go_on(unfinished)
    assert_same_tables(unfinished, finished)


@pytest.mark.slow
def test_a_second_snakemake_and_ctrl_c(unfinished: Study, finished: Study) -> None:
    """The second one is refused with a sentence; Ctrl-C ends the first, and needs no unlocking."""
    with Background(unfinished, TABLE) as run:
        assert run.until(lambda: run.worker("estimate_information") is not None), run.output
        second = unfinished.snakemake(TABLE)
        assert second.status != 0
        assert "Directory cannot be locked" in second.output and "no other Snakemake process" in second.output
        assert "Traceback" not in second.output
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.wait() != 0
    go_on(unfinished)
    assert_same_tables(unfinished, finished)


@pytest.mark.slow
def test_truncated_files_are_found_and_made_again(study: Study, finished: Study) -> None:
    """A table of a shard, and maps of a case of the other shard, whose table is whole; those of other cases stay."""
    table = study.results / "scenes" / "estimate_information" / "shard-0000.parquet"
    cases = read_cases(study.results / "scenes" / "cases.parquet")
    inside = {case for case, image in zip(cases["case_id"], cases["image_id"], strict=True) if shard_of(image, 2) == 1}
    damaged = next(path for path in maps_of(study) if path.stem in inside)
    without_scores(study)
    dates = {path: path.stat().st_mtime_ns for path in maps_of(study) if path != damaged}
    for path in (table, damaged):
        os.truncate(path, path.stat().st_size // 2)
    before = _files_and_dates(study)
    plan = study.snakemake("--dry-run", TABLE)
    assert plan.status == 0 and plan.jobs["estimate_information"] == 2, plan.output
    assert all(f"{path.relative_to(study.folder)}: this result is damaged" in plan.output for path in (table, damaged))
    assert _files_and_dates(study) == before, "a dry run has changed something"
    printed = go_on(study)
    assert all(f"{path.relative_to(study.folder)}: this file is damaged" in printed for path in (table, damaged))
    assert damaged.is_file()
    assert {path: path.stat().st_mtime_ns for path in dates} == dates
    assert_same_tables(study, finished)
    again = study.snakemake("--dry-run", TABLE)
    assert "Nothing to be done" in again.output, again.output


@pytest.mark.slow
def test_a_damaged_table_that_nobody_asks_for(study: Study) -> None:
    """It is no part of the run, and neither does it stop one; whoever needs it next makes it again."""
    runs = study.results / "validation" / "validate_estimator" / "dense_5.parquet"
    os.truncate(runs, runs.stat().st_size // 2)
    without_scores(study)
    plan = study.snakemake("--dry-run", TABLE)
    assert plan.status == 0 and "validate_estimator" not in plan.jobs, plan.output
    plan = study.snakemake("--dry-run", "validation")
    assert plan.status == 0 and plan.jobs["validate_estimator"] == 1, plan.output


def test_read_only_folders(fresh: Study) -> None:
    """One sentence before any job starts, and no lock is left: the same command goes on."""
    for folder in (
        fresh.folder / "results",
        fresh.results / "tables",
        fresh.results / "scenes" / "estimate_information",
    ):
        folder.mkdir(parents=True, exist_ok=True)
        with read_only(folder):
            run = fresh.snakemake(TABLE)
        assert run.status != 0
        # Or a folder in it, where another test left one.
        where = rf"^error: {re.escape(str(folder))}[^:]*: "
        said = where + "the file system is read-only; run the command in a writable folder, or make this one writable"
        assert re.search(said, run.output, re.MULTILINE), run.output
        assert "Traceback" not in run.output and "Drawing the scenes" not in run.output
    run = fresh.snakemake("data/scenes/words.csv")
    assert run.status == 0, run.output


@pytest.fixture(scope="module")
def undisturbed(scene_cases: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> ShardRun:
    """One shard of twelve cases, estimated to its end."""
    cases, images = scene_cases
    run = ShardRun(cases, images, tmp_path_factory.mktemp("undisturbed"), steps=(6,))
    run.run()
    return run


def test_a_full_disk(undisturbed: ShardRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = undisturbed.into(tmp_path / "full")
    run.maps.mkdir(parents=True)
    size = sum(path.stat().st_size for path in undisturbed.finished())
    with mounted(run.maps, "-t", "tmpfs", "-o", f"size={size // 2}", "tmpfs"):
        assert main(run.arguments()) == 1
        assert "the disk is full; free some space and run the same command again" in capsys.readouterr().err.lower()
        kept = run.finished()
        assert 0 < len(kept) < len(undisturbed.finished())
        assert len(list(run.maps.iterdir())) == len(kept), "half a file is left"
        assert not run.table().exists()
        mount("-o", f"remount,size={10 * size}", str(run.maps))
        assert main(run.arguments()) == 0
        _assert_same_shard(run, undisturbed)


def test_an_unreadable_image_and_a_denoiser_without_an_answer(
    undisturbed: ShardRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both become rows with a status; the other rows stay as they are; once mended, so do these."""
    frame = read_cases(undisturbed.cases)
    unreadable, unanswered = frame["image_path"].unique()[:2]
    images = tmp_path / "images"
    images.mkdir()
    for name in frame["image_path"].unique():
        (images / name).symlink_to(undisturbed.images / name)
    (images / unreadable).unlink()
    (images / unreadable).write_bytes(b"no picture")
    run = ShardRun(undisturbed.cases, images, tmp_path / "results", steps=undisturbed.steps)
    arguments = ["1" if before == "--max-failed-fraction" else text for before, text in _pairs(run.arguments())]

    with monkeypatch.context() as patch:
        _answer_nothing_for(patch, unanswered)
        assert main(arguments) == 0
    rows = read_table(run.table(), SHARD_COLUMNS).set_index("case_id")
    status = dict(zip(frame["case_id"], frame["image_path"], strict=True))
    expected = {unreadable: "image_unreadable", unanswered: "non_finite"}
    assert {case: rows.loc[case, "status"] for case in status} == {
        case: expected.get(path, "ok") for case, path in status.items()
    }
    assert (rows.loc[rows["status"] != "ok", "reason"] != "").all()
    whole = read_table(undisturbed.table(), SHARD_COLUMNS).set_index("case_id")
    fine = rows.index[rows["status"] == "ok"]
    pd.testing.assert_frame_equal(rows.loc[fine], whole.loc[fine])

    (images / unreadable).unlink()
    (images / unreadable).symlink_to(undisturbed.images / unreadable)
    assert main(run.arguments()) == 0
    _assert_same_shard(run, undisturbed)


def _answer_nothing_for(patch: pytest.MonkeyPatch, image_path: str) -> None:
    """Let the model answer NaN to every noised latent of an image, which is marked by a latent of NaN."""
    encode, answer = ImageLatents.latent_of, LatentDiffusion.__call__

    def encoding(images: ImageLatents, job: ImageJob, picture: torch.Tensor) -> torch.Tensor:
        latent = encode(images, job, picture)
        return torch.full_like(latent, torch.nan) if job.image_path == image_path else latent

    def answering(model: LatentDiffusion, x_alpha: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        marked = x_alpha.isnan().flatten(1).any(1)
        return torch.where(marked[:, None, None, None], torch.nan, answer(model, x_alpha.nan_to_num(), *others))

    patch.setattr(ImageLatents, "latent_of", encoding)
    patch.setattr(LatentDiffusion, "__call__", answering)


def _pairs(arguments: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *arguments], arguments, strict=False))


def _assert_same_shard(run: ShardRun, undisturbed: ShardRun) -> None:
    tables = [read_table(one.table(), SHARD_COLUMNS) for one in (run, undisturbed)]
    pd.testing.assert_frame_equal(*tables)
    assert [path.name for path in run.finished()] == [path.name for path in undisturbed.finished()]
    for path in run.finished():
        arrays, expected = read_arrays(path), read_arrays(undisturbed.maps / path.name)
        for name, array in expected.items():
            np.testing.assert_array_equal(arrays[name], array, err_msg=f"{path.name}: {name}")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]


def _files_and_dates(study: Study) -> dict[Path, int]:
    """Every file of a study and its date, without the overlays that tests write and what Snakemake keeps for itself."""
    files = [path for path in study.folder.rglob("*") if path.is_file()]
    own = [path for path in files if path.parent != study.folder and "__pycache__" not in path.parts]
    shown = [path for path in own if ".snakemake" not in path.parts]
    return {path: path.stat().st_mtime_ns for path in shown}


def _count(study: Study) -> int:
    return len(_files(study.results / "scenes")) + len(_files(study.folder / "data" / "scenes"))
