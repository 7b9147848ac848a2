"""The stage that fetches data: from mirrors, from a folder of the user's, and never anything else than before."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infodecomp.cli import run_stage as main
from infodecomp.fetching import files
from tests.unit.file_server import FileServer, Served, running_server
from tests.unit.test_sources import ROW, write

RELATIONS = b'[{"image_path": "1.jpg"}]'


@pytest.fixture(scope="module")
def running() -> Iterator[FileServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def server(running: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    running.files.clear()
    running.requests.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files.fetch_file, "__defaults__", (lambda seconds: None,))
    return running


def archive_of(names: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return written.getvalue()


def fetch(row: dict[str, str], local_path: str = "") -> int:
    """Fetch the file of a table of one row."""
    write(Path("sources.csv"), {**ROW, **row})
    name = f"{row.get('dataset', ROW['dataset'])}/{row['file']}"
    receipt = Path("data", *name.split("/")[:1], "fetched", f"{row['file']}.json")
    return main(
        ["fetch_data", "--source", name, "--table", "sources.csv", "--local-path", local_path, "--output", str(receipt)]
    )


def relations(server: FileServer, *names: str, **more: str) -> dict[str, str]:
    first, *mirrors = map(server.url, names)
    return {
        "dataset": "aro",
        "file": "relation.json",
        "url": first,
        "mirrors": " ".join(mirrors),
        "places": "relation.json",
        **more,
    }


def test_an_archive_comes_from_the_second_mirror(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    content = archive_of({"val/1.jpg": b"one", "val/2.jpg": b"two", "train/3.jpg": b"three"})
    server.files["wrong"] = Served(content[::-1])
    server.files["right"] = Served(content, cut_after=200, cuts=1)
    digest = hashlib.sha256(content).hexdigest()
    mirrors = f"{server.url('wrong')} {server.url('right')}"
    row = {
        "file": "val.zip",
        "url": server.url("none"),
        "mirrors": mirrors,
        "bytes": str(len(content)),
        "sha256": digest,
    }
    assert fetch(row) == 0
    told = capsys.readouterr().out
    assert "/none: answered 404 Not Found" in told
    assert f"/wrong: {hashlib.sha256(content[::-1]).hexdigest()} as SHA-256, expected {digest}" in told
    assert sorted(path.name for path in Path("data/coco/val").iterdir()) == ["1.jpg", "2.jpg"]
    receipt = json.loads(Path("data/coco/fetched/val.zip.json").read_text())
    assert receipt == {
        "source": "coco/val.zip",
        "version": "1",
        "licence": "none",
        "places": ["data/coco/val"],
        "sha256": {"val.zip": digest},
    }
    assert {path.name for path in Path("data/coco/fetched").iterdir()} == {
        *("val.zip", "val.zip.lock.json", "val.zip.json"),
    }
    # Again: nothing is asked for.
    asked = len(server.requests)
    assert fetch(row) == 0
    assert len(server.requests) == asked


def test_an_unknown_hash_is_recorded_and_then_enforced(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.files["a"] = Served(RELATIONS)
    assert fetch(relations(server, "a")) == 0
    lock = Path("data/aro/fetched/relation.json.lock.json")
    known = json.loads(lock.read_text())
    assert known["from"] == server.url("a")
    assert known["files"] == {
        "relation.json": {"bytes": len(RELATIONS), "sha256": hashlib.sha256(RELATIONS).hexdigest()}
    }
    assert Path("data/aro/relation.json").read_bytes() == RELATIONS
    # The file is lost and the server has another by now.
    Path("data/aro/fetched/relation.json").unlink()
    server.files["a"] = Served(RELATIONS.replace(b"1", b"2"))
    assert fetch(relations(server, "a")) == 1
    error = capsys.readouterr().err
    assert "relation.json could not be fetched" in error
    assert f"as SHA-256, expected {hashlib.sha256(RELATIONS).hexdigest()}" in error
    assert "recorded in data/aro/fetched/relation.json.lock.json at the first fetch" in error
    assert not Path("data/aro/fetched/relation.json").exists()
    assert json.loads(lock.read_text()) == known


def test_a_first_fetch_must_be_what_its_name_says(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that comes as plain bytes is not recorded as the file."""
    server.files["a"] = Served(b"<html>quota exceeded</html>")
    server.files["b"] = Served(b"")
    assert fetch(relations(server, "a", "b")) == 1
    error = capsys.readouterr().err
    assert "/a: it is not JSON" in error and "/b: it is empty" in error
    assert "put the file, fetched by other means, at data/aro/fetched/relation.json" in error
    server.files["a"] = Served(archive_of({"val/1.jpg": b"one"})[:-4])
    assert fetch({"file": "val.zip", "url": server.url("a")}) == 1
    assert "it is not a complete zip archive" in capsys.readouterr().err
    assert not list(Path("data").rglob("*.lock.json"))


