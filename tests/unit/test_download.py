"""Downloads from a real server that cuts, lies, is busy, ignores ranges and changes its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from infodecomp.fetching import download as module
from infodecomp.fetching.download import Part, check_room, download
from infodecomp.fetching.web import AddressError
from infodecomp.runs.errors import InputError
from tests.unit.file_server import FileServer, Served, running_server

SIZE = 300_001
CONTENT = np.random.default_rng(0).bytes(SIZE)
OTHER = np.random.default_rng(1).bytes(SIZE)


@pytest.fixture(scope="module")
def running() -> Iterator[FileServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def server(running: FileServer) -> FileServer:
    running.files.clear()
    running.requests.clear()
    return running


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part.beside(tmp_path / "file.bin")


class Waits(list[float]):
    """Records the pauses instead of making them."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


class DeadError(Exception):
    """Stands for the end of the process."""


def die(seconds: float) -> None:
    raise DeadError


def get(
    server: FileServer, part: Part, name: str = "file", size: int | None = None, known: bool = False
) -> list[float]:
    waits = Waits()
    download(server.url(name), part, size=size, hash_known=known, own=True, tries=3, pause=waits)
    return waits


def test_one_answer(server: FileServer, part: Part, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.files["file"] = Served(CONTENT)
    assert get(server, part, size=SIZE) == []
    assert part.path.read_bytes() == CONTENT
    assert "file.bin: 0/0 MB" in capsys.readouterr().err
    part.becomes(tmp_path / "file.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_cuts_are_resumed_by_the_entity_tag(server: FileServer, part: Part) -> None:
    server.files["file"] = Served(CONTENT, cut_after=100_000, cuts=2)
    assert get(server, part) == [1.0, 1.0]
    assert part.path.read_bytes() == CONTENT
    assert server.ranges("file") == [None, "bytes=100000-", "bytes=200000-"]


def test_a_later_process_goes_on(server: FileServer, part: Part, tmp_path: Path) -> None:
    server.files["file"] = Served(CONTENT, cut_after=100_000, cuts=1)
    with pytest.raises(DeadError):
        download(server.url("file"), part, size=None, hash_known=False, own=True, pause=die)
    get(server, Part.beside(tmp_path / "file.bin"))
    assert part.path.read_bytes() == CONTENT
    assert server.ranges("file") == [None, "bytes=100000-"]


@pytest.mark.parametrize("left", [b"", CONTENT[:60_000], CONTENT[:100_000] + bytes(50_000)])
def test_after_a_power_cut_only_what_is_on_the_disk_for_good_counts(
    server: FileServer, part: Part, tmp_path: Path, left: bytes
) -> None:
    """The part may have lost its end, or hold zeros in its place."""
    server.files["file"] = Served(CONTENT, cut_after=100_000, cuts=1)
    with pytest.raises(DeadError):
        download(server.url("file"), part, size=None, hash_known=False, own=True, pause=die)
    part.path.write_bytes(left)
    get(server, Part.beside(tmp_path / "file.bin"))
    assert part.path.read_bytes() == CONTENT
    assert server.ranges("file")[1] == ("bytes=100000-" if len(left) > 100_000 else None)


def test_a_part_is_put_on_the_disk_while_it_comes(
    server: FileServer, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SYNCED_EVERY", 100_000)
    synced: list[int] = []
    monkeypatch.setattr(Part, "_record", lambda part: synced.append(part.synced))
    server.files["file"] = Served(CONTENT)
    get(server, part)
    assert len(synced) > 3 and synced[0] == 0 and synced[-1] == SIZE and synced == sorted(synced)


def test_a_part_without_notes_begins_again(server: FileServer, part: Part, tmp_path: Path) -> None:
    server.files["file"] = Served(CONTENT)
    part.path.write_bytes(bytes(1000))
    get(server, Part.beside(tmp_path / "file.bin"), known=True)
    assert part.path.read_bytes() == CONTENT and server.ranges("file") == [None]


def test_progress_renews_the_tries(server: FileServer, part: Part) -> None:
    """Five cuts with three tries: a bad line that moves is no reason to give up."""
    server.files["file"] = Served(CONTENT, cut_after=60_000, cuts=5)
    get(server, part)
    assert part.path.read_bytes() == CONTENT
    assert len(server.requests) == 6


def test_without_a_tag_and_a_hash_nothing_is_put_together(server: FileServer, part: Part) -> None:
    server.files["file"] = Served(CONTENT, tag="", cut_after=100_000, cuts=1)
    get(server, part)
    assert part.path.read_bytes() == CONTENT
    assert server.ranges("file") == [None, None]


def test_a_changed_file_starts_again(server: FileServer, part: Part) -> None:
    server.files["file"] = Served(CONTENT, cut_after=100_000, cuts=1, becomes=(OTHER, '"two"'))
    get(server, part)
    assert part.path.read_bytes() == OTHER
    assert server.ranges("file") == [None, "bytes=100000-"]


def test_a_server_that_ignores_ranges(server: FileServer, part: Part) -> None:
    server.files["file"] = Served(CONTENT, ranges=False, cut_after=100_000, cuts=1)
    get(server, part)
    assert part.path.read_bytes() == CONTENT


def test_another_address_continues_where_a_hash_will_tell(server: FileServer, part: Part) -> None:
    server.files["first"] = Served(CONTENT, cut_after=100_000, cuts=9, ranges=False)
    server.files["second"] = Served(CONTENT, tag='"mirror"')
    with pytest.raises(AddressError):
        get(server, part, "first", known=True)
    assert part.bytes == 100_000
    get(server, part, "second", known=True)
    assert part.path.read_bytes() == CONTENT
    assert part.mixed
    assert server.ranges("second") == ["bytes=100000-"]


@pytest.mark.parametrize(("length", "told"), [(400_000, "the connection was cut"), (200_000, "offers 200000 bytes")])
def test_a_lie_about_the_length(server: FileServer, part: Part, length: int, told: str) -> None:
    server.files["file"] = Served(CONTENT, ranges=False, claimed_length=length)
    with pytest.raises(AddressError, match=told):
        get(server, part, size=SIZE if length < SIZE else None)


def test_a_whole_part_of_a_server_that_promised_more(server: FileServer, part: Part) -> None:
    """The rest that was promised does not exist, and the server says so."""
    server.files["file"] = Served(CONTENT, claimed_length=400_000)
    get(server, part)
    assert part.path.read_bytes() == CONTENT
    assert server.ranges("file") == [None, f"bytes={SIZE}-"]


def test_busy_servers_are_asked_again_when_they_say(server: FileServer, part: Part) -> None:
    server.files["file"] = Served(CONTENT, busy=2)
    assert get(server, part) == [7.0, 7.0]
    assert part.path.read_bytes() == CONTENT
    server.files["file"] = Served(CONTENT, busy=9)
    part.discard()
    with pytest.raises(AddressError, match="answered 503 Service Unavailable, 3 times"):
        get(server, part)


def test_what_is_not_there(server: FileServer, part: Part) -> None:
    with pytest.raises(AddressError, match="answered 404 Not Found"):
        get(server, part)
    assert len(server.requests) == 1
    with pytest.raises(AddressError, match="no connection, 2 times"):
        download("http://127.0.0.1:9/file", part, size=None, hash_known=False, own=True, tries=2, pause=Waits())
    assert not part.path.exists()


def test_a_web_page_is_no_file(server: FileServer, part: Part) -> None:
    server.files["file"] = Served(b"<html>too many people have asked</html>", content_type="text/html; charset=utf-8")
    with pytest.raises(AddressError, match="answered with a web page instead of the file"):
        get(server, part)
    assert not part.path.exists()


def test_a_full_disk_is_told_before(server: FileServer, part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["file"] = Served(CONTENT)
    free = SIZE + module._SPARE_BYTES - 1
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": free}))
    with pytest.raises(InputError, match=r"0\.1 GB are needed and 0\.1 GB are free; make room"):
        get(server, part)
    assert not part.path.exists()
    check_room(part.path.parent, SIZE - 1)


def test_the_parts_do_not_look_like_the_file(server: FileServer, part: Part, tmp_path: Path) -> None:
    server.files["file"] = Served(CONTENT, cut_after=10, cuts=1)
    with pytest.raises(DeadError):
        download(server.url("file"), part, size=None, hash_known=False, own=True, pause=die)
    assert {path.name for path in tmp_path.iterdir()} == {".file.bin.part", ".file.bin.part.json"}
    assert part.path.read_bytes() == CONTENT[:10]
