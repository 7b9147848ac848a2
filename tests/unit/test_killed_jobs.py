"""Jobs that died of a signal are named at the end of a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infodecomp.report.killed_jobs import killed_jobs

COMMAND = "set -euo pipefail;  {} 2>&1 | tee a.log"
STAGE = "infodecomp run estimate_information --shard 0001 --settings '{}'"


def failure(script: str) -> str:
    """What Snakemake writes into its log of a failed command: the text of subprocess's error."""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        subprocess.run(["bash", "-c", script], check=True, stderr=subprocess.DEVNULL)
    error = raised.value
    return str(subprocess.CalledProcessError(error.returncode, f"set -euo pipefail;  python -m {STAGE} {script}"))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "set -o pipefail; bash -c 'kill -KILL $$' | cat",
            "SIGKILL, which the system does when memory runs out: run fewer",
        ),
        ("kill -KILL $$", "SIGKILL, which the system does when memory runs out: run fewer jobs"),
        ("set -o pipefail; bash -c 'kill -ABRT $$' | cat", "SIGABRT, of which memory that ran out is one cause"),
        ("set -o pipefail; bash -c 'kill -BUS $$' | cat", "SIGBUS, of which memory that ran out is one cause"),
        ("kill -TERM $$", None),
        ("kill -INT $$", None),
        ("exit 1", None),
        ("exit 255", None),
    ],
)
def test_what_a_command_died_of(script: str, expected: str | None, tmp_path: Path) -> None:
    log = tmp_path / "snakemake.log"
    log.write_text(f"RuleException:\n{failure(script)}\n{failure(script)}\n", encoding="utf-8")
    sentences = list(killed_jobs([str(log), str(tmp_path / "missing.log")]))
    assert len(sentences) == (expected is not None)
    assert not expected or sentences[0].startswith(f"estimate_information was ended by {expected}")