def test_bytes_of_two_addresses_that_do_not_go_together(server: FileServer) -> None:
    """The second address is asked for all of it before it is blamed."""
    right, wrong = bytes(range(256)) * 40, bytes(256 * 40)
    server.files["a"] = Served(wrong, cut_after=5000, cuts=9, ranges=False)
    server.files["b"] = Served(right)
    row = relations(server, "a", "b", sha256=hashlib.sha256(right).hexdigest(), file="relation.bin")
    assert fetch(row) == 0
    assert server.ranges("b") == ["bytes=5000-", None]


def test_a_file_of_the_user_is_linked(server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "relation.json").write_bytes(RELATIONS)
    row = relations(server, "a", sha256=hashlib.sha256(RELATIONS).hexdigest())
    assert fetch(row, "mine") == 0
    assert server.requests == []
    assert Path("data/aro/fetched/relation.json").resolve() == mine / "relation.json"
    assert Path("data/aro/relation.json").read_bytes() == RELATIONS
    # Another file of that name is not taken.
    (mine / "relation.json").write_bytes(b"[]")
    for path in ("data/aro/fetched/relation.json", "data/aro/fetched/relation.json.lock.json"):
        Path(path).unlink()
    capsys.readouterr()
    assert fetch(row, "mine") == 1
    assert "mine/relation.json: this is not relation.json of the table of sources: " in capsys.readouterr().err


def test_what_somebody_put_there_is_left_alone(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/aro").mkdir(parents=True)
    Path("data/aro/relation.json").write_bytes(b"mine")
    assert fetch(relations(server, "a")) == 1
    assert "data/aro/relation.json: exists and was not fetched by this workflow" in capsys.readouterr().err
    assert Path("data/aro/relation.json").read_bytes() == b"mine"


def test_what_somebody_put_in_the_place_of_a_link_is_left_alone(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["a"] = Served(RELATIONS)
    assert fetch(relations(server, "a")) == 0
    place = Path("data/aro/relation.json")
    place.unlink()
    place.write_bytes(b"mine")
    assert fetch(relations(server, "a")) == 1
    assert f"{place}: exists and was not put there by this workflow" in capsys.readouterr().err
    assert place.read_bytes() == b"mine"


def test_a_fetched_file_that_changed_stops(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.files["a"] = Served(RELATIONS)
    assert fetch(relations(server, "a")) == 0
    Path("data/aro/fetched/relation.json").write_bytes(b"[1]")
    assert fetch(relations(server, "a")) == 1
    assert "data/aro/fetched/relation.json: this is not relation.json of" in capsys.readouterr().err


def test_what_must_be_asked_for(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"dataset": "aro", "file": "pictures", "url": "form:https://example.org/form", "places": "pictures/"}
    assert fetch(row) == 1
    assert (
        "pictures cannot be fetched: ask for it at https://example.org/form and put what you get at data/aro/pictures"
        in capsys.readouterr().err
    )


def test_a_name_that_is_not_in_the_table(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("sources.csv"), ROW)
    arguments = ["--source", "coco/x.zip", "--table", "sources.csv", "--output", "r.json"]
    assert main(["fetch_data", *arguments]) == 1
    assert "--source coco/x.zip: sources.csv has no such file; it has coco/val.zip." in capsys.readouterr().err


def test_links_are_relative(server: FileServer, tmp_path: Path) -> None:
    """The data folder may be moved as a whole."""
    server.files["a"] = Served(RELATIONS)
    assert fetch(relations(server, "a")) == 0
    assert not Path("data/aro/relation.json").readlink().is_absolute()
    Path("data").rename("moved")
    assert (tmp_path / "moved" / "aro" / "relation.json").read_bytes() == RELATIONS
