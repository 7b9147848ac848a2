"""Download one file over HTTP into a part file next to its target, resumed after every cut, across tries and addresses.

Bytes are joined only if they belong to one file: an entity tag proves it (If-Range), or the hash of the finished file does.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from urllib3.exceptions import HTTPError as TransferError

from infodecomp.fetching.web import AddressError, WebSession
from infodecomp.runs.durable import put_in_place, write_record
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress

_FILE = "file://"
_CHUNK = 1 << 20
_MEGABYTE = 1_000_000
_CONNECT_SECONDS, _READ_SECONDS = 20.0, 60.0
_LONGEST_PAUSE = 60.0
# Space to leave free on the disk.
_SPARE_BYTES = 100 * _MEGABYTE
# A part is put on the disk whenever this much has come, and when an answer ends.
_SYNCED_EVERY = 64 * _MEGABYTE
# The server asks to try again later.
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_PAGE = ("text/html", "application/xhtml+xml")


class _CutError(Exception):
    """The transfer ended early; what was received is kept."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class _ChangedError(Exception):
    """The partial file does not match the server's: start again from the first byte."""


@dataclass
class Part:
    """The part of a file received so far, at `.<name>.part`, with a note of its address next to it.

    mixed: it holds bytes of several answers without a common entity tag. synced: how many bytes are on the disk for good; a
    power cut may leave anything after them.
    """

    path: Path
    address: str = ""
    tag: str = ""
    mixed: bool = field(default=False)
    synced: int = 0

    @classmethod
    def beside(cls, target: Path) -> Part:
        """The part of the file to be at `target`, as an earlier run left it, cut to what is certainly its content."""
        part = cls(target.with_name(f".{target.name}.part"))
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads(part._notes.read_text(encoding="utf-8"))
            part.address, part.tag, part.mixed = str(known["address"]), str(known["tag"]), bool(known["mixed"])
            part.synced = int(known["synced"])
        if part.bytes < part.synced:
            part.discard()
        elif part.bytes > part.synced:
            os.truncate(part.path, part.synced)
        return part

    @property
    def bytes(self) -> int:
        """Number of bytes received."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def discard(self) -> None:
        """Start again from the first byte."""
        for path in (self.path, self._notes):
            path.unlink(missing_ok=True)
        self.address, self.tag, self.mixed, self.synced = "", "", False, 0

    def becomes(self, target: Path) -> None:
        """Give the finished file its name."""
        put_in_place(self.path, target)
        self._notes.unlink(missing_ok=True)

    def note(self, address: str, tag: str, mixed: bool) -> None:
        """Record the address of the bytes."""
        self.address, self.tag, self.mixed = address, tag, mixed
        self._record()

    def sync(self, handle: BinaryIO) -> None:
        """Put what was written to the part on the disk, and record how much that is."""
        handle.flush()
        os.fsync(handle.fileno())
        self.synced = self.bytes
        self._record()

    def _record(self) -> None:
        known = {name: value for name, value in asdict(self).items() if name != "path"}
        write_record(self._notes, json.dumps(known) + "\n")

    @property
    def _notes(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")


def download(
    address: str,
    part: Part,
    *,
    size: int | None,
    hash_known: bool,
    own: bool = False,
    tries: int = 6,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Complete the part from one address.

    size: expected bytes of the file, if known. hash_known: the finished file will be checked, so bytes from another
    address may be continued. own: the user's own table names the address, which may then be of a private network or, as
    `file:///…`, of this machine. It gives up after `tries` in a row without a new byte. Raises AddressError if the address
    may not be asked or does not give the file, and InputError if the disk is too small.
    """
    left, reason = tries, ""
    while left:
        before = part.bytes
        try:
            if address.startswith(_FILE):
                _copy(address, part, own)
            else:
                _receive(address, part, size, WebSession(own=own, hash_known=hash_known), hash_known)
        except _ChangedError as error:
            part.discard()
            left, reason = left - 1, str(error)
        except (_CutError, requests.RequestException) as error:
            reason = _told(error)
            left = left - 1 if part.bytes <= before else tries
            wanted = error.pause if isinstance(error, _CutError) else None
            seconds = min(2.0 ** (tries - left) if wanted is None else wanted, _LONGEST_PAUSE)
            if left:
                print(f"{address}: {reason}; resuming from byte {part.bytes} in {seconds:.0f} s", flush=True)
                pause(seconds)
        else:
            return
    raise AddressError(f"{reason}, {tries} times")


