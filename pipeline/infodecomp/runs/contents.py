"""The content of files and folders as SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from infodecomp.runs.errors import InputError


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits; InputError if there is no such file."""
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_files(folder: Path) -> dict[str, Path]:
    """The files below a folder by their names relative to it, without hidden ones; InputError if there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder.")
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in files.items() if not any(part.startswith(".") for part in name.split("/"))}


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of all files below a folder; InputError if there is no such folder.

    Hidden files, dates and the order in which the file system lists the files do not count.
    """
    return files_sha256({name: file_sha256(path) for name, path in folder_files(folder).items()})


def files_sha256(hashes: Mapping[str, str]) -> str:
    """SHA-256 over the names and SHA-256s of files: that of a folder with exactly these files."""
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
