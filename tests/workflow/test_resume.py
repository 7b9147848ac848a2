"""A killed job goes on where it stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from infodecomp.editing.edits import EDIT_COLUMNS
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.jobs.model_job import COUNT_COLUMNS
from infodecomp.runs.storage import read_table
from tests.workflow.shard_runs import ShardRun, assert_close

PATIENCE = 120  # seconds


@pytest.mark.parametrize(
    ("stage", "draws", "columns"),
    [
        ("estimate_information", 16, SHARD_COLUMNS),
        ("record_gradients", 16, COUNT_COLUMNS),
        ("edit_images", 6, EDIT_COLUMNS),
    ],
)
def test_a_killed_run_resumes(
    scene_cases: tuple[Path, Path], repository: Path, tmp_path: Path, stage: str, draws: int, columns: dict[str, str]
) -> None:
    cases, images = scene_cases
    run = ShardRun(cases, images, tmp_path / "killed", stage, steps=(draws,), batch_size=8)
    process = subprocess.Popen([sys.executable, "-m", "infodecomp", "run", *run.arguments()], cwd=repository)
    try:
        deadline = time.monotonic() + PATIENCE
        while not run.finished():
            assert process.poll() is None and time.monotonic() < deadline, "no map appeared"
            time.sleep(0.01)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    finished = {path: path.stat().st_mtime_ns for path in run.finished()}
    assert not run.table().exists()

    resumed = run.run()
    assert 0 < len(finished) < len(resumed)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished

    whole = run.into(tmp_path / "whole")
    assert_close(resumed, whole.run())
    tables = [read_table(done.table(), columns)[["case_id", "status", "key", "evaluations"]] for done in (run, whole)]
    pd.testing.assert_frame_equal(*tables)
    assert set(tables[0]["status"]) == {"ok"}
