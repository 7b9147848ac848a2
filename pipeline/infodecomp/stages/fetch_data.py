"""Fetch one file, or one set of files, of the table of sources and put what it gives into its place."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
from pathlib import Path, PurePosixPath

from infodecomp.fetching.archives import unpack
from infodecomp.fetching.download import AddressError
from infodecomp.fetching.files import fetch_file
from infodecomp.fetching.hub import Repository, fetch_repository, repository_files
from infodecomp.fetching.sources import HUB_ADDRESS, Source, read_sources
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--source DATASET/FILE --table CSV --local-path FOLDER --output PATH`."""
    parser.add_argument("--source", required=True, help="dataset and file of the table, as coco/val2017.zip")
    parser.add_argument("--table", required=True, type=Path, help="the table of sources (CSV)")
    parser.add_argument("--local-path", default="", help="folder with files that are linked instead of fetched")
    parser.add_argument("--output", required=True, type=Path, help="receipt to write (JSON)")


def run(args: argparse.Namespace) -> None:
    """Fetch, check, unpack or link, and write the receipt: the places with the hashes of what they come from."""
    sources = read_sources(args.table)
    if args.source not in sources:
        raise InputError(f"--source {args.source}: no such file in {args.table}; it has {', '.join(sources)}.")
    source = sources[args.source]
    if not source.is_ours():
        there = ", ".join(str(target) for target in source.targets if target.exists())
        raise InputError(f"{there}: is there and was not fetched by this workflow; move it away to have it fetched.")
    hashes = _fetch_set(source) if source.on_hub else _fetch_file(source, args.local_path)
    receipt = {
        "source": args.source,
        "version": source.version,
        "licence": source.licence,
        "places": [str(target) for target in source.targets],
        "sha256": hashes,
    }
    write_text(args.output, json.dumps(receipt, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


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
    """The files of the Hub that a source names, linked into its folder under their own names."""
    hashes, (target,) = _fetch_first(source), source.targets
    for link in target.glob("*"):
        _remove_link(link)
    for name in sorted(hashes):
        _link(source.download / name, target / name.replace("/", "-"))
    return hashes


def _fetch_first(source: Source) -> dict[str, str]:
    """From the first repository that gives them."""
    answers = list[str]()
    for address in source.addresses:
        print(f"fetching {address}", flush=True)
        try:
            return _fetch_repository(source, address)
        except AddressError as error:
            print(f"{address}: {error}", flush=True)
            answers.append(f"{address}: {error}")
    raise InputError(
        f"{source.file} could not be fetched ({'; '.join(answers)}); run the same command again to go on, or put the "
        f"files, fetched by other means, into {source.targets[0]}."
    )


def _fetch_repository(source: Source, address: str) -> dict[str, str]:
    found = HUB_ADDRESS.fullmatch(address)
    if not found:
        raise AddressError("is no address of a repository: the files of a set stand on the Hub")
    repository = Repository("dataset", found[1], found[2])
    files = [file for file in repository_files(repository) if _matches(file.name, found[3])]
    if not files:
        raise AddressError(f"has no file {found[3]}")
    return fetch_repository(repository, files, source.download, source.lock)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(PurePosixPath(name).name, pattern)


def _link(origin: Path, target: Path) -> None:
    """Put a link to a fetched file at its place, replacing an earlier one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_link(target)
    target.symlink_to(os.path.relpath(origin, target.parent))


def _remove_link(path: Path) -> None:
    """InputError for anything but a link, which somebody else has put there."""
    if path.exists() and not path.is_symlink():
        raise InputError(f"{path}: is there and was not put there by this workflow; move it away to have it fetched.")
    path.unlink(missing_ok=True)
