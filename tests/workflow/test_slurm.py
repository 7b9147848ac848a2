"""The localisation chain on a real SLURM node through profiles/slurm, with a job cancelled midway."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow import slurm_node
from tests.workflow.faults import TABLE, Background, assert_same_tables
from tests.workflow.slurm_node import SlurmNode
from tests.workflow.study import TINY_WITHOUT_GRADIENTS, Study, working_copy

PATIENCE = 1200  # seconds

# What the profile says for clusters, and what this one lacks or a test cannot wait for.
OPTIONS = (
    *("--workflow-profile", "profiles/slurm"),
    *("--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1"),
    *("--latency-wait", "15"),
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SlurmNode]:
    reason = slurm_node.missing()
    if not reason and importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        reason = "needs the package snakemake-executor-plugin-slurm: pip install '.[slurm]'"
    if reason:
        pytest.skip(reason)
    started = SlurmNode(tmp_path / "slurm")
    try:
        try:
            started.start()
        except (OSError, subprocess.SubprocessError, TimeoutError) as error:
            pytest.skip(f"SLURM does not start here: {error}")
        yield started
    finally:
        started.stop()


@pytest.mark.slow
def test_the_chain_on_slurm_with_a_cancelled_job(
    node: SlurmNode, finished: Study, repository: Path, tmp_path: Path
) -> None:
    study = working_copy(repository, tmp_path / "study", TINY_WITHOUT_GRADIENTS)
    with Background(study, TABLE, *OPTIONS) as run:
        job = _running_estimate(node, run)
        subprocess.run(["scancel", job], check=True)
        status = run.wait(PATIENCE)
    assert status == 0, run.output
    assert "Trying to restart job" in run.output
    assert_same_tables(study, finished, without="gradient")


def _running_estimate(node: SlurmNode, run: Background) -> str:
    """The number of the first estimating job that runs; it must have the GPU that its rule asks for."""
    deadline = time.monotonic() + PATIENCE
    columns = "jobid:12,tres-per-job:20,comment:100"
    while time.monotonic() < deadline:
        assert run.status is None, run.output
        for line in node.ask("squeue", "--noheader", "--states", "RUNNING", "--Format", columns).splitlines():
            number, asked, comment = line.split()
            if "estimate_information" in comment:
                assert "gpu" in asked, line
                return number
        time.sleep(0.2)
    raise AssertionError(f"no job estimated anything: {run.output}")
