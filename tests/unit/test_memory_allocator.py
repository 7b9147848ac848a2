"""Freed memory is kept: a call that needs it again is given no new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CALLS = """
import resource, sys
import torch
from infodecomp.runs.memory_allocator import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    assert keep_freed_memory()

def call():
    a, b = torch.ones(4_000_000), torch.ones(4_000_000)  # 16 MB each
    (a + b).sum()

for _ in range(5):
    call()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    call()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(how: str) -> int:
    """Pages that ten calls were given."""
    run = subprocess.run([sys.executable, "-c", CALLS, how], check=True, capture_output=True, text=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")
def test_calls_use_the_same_memory_again() -> None:
    assert pages("keep") < 1000 < pages("give back")
