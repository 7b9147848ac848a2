"""Unpack what is needed of a zip archive: nothing outside its folder, no links, every member checked by its CRC."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from infodecomp.fetching.download import check_room
from infodecomp.runs.durable import put_in_place
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress

_ENCRYPTED = 0x1
# What macOS adds to archives.
_IGNORED = "__MACOSX"
_SHOWN = 5


def unpack(archive: Path, places: Sequence[str], folder: Path) -> int:
    """Put the places of an archive (files, and folders with a `/` at their end) into `folder`; returns how many files.

    A place is found at the top of the archive or below its one leading folder. Each is written beside its name and gets it
    when all of it is there. A folder that holds all of its files already, by their sizes, stays. Raises InputError for a
    damaged archive, one without a place, one with a member that leads out of it or is no plain file, and a full disk.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not _is_ignored(member)]
            _check(archive, members)
            wanted = {place: dict(_below(place, members)) for place in places}
            lacking = [place for place, files in wanted.items() if not files]
            if lacking:
                raise InputError(f"{archive}: the archive has no {' and no '.join(lacking)}.")
            missing = {place: files for place, files in wanted.items() if not _is_there(folder / place, files)}
            check_room(folder, sum(member.file_size for files in missing.values() for member in files.values()))
            total = sum(map(len, missing.values()))
            with Progress(f"unpacking {archive.name}", total, "files") as progress:
                for place, files in missing.items():
                    _place(opened, files, folder / place, progress)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{archive}: the archive is damaged ({error}); delete it to have it fetched again.") from error
    return sum(map(len, wanted.values()))


def _check(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """InputError that names the members which no honest archive of data has."""
    seen, problems = set[str](), list[str]()
    for member in members:
        problem = _problem(member) or ("is in it twice" if member.filename in seen else "")
        seen.add(member.filename)
        problems += [f"{member.filename!r} {problem}"] if problem else []
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(f"{archive}: refused, because {', '.join(problems[:_SHOWN])}{more}.")


def _problem(member: zipfile.ZipInfo) -> str:
    # `orig_filename`: what the archive says, before Python mends it.
    for name in (member.orig_filename, member.filename):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            return "leads out of it"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link" if kind == stat.S_IFLNK else "is no plain file"
    return "is encrypted" if member.flag_bits & _ENCRYPTED else ""


def _is_ignored(member: zipfile.ZipInfo) -> bool:
    return _IGNORED in PurePosixPath(member.filename).parts


def _below(place: str, members: Sequence[zipfile.ZipInfo]) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Files of a place: path below it ("" for a place that is a file) → member."""
    for member in members:
        if member.is_dir():
            continue
        for name in (member.filename, member.filename.partition("/")[2]):
            if name == place or (place.endswith("/") and name.startswith(place)):
                yield name.removeprefix(place), member
                break


def _is_there(target: Path, files: dict[str, zipfile.ZipInfo]) -> bool:
    return all(
        (path := target / name if name else target).is_file() and path.stat().st_size == member.file_size
        for name, member in files.items()
    )


def _place(opened: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], target: Path, progress: Progress) -> None:
    """Write a place under another name, then rename it. A name so given is that of a whole place, whatever happens."""
    partial = target.with_name(f".{target.name}.partial")
    _remove(partial)
    for name, member in files.items():
        path = partial / name if name else partial
        path.parent.mkdir(parents=True, exist_ok=True)
        # Reading to the end of a member compares its CRC.
        with opened.open(member) as source, path.open("xb") as written:
            shutil.copyfileobj(source, written, 1 << 20)
        progress.advance()
    put_in_place(partial, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
