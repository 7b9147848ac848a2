"""A small Hugging Face Hub on the loopback: repositories held in memory, and errors as the real one tells them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REVISION = "4e63672c03103b6c636b8fb4119ba982469b2955"


@dataclass
class FakeHub:
    """Repository id → file → content; ids of gated ones; names of the files that were sent whole."""

    address: str
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    false_hashes: set[str] = field(default_factory=set)  # files whose hash the hub tells wrongly
    cuts: int = 0  # so many bodies end halfway
    sent: list[str] = field(default_factory=list)

    def pipeline(self, *arguments: str, folder: Path, offline: bool = False) -> subprocess.CompletedProcess[str]:
        """Run `python -m infodecomp run` against this hub; the client reads its address when it is imported."""
        return self._python("-m", "infodecomp", "run", *arguments, folder=folder, offline=offline)

    def errors(self, runs: Sequence[Sequence[str]], folder: Path) -> list[str]:
        """What `python -m infodecomp run` says, run after run in one process, each of which must end with status 1."""
        code = (
            "import json, sys; from infodecomp.cli import run_stage as main\n"
            "for run in json.loads(sys.argv[1]): assert main(run) == 1; print('---', file=sys.stderr)"
        )
        done = self._python("-c", code, json.dumps(runs), folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stderr.split("---\n")[:-1]

    def _python(self, *arguments: str, folder: Path, offline: bool = False) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": "http://127.0.0.1:9" if offline else self.address,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(folder / "hf"),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "pipeline"),
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """Serve until the block ends."""
    httpd = _QuietServer(("127.0.0.1", 0), _Handler)
    hub = FakeHub(f"http://127.0.0.1:{httpd.server_port}")
    httpd.shared = hub  # type: ignore[attr-defined]
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield hub
    finally:
        httpd.shutdown()
        httpd.server_close()


def folder_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder, as a repository holds them."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away here on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    @property
    def hub(self) -> FakeHub:
        return self.server.shared  # type: ignore[attr-defined,no-any-return]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        api = re.fullmatch(r"/api/(?:models|datasets)/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+)(?:/.*)?)?", path)
        file = re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = api or file
        if not found or found[1] not in self.hub.repositories:
            self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif (api[3] if api else file[2]) not in (None, "main", REVISION):  # type: ignore[index]
            self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "no such revision"})
        elif found[1] in self.hub.gated and file:
            self._answer(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif api:
            self._describe(api[1], tree=api[2] == "tree")
        else:
            self._send(self.hub.repositories[found[1]], found[3])

    def _describe(self, repository: str, *, tree: bool) -> None:
        files = self.hub.repositories[repository]
        if tree:
            listed: Any = [_tree_entry(name, content) for name, content in files.items()]
        else:
            siblings = [self._sibling(name, content) for name, content in files.items()]
            listed = {"id": repository, "sha": REVISION, "private": False, "gated": False, "siblings": siblings}
            listed |= {"tags": [], "downloads": 0}
        self._answer(200, json.dumps(listed).encode(), {"Content-Type": "application/json"})

    def _sibling(self, name: str, content: bytes) -> Mapping[str, Any]:
        described: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
        if name.endswith((".safetensors", ".bin", ".parquet")):
            sha256 = "0" * 64 if name in self.hub.false_hashes else hashlib.sha256(content).hexdigest()
            described["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
        return described

    def _send(self, files: Mapping[str, bytes], name: str) -> None:
        if name not in files:
            self._answer(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "no such file"})
            return
        content = files[name]
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": REVISION,
            "Accept-Ranges": "bytes",
        }
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked else 0
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        if self.command == "GET" and len(body) > 1000 and self.hub.cuts:
            self.hub.cuts -= 1
            self._answer(206 if asked else 200, body, headers, cut=True)
            return
        self._answer(206 if asked else 200, body, headers)
        if self.command == "GET":
            self.hub.sent.append(name)

    def _answer(self, code: int, body: bytes, headers: Mapping[str, str], *, cut: bool = False) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut


def _tree_entry(name: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
