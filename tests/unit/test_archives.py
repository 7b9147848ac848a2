"""Zip archives: what is unpacked, and what is refused."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from infodecomp.fetching import archives
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
        ("val/socket", stat.S_IFSOCK | 0o644, "is no plain file"),
        ("val/a.txt", stat.S_IFREG | 0o644, "is in it twice"),
        ("val/./a.txt", stat.S_IFREG | 0o644, "is in it twice"),
        ("val//a.txt", stat.S_IFREG | 0o644, "is in it twice"),
        ("val/a.txt/b.txt", stat.S_IFREG | 0o644, "is a file and a folder"),
        ("val", stat.S_IFREG | 0o644, "is a file and a folder"),
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
    assert not below(tmp_path / "out")
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


def sizes(path: Path, *members: tuple[int, int]) -> Path:
    """Write other sizes, packed and unpacked, into the central directory of an archive, member by member."""
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    for packed, unpacked in members:
        struct.pack_into("<II", content, start + 20, packed, unpacked)
        start = content.find(b"PK\x01\x02", start + 4)
    path.write_bytes(content)
    return path


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    archive, out = tmp_path / "a.zip", tmp_path / "out"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for number in range(3):
            opened.writestr(f"val/{number}.txt", bytes(40_000_000))
    with pytest.raises(InputError, match="claim to unpack to 120000000; allowed are 100000000; if you trust it"):
        unpack(archive, ["val/"], out)
    assert not out.exists()


def test_lists_that_are_packed_well_are_no_bomb(tmp_path: Path) -> None:
    """A hundred times smaller than what it holds, and small."""
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("lists/c.json", b'{"segmentation": [0, 0, 9, 0, 9, 9]}' * 500_000)
    assert archive.stat().st_size * 100 < 18_000_000
    assert unpack(archive, ["lists/c.json"], tmp_path / "out") == 1


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 3)
    with pytest.raises(InputError, match="refused, because it holds 4 files; allowed are 3"):
        unpack(make(tmp_path / "a.zip", FILES), ["val/"], tmp_path / "out")
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 4)
    assert unpack(make(tmp_path / "a.zip", FILES), ["val/"], tmp_path / "out") == 2


def test_members_that_share_their_bytes(tmp_path: Path) -> None:
    """The kernel of a bomb that claims honest ratios: many names for the same packed bytes."""
    archive = make(tmp_path / "a.zip", {f"val/{number}.txt": b"x" * 1000 for number in range(3)})
    content = bytearray(archive.read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    struct.pack_into("<I", content, second + 42, 0)  # where its bytes begin
    archive.write_bytes(content)
    with pytest.raises(InputError, match="its files share their bytes, as in a zip bomb"):
        unpack(archive, ["val/"], tmp_path / "out")


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        ((500, 500), "Bad CRC-32|has 500 bytes"),
        ((1000, 2000), "has 1000 bytes and claims 2000"),
        ((1000, 10**9), "claim to"),
    ],
)
def test_sizes_that_lie_leave_nothing(tmp_path: Path, claimed: tuple[int, int], told: str) -> None:
    """Neither of the file itself nor of the place that was unpacked before it."""
    out = tmp_path / "out"
    archive = make(tmp_path / "a.zip", {"val/a.txt": b"x" * 1000, "lists/c.json": b"{}"})
    with pytest.raises(InputError, match=told):
        unpack(sizes(archive, claimed), ["lists/c.json", "val/"], out)
    assert not below(out)


def test_names_that_are_one_on_this_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, out = make(tmp_path / "a.zip", {"val/a.txt": b"1", "val/A.txt": b"2"}), tmp_path / "out"
    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *rest: opened(self.with_name(self.name.lower()), *rest)
    )  # as on a disk that does not tell them apart
    with pytest.raises(InputError, match="two of its files have one name on this disk"):
        unpack(archive, ["val/"], out)
    assert not below(out)
