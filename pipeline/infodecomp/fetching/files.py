"""Obtain a file listed in the table of sources: already on disk, linked from a local folder, or downloaded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from infodecomp.fetching.download import Part, download
from infodecomp.fetching.sources import Source
from infodecomp.fetching.web import AddressError
from infodecomp.runs.durable import sync_name
from infodecomp.runs.errors import InputError
from infodecomp.runs.hashes import Content, Locked, content_of, implausible, mismatch, read_lock, write_lock


def fetch_file(source: Source, local_path: Path | None, pause: Callable[[float], None] = time.sleep) -> Content:
    """Bring a source's file to its place and return its size and hashes, which are those expected.

    local_path: a folder whose file of the same name is linked instead of fetched. Raises InputError, with what each address
    answered and what to do, if the file cannot be fetched, or if a file on disk is a different one.
    """
    target = source.download
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() and not target.exists():
        target.unlink()
    own = local_path / source.file if local_path else None
    if target.exists():
        content, origin = _checked(source, target, f"{source.lock} or the table of sources"), "was there already"
    elif own and own.is_file():
        content, origin = _checked(source, own, "the table of sources"), str(own)
        target.symlink_to(own.resolve())
        sync_name(target)
    else:
        content, origin = _fetched(source, pause)
    if source.file not in read_lock(source.lock):
        write_lock(source.lock, {source.file: Locked(content.bytes, content.sha256)}, origin)
    print(f"{target}: {content.bytes} bytes, SHA-256 {content.sha256} ({origin})", flush=True)
    return content


def _fetched(source: Source, pause: Callable[[float], None]) -> tuple[Content, str]:
    """Download from the first address with the right file."""
    part, answers = Part.beside(source.download), list[str]()
    locked = read_lock(source.lock).get(source.file)
    size = source.bytes or (locked.bytes if locked else None)
    hash_known = bool(source.sha256 or source.md5 or locked)
    for address in source.addresses:
        print(f"fetching {address}", flush=True)
        try:
            download(address, part, size=size, hash_known=hash_known, own=source.own, pause=pause)
            content = content_of(part.path)
            problem = _wrong(source, part.path, content)
            if problem and part.mixed:
                # Bytes that do not go together say nothing against this address.
                part.discard()
                download(address, part, size=size, hash_known=hash_known, own=source.own, pause=pause)
                content = content_of(part.path)
                problem = _wrong(source, part.path, content)
        except AddressError as error:
            problem = str(error)
        else:
            if not problem:
                part.becomes(source.download)
                return content, address
            part.discard()
        print(f"{address}: {problem}", flush=True)
        answers.append(f"{address}: {problem}")
    raise InputError(_advice(source, answers))


def _checked(source: Source, path: Path, wanted_by: str) -> Content:
    """The content of a file on disk; InputError if it is not the expected one."""
    content = content_of(path)
    problem = _wrong(source, path, content)
    if problem:
        raise InputError(f"{path}: this is not {source.file} of {wanted_by}: {problem}; move it away or replace it.")
    return content


def _wrong(source: Source, path: Path, content: Content) -> str:
    """What is wrong with a file by the table, the lock or its kind; empty if nothing."""
    locked = read_lock(source.lock).get(source.file)
    wrong = mismatch(content, size=source.bytes, md5=source.md5, sha256=source.sha256)
    if not wrong and locked:
        wrong = mismatch(content, size=locked.bytes, md5="", sha256=locked.sha256)
        wrong += f" (recorded in {source.lock} at the first fetch)" if wrong else ""
    return wrong or implausible(path)


def _advice(source: Source, answers: list[str]) -> str:
    places = " and ".join(str(target) for target in source.targets)
    if source.form:
        return (
            f"{source.file} cannot be fetched: ask for it at {source.form} and put what you get at {places} "
            f"({source.licence})."
        )
    return (
        f"{source.file} could not be fetched ({'; '.join(answers)}); run the same command again to resume, or put the "
        f"file, fetched by other means, at {source.download} or into the folder that `local_path` of the section `fetch` "
        "names."
    )