def check_room(folder: Path, needed: int) -> None:
    """Raise InputError if the disk of a folder has no room for that many more bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        raise InputError(
            f"{folder}: {(needed + _SPARE_BYTES) / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free; "
            "make room, or replace it by a link to a larger disk."
        )


def _copy(address: str, part: Part, own: bool) -> None:
    """The whole of a file of this machine."""
    if not own:
        raise AddressError("is a file of this machine, which only a table of your own (`fetch → sources`) may name")
    part.discard()
    path = Path(url2pathname(urlsplit(address).path))
    try:
        check_room(part.path.parent, path.stat().st_size)
        shutil.copyfile(path, part.path)
    except (OSError, shutil.Error) as error:
        raise AddressError(f"cannot be read ({error})") from error


def _receive(address: str, part: Part, size: int | None, session: WebSession, hash_known: bool) -> None:
    """One request: append what is still missing to the part."""
    have = part.bytes
    same = part.address == address
    if (have and not (hash_known or (same and part.tag))) or (size is not None and have > size):
        part.discard()
        have = 0
    if size is not None and have == size:
        return
    headers = {"Accept-Encoding": "identity", "User-Agent": "infodecomp"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if same and part.tag:
            headers["If-Range"] = part.tag
    timeout = (_CONNECT_SECONDS, _READ_SECONDS)
    with session, session.get(address, headers=headers, stream=True, timeout=timeout) as response:
        if have and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _whole_of_range(response) == have:
                return
            raise _ChangedError(f"the server has no byte {have}, of which there were {have} before")
        start, whole = _offered(response, have)
        if size is not None and whole is not None and whole != size:
            raise AddressError(f"offers {whole} bytes; expected {size}")
        if start != have:
            part.discard()
        expected = size if whole is None else whole
        check_room(part.path.parent, max((expected or 0) - start, 0))
        part.note(address, _strong_tag(response), mixed=start > 0 and (part.mixed or not (same and part.tag)))
        _append(response, part, start, expected)


def _offered(response: requests.Response, have: int) -> tuple[int, int | None]:
    """The first byte of an answer, and the size of the file (None if not stated)."""
    code = response.status_code
    if code in _LATER:
        raise _CutError(f"answered {code} {response.reason}", _retry_after(response))
    if code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise AddressError(f"answered {code} {response.reason}")
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() in _PAGE:
        raise AddressError("answered with a web page instead of the file")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise AddressError(f"sends it in the encoding {response.headers['Content-Encoding']}")
    if code == HTTPStatus.PARTIAL_CONTENT:
        if _range_start(response) != have:
            raise _ChangedError(f"asked for bytes from {have}, the server sent others")
        return have, _whole_of_range(response)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _append(response: requests.Response, part: Part, start: int, expected: int | None) -> None:
    """Write the body; _CutError if it ends before the file does."""
    name = part.path.name.removeprefix(".").removesuffix(".part")
    done, total = start, (expected or 0) // _MEGABYTE
    with (
        part.path.open("ab" if start else "wb") as handle,
        Progress(name, total, "MB", before=start // _MEGABYTE) as progress,
    ):
        try:
            # Whatever has come is written, so that a cut loses nothing; larger reads would wait until they are full.
            while chunk := response.raw.read1(_CHUNK):
                handle.write(chunk)
                done += len(chunk)
                if expected is not None and done > expected:
                    raise _ChangedError(f"sent more than the {expected} bytes that were announced")
                if done - part.synced >= _SYNCED_EVERY:
                    part.sync(handle)
                progress.advance(done // _MEGABYTE - progress.done)
        except TransferError as error:
            raise _CutError("the connection was cut") from error
        finally:
            part.sync(handle)
    if expected is not None and done < expected:
        raise _CutError(f"stopped after {done} of {expected} bytes")


def _strong_tag(response: requests.Response) -> str:
    """The entity tag by which two answers are known to be of the same bytes; empty without one."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else ""


def _range_start(response: requests.Response) -> int | None:
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _whole_of_range(response: requests.Response) -> int | None:
    found = re.fullmatch(r"bytes [^/]+/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _retry_after(response: requests.Response) -> float | None:
    wanted = response.headers.get("Retry-After", "")
    return float(wanted) if wanted.isdigit() else None


def _told(error: Exception) -> str:
    """What happened, in a few words: the texts of the HTTP library name its own objects."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not valid"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error)
