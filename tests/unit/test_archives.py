"""Zip archives: what is unpacked, and what is refused."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from infodecomp.fetching import download as downloads
from infodecomp.fetching.archives import unpack
from infodecomp.runs.errors import InputError

FILES = {"val/a.txt": b"first", "val/deep/b.txt": b"second", "lists/c.json": b"{}", "other/d.txt": b"not wanted"}


def make(path: Path, files: dict[str, bytes], *special: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for member, content in special:
            archive.writestr(member, content)
    return path


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_the_places_are_unpacked(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.zip", {**FILES, "__MACOSX/val/._a.txt": b"", "val/": b""})
    out = tmp_path / "out"
    assert unpack(archive, ["val/", "lists/c.json"], out) == 3
    assert below(out) == {name: content for name, content in FILES.items() if not name.startswith("other")}


def test_one_leading_folder_is_looked_through(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.zip", {f"release/{name}": content for name, content in FILES.items()})
    unpack(archive, ["val/"], tmp_path / "out")
    assert set(below(tmp_path / "out")) == {"val/a.txt", "val/deep/b.txt"}


def test_what_is_there_stays_and_what_is_not_whole_is_replaced(tmp_path: Path) -> None:
    archive, out = make(tmp_path / "a.zip", FILES), tmp_path / "out"
    unpack(archive, ["val/"], out)
    before = (out / "val" / "a.txt").stat()
    unpack(archive, ["val/"], out)
    assert (out / "val" / "a.txt").stat().st_ino == before.st_ino
    (out / "val" / "deep" / "b.txt").write_bytes(b"half")
    unpack(archive, ["val/"], out)
    assert (out / "val" / "deep" / "b.txt").read_bytes() == b"second"
    assert sorted(path.name for path in out.iterdir()) == ["val"]


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        ("../escaped.txt", stat.S_IFREG | 0o644, "leads out of it"),
        ("val/../../escaped.txt", stat.S_IFREG | 0o644, "leads out of it"),
        ("/tmp/escaped.txt", stat.S_IFREG | 0o644, "leads out of it"),
        ("val\\..\\..\\escaped.txt", stat.S_IFREG | 0o644, "leads out of it"),
        ("C:escaped.txt", stat.S_IFREG | 0o644, "leads out of it"),
        ("val/link", stat.S_IFLNK | 0o777, "is a link"),
        ("val/pipe", stat.S_IFIFO | 0o644, "is no plain file"),
        ("val/device", stat.S_IFBLK | 0o644, "is no plain file"),
        ("val/a.txt", stat.S_IFREG | 0o644, "is in it twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_no_data_set_has(tmp_path: Path, name: str, mode: int, told: str) -> None:
    """One such member, even one that is not wanted, and nothing of the archive is unpacked."""
    archive = make(tmp_path / "a.zip", FILES, (member(name, mode), b"../outside"))
    inside = tmp_path / "one" / "two"
    with pytest.raises(InputError, match=f"refused, because .* {told}"):
        unpack(archive, ["val/"], inside)
    assert not inside.exists()
    assert not [path for path in (*tmp_path.rglob("escaped*"), Path("/tmp/escaped.txt")) if path.exists()]


def test_a_link_in_the_archive_does_not_redirect_what_follows(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    link = (member("val", stat.S_IFLNK | 0o777), os.fsencode(target))
    archive = make(tmp_path / "a.zip", {}, link, (member("val/a.txt", stat.S_IFREG | 0o644), b"x"))
    with pytest.raises(InputError, match="'val' is a link"):
        unpack(archive, ["val/"], tmp_path / "out")
    assert not list(target.iterdir())


def test_damage_is_found_by_the_crc(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.zip", {"val/a.txt": b"first" * 100})
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"firstfirst", b"firstfurst", 1))
    with pytest.raises(InputError, match=r"the archive is damaged \(Bad CRC-32.*delete it to have it fetched again"):
        unpack(archive, ["val/"], tmp_path / "out")
    assert not (tmp_path / "out" / "val").exists()
    archive.write_bytes(content[:-30])
    with pytest.raises(InputError, match="the archive is damaged"):
        unpack(archive, ["val/"], tmp_path / "out")


def test_a_place_that_is_not_in_it(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.zip", FILES)
    with pytest.raises(InputError, match=r"the archive has no test/ and no lists/x\.json"):
        unpack(archive, ["val/", "test/", "lists/x.json"], tmp_path / "out")


def test_a_full_disk_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make(tmp_path / "a.zip", FILES)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(InputError, match=r"0\.1 GB are needed and 0\.0 GB are free"):
        unpack(archive, ["val/"], tmp_path / "out")
    assert not (tmp_path / "out" / "val").exists()
