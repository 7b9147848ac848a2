"""Each process takes a GPU of its own, and number formats are those that the device has."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from infodecomp.models import devices, gpus
from infodecomp.runs.errors import InputError

# Claims a GPU of three, says which, and keeps it until its input ends.
CLAIM = """
import sys
from pathlib import Path
from infodecomp.models.gpus import claim
print(claim(["a", "b", "c"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    held: dict[Path, object] = {}
    monkeypatch.setattr(gpus, "_held", held)
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    yield
    for handle in held.values():
        handle.close()  # type: ignore[attr-defined]


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """torch sees three GPUs; the numbers that were made the current one."""
    current: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid="abc"[number]))
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    return current


def start(folder: Path, repository: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLAIM, str(folder)]
    return subprocess.Popen(command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(job: subprocess.Popen[str]) -> str:
    assert job.stdout is not None
    return job.stdout.readline().strip()


def test_processes_take_different_gpus_until_they_die(tmp_path: Path, repository: Path) -> None:
    jobs = [start(tmp_path, repository) for _ in range(3)]
    try:
        assert sorted(said(job) for job in jobs) == ["0", "1", "2"]
        waiting = start(tmp_path, repository)
        jobs.append(waiting)
        assert said(waiting) == "waiting for a GPU: other jobs hold all 3"
        freed = jobs[1]
        freed.kill()
        freed.wait()
        assert said(waiting) in ("0", "1", "2")
    finally:
        for job in jobs:
            job.kill()
            job.communicate()


def test_a_process_keeps_the_gpu_that_it_has(three_gpus: list[int]) -> None:
    with (gpus.claims_folder() / "a.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # as another process would
        assert devices.resolve_device("cuda") == "cuda:1"
    assert devices.resolve_device("auto") == devices.resolve_device("cuda") == "cuda:1"
    assert len(gpus._held) == 1 and set(three_gpus) == {1}


def test_a_numbered_gpu_is_taken_as_it_is(three_gpus: list[int]) -> None:
    assert devices.resolve_device("cuda:1") == "cuda:1" and three_gpus == [1]
    with pytest.raises(InputError, match=r"'cuda:3', but torch finds 3 of them; allowed is up to cuda:2"):
        devices.resolve_device("cuda:3")


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.resolve_device("auto") == devices.resolve_device("cpu") == "cpu"
    with pytest.raises(InputError, match="torch finds no CUDA device"):
        devices.resolve_device("cuda")


def test_gpus_are_counted_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [gpus.count_gpus({"CUDA_VISIBLE_DEVICES": value}) for value in ("", "-1", "3", "0,2", "GPU-a,GPU-b,")] == [
        0,
        0,
        1,
        2,
        2,
    ]
    listed = "GPU 0: NVIDIA A100 (UUID: GPU-1)\nGPU 1: NVIDIA A100 (UUID: GPU-2)\n  MIG 1g.5gb Device 0: (UUID: x)\n"
    monkeypatch.setattr(gpus.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=listed))
    assert gpus.count_gpus({}) == 2

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(gpus.subprocess, "run", missing)
    assert gpus.count_gpus({}) == 0


def test_precision_follows_the_device() -> None:
    assert devices.resolve_precision("auto", "cpu") == devices.resolve_precision("auto", "mps") == "float32"
    assert devices.resolve_precision("auto", "cuda:1") == devices.resolve_precision("tf32", "cuda") == "tf32"
    assert devices.resolve_precision("bfloat16", "cpu") == "bfloat16"
    with pytest.raises(
        InputError, match=r"model → precision is 'tf32', but the device is cpu.*auto, float32, bfloat16"
    ):
        devices.resolve_precision("tf32", "cpu")


def test_products_are_rounded_to_tf32_only_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    matmul, cudnn = SimpleNamespace(allow_tf32=None), SimpleNamespace(allow_tf32=None)
    monkeypatch.setattr(torch.backends.cuda, "matmul", matmul)
    monkeypatch.setattr(torch.backends, "cudnn", cudnn)
    for precision, dtype, allowed in (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
        ("float16", torch.float16, False),
    ):
        assert devices.set_precision(precision) == dtype
        assert matmul.allow_tf32 is cudnn.allow_tf32 is allowed
