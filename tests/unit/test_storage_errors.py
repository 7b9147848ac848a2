from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from infodecomp.runs.storage_errors import disk_problem, write_problem


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permissions"),
        (errno.EIO, "disk failed"),
    ],
)
def test_the_sentence_names_the_file_and_what_to_do(number: int, words: str) -> None:
    sentence = disk_problem(OSError(number, os.strerror(number), "results/a.npz"))
    assert sentence is not None and sentence.startswith("results/a.npz: ") and words in sentence


def test_without_a_file_it_is_a_sentence_too() -> None:
    assert disk_problem(OSError(errno.ENOSPC, "No space left on device")) == (
        "The disk is full; free some space and run the same command again; it continues where it stopped."
    )


def test_other_errors_are_not_explained_away() -> None:
    assert disk_problem(OSError(errno.EPIPE, "Broken pipe")) is None
    assert disk_problem(OSError("no number")) is None
    assert disk_problem(OSError(errno.EIO, "the terminal is gone")) is None


def refuse(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Let the system say that these cannot be written; it says so to everyone but root."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) not in paths)


def test_the_nearest_folder_that_is_there_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write_problem(tmp_path / "results" / "demo") is None
    refuse(monkeypatch, tmp_path)
    assert write_problem(tmp_path / "results" / "demo") == (
        f"{tmp_path}: permission denied; change its permissions, or run the command as its owner."
    )


def test_a_read_only_file_system_is_told_from_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert write_problem(tmp_path) == (
        f"{tmp_path}: the file system is read-only; run the command in a writable folder, or make this one writable."
    )


def test_the_first_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "a.log"
    log.touch()
    refuse(monkeypatch, log)
    assert write_problem(tmp_path, tmp_path / "b.log") is None
    assert str(write_problem(tmp_path, log)).startswith(f"{log}: permission denied")
