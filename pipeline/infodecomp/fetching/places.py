"""A source of the table in its place: downloaded or linked, checked, unpacked if it is an archive."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path, PurePosixPath

from infodecomp.fetching.archives import unpack
from infodecomp.fetching.files import fetch_file
from infodecomp.fetching.hub import Repository, fetch_repository, repository_files
from infodecomp.fetching.sources import HUB_ADDRESS, Source
from infodecomp.fetching.web import AddressError
from infodecomp.runs.durable import sync_name
from infodecomp.runs.errors import InputError


def fetch_source(source: Source, local_path: str) -> dict[str, str]:
    """Put what a source gives into its places; returns file → SHA-256 of what was fetched.

    local_path: folder whose files are linked instead of downloaded; empty for none. Raises InputError if the source cannot
    be fetched, or if a place holds something that this workflow did not put there.
    """
    if not source.is_ours():
        found = ", ".join(str(target) for target in source.targets if target.exists())
        raise InputError(f"{found}: exists and was not fetched by this workflow; move it away to have it fetched.")
    return _fetch_set(source) if source.on_hub else _fetch_file(source, local_path)


def _fetch_file(source: Source, local_path: str) -> dict[str, str]:
    content = fetch_file(source, Path(local_path) if local_path else None)
    if source.file.endswith(".zip"):
        count = unpack(source.download, source.places, source.download.parents[1])
        print(f"{count} files below {' and '.join(map(str, source.targets))}", flush=True)
    else:
        for target in source.targets:
            _link(source.download, target)
    return {source.file: content.sha256}


def _fetch_set(source: Source) -> dict[str, str]:
    """The files of a Hub repository that a source names, linked into its folder under their own names."""
    hashes, (target,) = _fetch_first(source), source.targets
    for link in target.glob("*"):
        _remove_link(link)
    for name in sorted(hashes):
        _link(source.download / name, target / name.replace("/", "-"))
    return hashes


def _fetch_first(source: Source) -> dict[str, str]:
    """From the first repository that has them."""
    answers = list[str]()
    for address in source.addresses:
        print(f"fetching {address}", flush=True)
        try:
            return _fetch_repository(source, address)
        except AddressError as error:
            print(f"{address}: {error}", flush=True)
            answers.append(f"{address}: {error}")
    raise InputError(
        f"{source.file} could not be fetched ({'; '.join(answers)}); run the same command again to resume, or download the "
        f"files by other means and put them into {source.targets[0]}."
    )


def _fetch_repository(source: Source, address: str) -> dict[str, str]:
    found = HUB_ADDRESS.fullmatch(address)
    if not found:
        raise AddressError("is not the address of a Hub repository, where sets of files come from")
    repository = Repository("dataset", found[1], found[2])
    files = [file for file in repository_files(repository) if _matches(file.name, found[3])]
    if not files:
        raise AddressError(f"has no file {found[3]}")
    return fetch_repository(repository, files, source.download, source.lock)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(PurePosixPath(name).name, pattern)


def _link(origin: Path, target: Path) -> None:
    """Put a link to a fetched file into its place, replacing an earlier one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_link(target)
    target.symlink_to(os.path.relpath(origin, target.parent))
    sync_name(target)


def _remove_link(path: Path) -> None:
    """InputError for anything but a link, which somebody else has put there."""
    if path.exists() and not path.is_symlink():
        raise InputError(f"{path}: exists and was not put there by this workflow; move it away to have it fetched.")
    path.unlink(missing_ok=True)
