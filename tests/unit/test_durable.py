"""Which files and folders are put on the disk, in which order, and what a disk that refuses or fails leads to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infodecomp.runs.durable import put_in_place, sync_file, sync_files, sync_folder, sync_name, sync_tree


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in a folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def synced(here: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was put on the disk so far, relative to the working folder."""
    done: list[str] = []
    really = os.fsync

    def record(descriptor: int) -> None:
        really(descriptor)
        done.append(os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), here))

    monkeypatch.setattr(os, "fsync", record)
    return done


def write(*names: str) -> list[Path]:
    paths = [Path(name) for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return paths


def failing(number: int) -> Callable[[int], None]:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_files_come_before_the_folders_on_the_way_to_them_and_each_once(synced: list[str]) -> None:
    sync_files([*write("a/b/1", "a/b/2", "a/3"), Path("a/3")])
    assert synced == ["a/b/1", "a/b/2", "a/3", "a/b", "a", "."]


def test_elsewhere_the_way_goes_up_to_the_root(synced: list[str], here: Path) -> None:
    (outside := here.parent / "outside").mkdir()
    sync_name(outside / "file")
    assert synced[:2] == ["../outside", ".."] and "." not in synced


def test_a_tree_is_synced_without_what_its_links_name(synced: list[str]) -> None:
    write("elsewhere/large", "tree/1", "tree/sub/2")
    Path("tree/file").symlink_to("../elsewhere/large")
    Path("tree/folder").symlink_to("../elsewhere")
    sync_tree(Path("tree"))
    assert sorted(synced) == ["tree", "tree/1", "tree/sub", "tree/sub/2"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_a_folder_that_cannot_be_synced_is_skipped(here: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(os, "fsync", failing(number))
    sync_folder(here)


@pytest.mark.parametrize(
    ("sync", "number"), [(sync_folder, errno.EIO), (sync_file, errno.EIO), (sync_file, errno.ENOSPC)]
)
def test_a_failing_disk_is_reported_with_the_name(
    here: Path, monkeypatch: pytest.MonkeyPatch, sync: Callable[[Path], None], number: int
) -> None:
    path = here if sync is sync_folder else write("file")[0]
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(OSError) as caught:
        sync(path)
    assert caught.value.errno == number and caught.value.filename == str(path)


def test_a_missing_file_is_no_success(here: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync_files([Path("missing")])


def test_a_file_gets_its_name_when_its_content_is_on_the_disk(synced: list[str]) -> None:
    write("new", "old")
    put_in_place(Path("new"), Path("old"))
    assert synced == ["new", "."] and listing(".") == ["old"] and Path("old").read_text() == "new"


def test_a_folder_replaces_another_whole(synced: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the power fails, the name belongs to one of both, whole, or to nothing."""
    write("new/a", "old/b", "old/c", ".old.earlier/stale")
    seen = []
    record = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (record(descriptor), seen.append(listing("old")))[0])
    put_in_place(Path("new"), Path("old"))
    assert synced == ["new/a", "new", ".", "."]
    assert seen == [["b", "c"], ["b", "c"], [], ["a"]]
    assert listing(".") == ["old"] and listing("old") == ["a"]


def listing(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).exists() else []
