"""What a fetched file must be: the size and hashes of the table of sources, and those recorded at the first fetch.

A lock file holds, for each file, its size and SHA-256. Unknown hashes are recorded there when the file is first
fetched, and enforced from then on.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import NamedTuple

from infodecomp.runs.durable import write_record
from infodecomp.runs.errors import InputError

_CHUNK = 1 << 20


class Content(NamedTuple):
    """Size in bytes, and hashes as hex digits."""

    bytes: int
    md5: str
    sha256: str


class Locked(NamedTuple):
    """Size and SHA-256 of a file when it was first fetched."""

    bytes: int
    sha256: str


def content_of(path: Path) -> Content:
    """Size and hashes of a file, read once."""
    size, md5, sha256 = 0, hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            size += len(chunk)
            md5.update(chunk)
            sha256.update(chunk)
    return Content(size, md5.hexdigest(), sha256.hexdigest())


def mismatch(content: Content, *, size: int | None, md5: str, sha256: str) -> str:
    """What is wrong with a content; empty if nothing. None and "" mean unknown."""
    wrong = [
        f"{found} {unit}, expected {wanted}"
        for found, wanted, unit in (
            (content.bytes, size, "bytes"),
            (content.md5, md5, "as md5"),
            (content.sha256, sha256, "as SHA-256"),
        )
        if wanted and found != wanted
    ]
    return "; ".join(wrong)


def implausible(path: Path) -> str:
    """Why a file cannot be what its name says, if that is easy to see; empty if it can.

    Guards the first fetch of a file whose hash nobody has recorded yet.
    """
    if path.stat().st_size == 0:
        return "it is empty"
    suffix = PurePath(path.name.removesuffix(".part")).suffix
    if suffix == ".zip" and not zipfile.is_zipfile(path):
        return "it is not a complete zip archive"
    if suffix == ".json":
        try:
            json.loads(path.read_bytes())
        except ValueError as error:
            return f"it is not JSON ({error})"
    return ""


def read_lock(path: Path) -> dict[str, Locked]:
    """File → what it was when first fetched; empty without a lock. InputError if the lock cannot be read."""
    if not path.is_file():
        return {}
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): Locked(int(known["bytes"]), str(known["sha256"])) for name, known in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: this is not a readable lock of hashes ({error!r}).") from error


def write_lock(path: Path, files: Mapping[str, Locked], origin: str) -> None:
    """Record what was fetched, which is on the disk, and from where."""
    content = {"from": origin, "files": {name: known._asdict() for name, known in sorted(files.items())}}
    write_record(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def check_lock(folder: Path, lock: Path) -> dict[str, str]:
    """File → SHA-256 of every file of a lock, computed again below a folder.

    Raises InputError if one is missing or is not what was fetched.
    """
    found = dict[str, str]()
    for name, known in read_lock(lock).items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path}: this file was fetched and is missing; {_remedy(lock)}")
        found[name] = content_of(path).sha256
        if found[name] != known.sha256:
            raise InputError(
                f"{path}: this file has changed since it was fetched: its SHA-256 is {found[name]}, expected "
                f"{known.sha256}; {_remedy(lock)}"
            )
    return found


def _remedy(lock: Path) -> str:
    folder = lock.with_name(lock.name.removesuffix(".lock.json"))
    return (
        f"delete {folder} and {folder}.json to have it fetched again, and {lock} too if another version is acceptable."
    )
