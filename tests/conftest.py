"""Fixtures that several test folders use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread: on a busy machine, threads of small networks spend their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Recorded numbers of the released code and a COCO sample: beside the checkout, or where INFODECOMP_SHARED says."""
    folder = Path(os.environ.get("INFODECOMP_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("needs the folder of recorded reference data: set INFODECOMP_SHARED to it")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device; torch is imported only if there are such tests."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
