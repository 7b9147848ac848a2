"""Unpack what is needed of a zip archive: nothing outside its folder, no links, no bombs, each member checked by its CRC."""

from __future__ import annotations

import itertools
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from infodecomp.fetching.download import check_room
from infodecomp.runs.durable import put_in_place
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress

_ENCRYPTED = 0x1
# What macOS adds to archives.
_IGNORED = "__MACOSX"
_SHOWN = 5
# More than any archive of data has: known ones hold some 100,000 images, or lists that unpack to thirty times their size.
_MOST_MEMBERS = 2_000_000
_MOST_BYTES = 10**12
_MOST_TIMES = 200
# Below this, an archive may unpack to any multiple of its size.
_SMALL_BYTES = 100_000_000
# Of the header before each member's bytes, without its name.
_LOCAL_HEADER_BYTES = 30


def unpack(archive: Path, places: Sequence[str], folder: Path) -> int:
    """Put the places of an archive (files, and folders with a `/` at their end) into `folder`; returns how many files.

    A place is found at the top of the archive or below its one leading folder. Each is written beside its name, and all get
    their names when everything is there. A folder that holds all of its files already, by their sizes, stays. Raises
    InputError for a damaged archive, one without a place, one with a member that leads out of it or is no plain file, one
    that unpacks to more than data does, and a full disk; nothing of it is left then.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_size(archive, opened)
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
                _place(opened, {folder / place: files for place, files in missing.items()}, progress)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError(
            f"{archive}: two of its files have one name on this disk, {error.filename}; unpack it on a disk that tells "
            "upper from lower case, or unpack it by hand."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{archive}: the archive is damaged ({error}); delete it to have it fetched again.") from error
    return sum(map(len, wanted.values()))


def _check_size(archive: Path, opened: zipfile.ZipFile) -> None:
    """InputError for a bomb: too many members, too many bytes, or members that share theirs.

    A member never unpacks to more than it claims here: reading stops there.
    """
    members, packed = opened.infolist(), archive.stat().st_size
    unpacked = sum(member.file_size for member in members)
    allowed = min(max(_MOST_TIMES * packed, _SMALL_BYTES), _MOST_BYTES)
    problem = ""
    if len(members) > _MOST_MEMBERS:
        problem = f"it holds {len(members)} files; allowed are {_MOST_MEMBERS}"
    elif unpacked > allowed:
        problem = f"its {packed} bytes claim to unpack to {unpacked}; allowed are {allowed}"
    elif _overlaps(members, opened.start_dir):
        problem = "its files share their bytes, as in a zip bomb"
    if problem:
        raise InputError(f"{archive}: refused, because {problem}; if you trust it, unpack it by hand.")


def _overlaps(members: Iterable[zipfile.ZipInfo], end: int) -> bool:
    """Whether a member's bytes reach into the next one's, or into the list of members."""
    spans = sorted(
        (member.header_offset, _LOCAL_HEADER_BYTES + len(member.orig_filename) + member.compress_size)
        for member in members
    )
    return any(start + size > after for (start, size), (after, _) in itertools.pairwise([*spans, (end, 0)]))


def _check(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """InputError that names the members which no honest archive of data has."""
    seen, problems = set[PurePosixPath](), list[str]()
    folders = {folder for member in members for folder in PurePosixPath(member.filename).parents}
    for member in members:
        path, problem = PurePosixPath(member.filename), _problem(member)
        if not problem and path in seen:
            problem = "is in it twice"
        elif not problem and path in folders and not member.is_dir():
            problem = "is a file and a folder"
        seen.add(path)
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


def _place(opened: zipfile.ZipFile, places: dict[Path, dict[str, zipfile.ZipInfo]], progress: Progress) -> None:
    """Write places under other names, then rename them; nothing stays of them if one cannot be written."""
    partials = {target: target.with_name(f".{target.name}.partial") for target in places}
    try:
        for target, partial in partials.items():
            _remove(partial)
            for name, member in places[target].items():
                _write(opened, member, partial / name if name else partial)
                progress.advance()
        for target, partial in partials.items():
            put_in_place(partial, target)
    finally:
        for partial in partials.values():
            _remove(partial)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Reading to the end of a member compares its CRC.
    with opened.open(member) as source, path.open("xb") as written:
        shutil.copyfileobj(source, written, 1 << 20)
        if written.tell() != member.file_size:
            raise zipfile.BadZipFile(f"{member.filename} has {written.tell()} bytes and claims {member.file_size}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
