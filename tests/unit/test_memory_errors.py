"""Memory that runs out is said in one sentence, whoever notices it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from infodecomp.cli import run_stage
from infodecomp.models.batch_size import BatchSize
from infodecomp.runs import memory_errors
from infodecomp.runs.errors import InputError
from infodecomp.runs.memory_errors import memory_problem, ran_out_of_memory
from tests.unit.test_main import fake_stage

TORCH = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to get 8 bytes."
)
ERRORS = [
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((1,), np.dtype(float)),  # type: ignore[attr-defined]
    pa.ArrowMemoryError("malloc of size 8 failed"),
    TORCH,
    RuntimeError("[enforce fail] not enough memory: you tried to allocate 8 bytes."),
    RuntimeError("could not create a primitive"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("unable to mmap 8 bytes from file <x>: Cannot allocate memory (12)"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_errors_of_memory(error: Exception) -> None:
    sentence = memory_problem(error)
    assert sentence is not None and sentence.startswith("the memory ran out: ") and "machine → batch_size" in sentence


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shape mismatch"),
        OSError(errno.ENOSPC, "No space left on device"),
        ImportError("no module"),
        ValueError(),
    ],
    ids=repr,
)
def test_other_errors(error: Exception) -> None:
    assert memory_problem(error) is None


def test_the_cause_counts() -> None:
    error = InputError("weights.safetensors cannot be read")
    error.__cause__ = TORCH
    assert memory_problem(error) is not None and memory_problem(InputError("a bad row")) is None


def test_threads_need_memory_where_it_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("can't start new thread")
    for limit, expected in ((resource.RLIM_INFINITY, False), (10**9, True)):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limit=limit: (limit, limit))
        assert ran_out_of_memory(error) == expected


def test_the_smallest_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, group = tmp_path / "meminfo", tmp_path / "memory.max"
    table.write_text("MemTotal: 8000000 kB\nMemAvailable: 1000000 kB\n", encoding="utf-8")
    monkeypatch.setattr(memory_errors, "_MEMORY_TABLE", table)
    monkeypatch.setattr(memory_errors, "_GROUP_LIMITS", (group, tmp_path / "missing"))
    limit = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limit, limit))
    expected = {
        "max": "8.2 GB (that of the machine, 1.0 GB of it free)",
        "2000000000": "2.0 GB (the limit of the container",
    }
    for text, words in expected.items():
        group.write_text(f"{text}\n", encoding="utf-8")
        assert f"there are {words}" in str(memory_problem(MemoryError()))
    limit = 10**9
    assert "there are 1.0 GB (the address space of a process, by ulimit -v)" in str(memory_problem(MemoryError()))
    assert "that of the GPU" in str(memory_problem(ERRORS[-1]))


@pytest.mark.parametrize("error", [MemoryError(), TORCH, pa.ArrowMemoryError("malloc")], ids=repr)
def test_a_stage_says_it_and_exits_with_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_stage(monkeypatch, error)
    assert run_stage(["fake", "--output", "a.json"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: the memory ran out: ") and len(printed.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux alone")
def test_a_real_limit() -> None:
    """The libraries of the model do not fit, and the command itself does."""
    limit = 300_000_000
    done = subprocess.run(
        [sys.executable, "-m", "infodecomp", "run", "estimate_information", "--help"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(
        "error: the memory ran out: there are 0.3 GB (the address space of a process, by ulimit -v)"
    )
    assert len(done.stderr.splitlines()) == 1


def test_a_call_on_a_cpu_is_split_until_it_fits() -> None:
    def call(rows: torch.Tensor) -> torch.Tensor:
        if len(rows) > most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")
        return 2 * rows

    most, size = 3, BatchSize(16)
    assert torch.equal(size.run(call, torch.arange(10)), 2 * torch.arange(10))
    assert int(size) == 2
    most = 0
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        size.run(call, torch.arange(10))
