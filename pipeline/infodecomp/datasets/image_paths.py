"""Finding the file that a list means by a path, where systems and tools write paths differently.

A path is taken as written if that file exists. Else backslashes are read as slashes, letters and accents that are encoded
apart as one, and capitals as small letters, if just one file answers to that. Else the file of the path's last part is
taken, if the folder has it and no other path of the list ends in it: tools put a folder of their own before the name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.words.unicode_form import composed


def slashed(name: str) -> str:
    """A path with slashes, as `images\\\\1.png` means on Windows.

    >>> slashed("images\\\\1.png")
    'images/1.png'
    """
    return name.replace("\\", "/")


def leads_out(name: str) -> bool:
    """Whether a path is absolute or leaves its folder by `..`, also if its backslashes are slashes."""
    paths = PurePosixPath(name), PurePosixPath(slashed(name))
    return any(path.is_absolute() or ".." in path.parts for path in paths)


def find_path(folder: Path, name: str) -> str | None:
    """The path below `folder` that `name` means: itself, or as its folders and file are really spelled; None without one."""
    if (folder / name).is_file():
        return name
    windows = slashed(name)
    if (folder / windows).is_file():
        return PurePosixPath(windows).as_posix()
    path = PurePosixPath(windows)
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
        return None
    found = PurePosixPath()
    for part in path.parts:
        spelled = _spelled(folder / found, part)
        if spelled is None:
            return None
        found /= spelled
    return str(found) if (folder / found).is_file() else None


def find_paths(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Path of a list → the path below `folder` that it means; paths that mean none are left out."""
    found = {name: path for name in dict.fromkeys(names) if (path := find_path(folder, name)) is not None}
    ends = Counter(_last(name) for name in set(names))
    taken = set(found.values())
    for name in dict.fromkeys(names):
        last = _last(name)
        if name not in found and ends[last] == 1 and last != name:
            path = find_path(folder, last)
            if path is not None and path not in taken:
                found[name] = path
    return found


def with_found_paths(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """A table of cases whose image paths are those of files in `folder`; paths that mean none stay.

    Warns once of paths that are written differently.
    """
    wanted = list(dict.fromkeys(frame.loc[frame["status"] == "ok", "image_path"]))
    found = find_paths(folder, wanted)
    warn_of_paths(folder, {name: path for name, path in found.items() if name != path})
    return frame.assign(image_path=frame["image_path"].map(lambda name: found.get(name, name)))


def warn_of_paths(folder: Path, read: Mapping[str, str]) -> None:
    """Print one warning of paths that were read as other ones, if there are any."""
    if read:
        name, path = next(iter(read.items()))
        others = f", and {len(read) - 1} more likewise" if len(read) > 1 else ""
        encoded = ", the same name with its letters encoded otherwise" if composed(name) == composed(path) else ""
        print(f"warning: {folder}: there is no {name!r}; {path!r} is read instead{encoded}{others}.", flush=True)


def none_exists(folder: Path, wanted: Sequence[str]) -> InputError:
    """That no image of a list is in its folder, with a name of each."""
    names = sorted(name for same in _entries(folder).values() for name in same)
    holds = f"the folder holds {len(names)} other entries, the first is {names[0]}" if names else "the folder is empty"
    return InputError(f"{folder}: none of the {len(wanted)} images exists (the first is {wanted[0]}); {holds}.")


def _last(name: str) -> str:
    return PurePosixPath(slashed(name)).name


def _spelled(folder: Path, part: str) -> str | None:
    """The one entry of a folder that equals `part` composed, or else composed and in small letters."""
    entries = _entries(folder)
    for form in (composed, lambda name: composed(name).casefold()):
        same = [entry for entry in entries.get(composed(part).casefold(), ()) if form(entry) == form(part)]
        if same:
            return same[0] if len(same) == 1 else None
    return None


@cache
def _entries(folder: Path) -> dict[str, list[str]]:
    """Names in a folder by their composed form in small letters; empty if it cannot be read."""
    names: dict[str, list[str]] = {}
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            names.setdefault(composed(path.name).casefold(), []).append(path.name)
    return names
