"""Where a request may lead: redirects out of encryption, off the web, and into private networks."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from infodecomp.fetching.addresses import is_private
from infodecomp.fetching.download import Part, download
from infodecomp.fetching.web import AddressError, WebSession
from tests.unit.file_server import FileServer, Served, running_server
from tests.unit.test_fetch_data import fetch

CONTENT = b"[1, 2, 3]"


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name of example.org is that of this machine."""
    look_up = socket.getaddrinfo

    def looked_up(host: str, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if host.endswith("example.org") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        *((host, True) for host in ("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.8.8.8", "0.0.0.0")),
        *(
            (host, True)
            for host in ("10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1")
        ),
        *((host, True) for host in ("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1")),
        *((host, True) for host in ("::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1")),
        *(
            (host, False)
            for host in ("example.org", "localhost.example.org", "8.8.8.8", "172.32.0.1", "2606:4700::1111")
        ),
        *((host, False) for host in ("::ffff:8.8.8.8", "64:ff9b::808:808", "198.18.0.5", "", "10.example.org")),
    ],
)
def test_private_addresses(host: str, private: bool) -> None:
    assert is_private(host) == private


class Redirect(BaseAdapter):
    """Answers that a file is elsewhere; without a target, with the file."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self.target = target

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 302, request, str(request.url)
        answer.headers["Location"] = self.target
        if not self.target:
            answer.status_code, answer._content = 200, CONTENT
        return answer

    def close(self) -> None:
        pass


def led(target: str, *, own: bool = False, hash_known: bool = False) -> bytes:
    """What comes from an address that leads to another."""
    first = "https://example.com/file"
    with WebSession(own=own, hash_known=hash_known) as session:
        session.mount(first, Redirect(target))
        for scheme in ("http", "https"):
            session.mount(f"{scheme}://example.net/", Redirect(""))
        return session.get(first).content


@pytest.mark.parametrize("own", [False, True])
def test_encryption_is_left_only_where_a_hash_will_tell(own: bool) -> None:
    with pytest.raises(AddressError, match=r"leads to http://127.*/file without encryption, and no hash is known"):
        led("http://127.0.0.1:9/file", own=own)
    with pytest.raises(AddressError, match="without encryption"):
        led("//127.0.0.1/file".replace("//", "HTTP://"), own=own)


def test_a_known_hash_allows_it() -> None:
    assert led("http://example.net/file", hash_known=True) == CONTENT
    assert led("https://example.net/file") == CONTENT


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.com/a", "data:,x", "javascript:1"])
@pytest.mark.parametrize("hash_known", [False, True])
def test_a_redirect_stays_on_the_web(target: str, hash_known: bool) -> None:
    with pytest.raises(AddressError, match=f"leads to {target}, which is no address of the web"):
        led(target, own=True, hash_known=hash_known)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "data.example.org"]
)
def test_no_server_leads_into_a_private_network(server: FileServer, names: None, host: str, own: bool) -> None:
    """By number, by other spellings of it, and by a name that stands for it; nothing is sent there."""
    server.requests.clear()
    port = server.address.rpartition(":")[2]
    with pytest.raises((AddressError, requests.ConnectionError), match=r"an address of this machine|::1"):
        led(f"http://{host}:{port}/file", own=own, hash_known=True)
    assert server.requests == []


def test_a_name_of_the_shipped_table_that_is_private_is_not_asked(
    server: FileServer, names: None, tmp_path: Path
) -> None:
    server.files["file"] = Served(CONTENT)
    server.requests.clear()
    address = f"http://data.example.org:{server.address.rpartition(':')[2]}/file"
    part = Part.beside(tmp_path / "file")
    with pytest.raises(AddressError, match=r"^is data\.example\.org \(127\.0\.0\.1\), an address of this machine or"):
        download(address, part, size=None, hash_known=True, pause=pytest.fail)
    assert server.requests == []
    download(address, part, size=None, hash_known=True, own=True, pause=pytest.fail)
    assert part.path.read_bytes() == CONTENT


def test_a_redirect_inside_the_network_of_ones_own_table(server: FileServer, tmp_path: Path) -> None:
    server.files["file"], server.files["old"] = Served(CONTENT), Served(b"", redirect="/file")
    part = Part.beside(tmp_path / "file")
    download(server.url("old"), part, size=None, hash_known=False, own=True, pause=pytest.fail)
    assert part.path.read_bytes() == CONTENT


def test_a_proxy_may_be_private(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for the whole address, and looks up the name itself."""
    address = "http://nowhere.example.org/file"
    server.files[address] = Served(CONTENT)
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    part = Part.beside(tmp_path / "file")
    download(address, part, size=None, hash_known=False, pause=pytest.fail)
    assert part.path.read_bytes() == CONTENT
    with pytest.raises(AddressError, match=r"is 10\.0\.0\.1, an address of this machine or of a private network"):
        download("http://10.0.0.1/file", part, size=None, hash_known=False, pause=pytest.fail)


def test_a_file_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a table of one's own; checked by its hash like any other."""
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "my files" / "a.json"
    mine.parent.mkdir()
    mine.write_bytes(CONTENT)
    row = {"file": "a.json", "url": mine.as_uri(), "places": "a.json", "sha256": hashlib.sha256(CONTENT).hexdigest()}
    assert fetch(row) == 0
    assert Path("data/coco/a.json").read_bytes() == CONTENT
    assert not Path("data/coco/fetched/a.json").is_symlink()
    for path in (Path("data/coco/fetched/a.json"), Path("data/coco/fetched/a.json.lock.json")):
        path.unlink()
    mine.write_bytes(b"[]")
    assert fetch(row) == 1
    assert "a.json could not be fetched (file:///" in capsys.readouterr().err
    mine.unlink()
    assert fetch(row) == 1
    assert "my%20files/a.json: cannot be read (" in capsys.readouterr().err
    part = Part.beside(tmp_path / "b")
    with pytest.raises(AddressError, match="is a file of this machine, which only a table of your own"):
        download(mine.as_uri(), part, size=None, hash_known=True)
