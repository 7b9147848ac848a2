"""A real HTTP server on the loopback that serves files, and misbehaves as it is told."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """A file and how it is served. The numbers count down, one a request."""

    content: bytes
    tag: str = '"one"'
    ranges: bool = True
    cut_after: int = 0  # bytes of a body after which the connection is cut …
    cuts: int = 0  # … so many times
    busy: int = 0  # answers 503 so many times
    claimed_length: int | None = None  # Content-Length that is sent, whatever comes
    content_type: str = "application/octet-stream"
    becomes: tuple[bytes, str] | None = None  # content and tag after the first request
    redirect: str = ""  # where it sends instead


@dataclass
class FileServer:
    """Files by path, and the requests that came: path and Range."""

    address: str
    files: dict[str, Served] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"

    def ranges(self, name: str) -> list[str | None]:
        """The Range headers of the requests for a file, in their order."""
        return [asked for path, asked in self.requests if path == f"/{name}"]


@contextmanager
def running_server() -> Iterator[FileServer]:
    """Serve until the block ends."""
    httpd = _QuietServer(("127.0.0.1", 0), _Handler)
    server = FileServer(f"http://127.0.0.1:{httpd.server_port}")
    httpd.shared = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away here on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        server: FileServer = self.server.shared  # type: ignore[attr-defined]
        asked = self.headers.get("Range")
        server.requests.append((self.path, asked))
        served = server.files.get(self.path.lstrip("/"))
        if served is None:
            self._answer(404, b"nothing here", {})
        elif served.redirect:
            self._answer(302, b"", {"Location": served.redirect})
        elif served.busy:
            served.busy -= 1
            self._answer(503, b"later", {"Retry-After": "7"})
        else:
            self._serve(served, asked)
            if served.becomes:
                (served.content, served.tag), served.becomes = served.becomes, None

    def _serve(self, served: Served, asked: str | None) -> None:
        size = len(served.content)
        headers = {"Content-Type": served.content_type}
        if served.tag:
            headers["ETag"] = served.tag
        unchanged = self.headers.get("If-Range", served.tag) == served.tag
        found = re.fullmatch(r"bytes=(\d+)-", asked or "")
        start, code = 0, 200
        if found and served.ranges and unchanged:
            start, code = int(found[1]), 206
            if start >= size:
                self._answer(416, b"", {"Content-Range": f"bytes */{size}"})
                return
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        body = served.content[start:]
        if served.cuts:
            served.cuts -= 1
            self._answer(code, body, headers, cut_after=served.cut_after)
        else:
            self._answer(code, body, headers, claimed_length=served.claimed_length)

    def _answer(
        self,
        code: int,
        body: bytes,
        headers: dict[str, str],
        *,
        cut_after: int | None = None,
        claimed_length: int | None = None,
    ) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if claimed_length is None else claimed_length))
        self.end_headers()
        self.wfile.write(body[:cut_after])
        if cut_after is not None or claimed_length is not None:
            self.close_connection = True
