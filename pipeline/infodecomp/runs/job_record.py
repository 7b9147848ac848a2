"""The record of a job: the content of every file that it read and wrote, under a seal.

A record is a JSON file `<name>.provenance.json` beside the job's results. `inputs` and `outputs` map names of files to the
SHA-256 of their content; `seal` is the SHA-256 of everything else. A file of the same study is named from the record's
folder (`./shard-0000.parquet`, `../cases.parquet`), so that a study may be moved; others from the working folder or the
checkout.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import ROOT, SHIPPED, shipped

SUFFIX = ".provenance.json"
# Folders above a file in which its record may lie: a stage writes at most maps/<case>/<picture> beside its table.
_LEVELS = 4


class DamagedFile(InputError):
    """A result that is not what its job wrote."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


@dataclass(frozen=True)
class JobRecord:
    """What a job read and wrote: absolute path → SHA-256. arguments: name → digest of what the job was asked to do."""

    path: Path
    stage: str
    date: str
    arguments: Mapping[str, str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def sealed(content: Mapping[str, Any]) -> str:
    """A record as JSON text with its seal."""
    return _text({**content, "seal": _seal(content)})


def read_content(path: Path) -> dict[str, Any] | None:
    """All that a record says, its seal checked; None if the file has the name of a record and is none.

    Raises DamagedFile if it cannot be read or does not agree with its seal.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:  # its job began again in the meantime
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFile(path, f"this record is damaged ({error}).") from error
    if not isinstance(content, dict) or "seal" not in content:
        return None
    if content.pop("seal") != _seal(content):
        raise DamagedFile(path, "this record is damaged: it does not agree with its seal.")
    return content


def read_record(path: Path) -> JobRecord | None:
    """The files that a record names; None and DamagedFile as for `read_content`."""
    content = read_content(path)
    if content is None:
        return None
    folder, here = absolute(path.parent), absolute(Path())
    return JobRecord(
        path,
        content["stage"],
        content.get("date", ""),
        content["arguments"],
        *(
            {_path(name, folder, here): digest for name, digest in content[kind].items()}
            for kind in ("inputs", "outputs")
        ),
    )


def name_in_record(path: str, folder: Path) -> str:
    """The name of a file, given by its absolute path, in a record of that folder."""
    here, there = Path(absolute(folder)), Path(path)
    if _study(here) == _study(there):
        name = Path(os.path.relpath(there, here)).as_posix()
        return name if name.startswith("../") else f"./{name}"
    for root in (Path.cwd(), ROOT):
        if there.is_relative_to(root):
            return there.relative_to(root).as_posix()
    return there.as_posix()


def absolute(path: Path) -> str:
    """The path by which a file is known in a job, links not followed."""
    return os.path.normpath(path.absolute())


def put_aside(path: Path) -> Path:
    """Rename a damaged result to `<name>.damaged`, so that its job makes it again; OSError if that is refused."""
    return path.replace(path.with_name(f"{path.name}.damaged"))


def argument_digest(value: Any) -> str:
    """16 hex digits of an argument as the command line has it."""
    return hashlib.sha256(str(value).encode()).hexdigest()[:16]


class Records:
    """The records of folders, each read once."""

    def __init__(self) -> None:
        self._folders = dict[str, dict[str, JobRecord]]()

    def maker(self, path: str) -> JobRecord | None:
        """The record of the job that wrote a file; None if no record names it. Raises DamagedFile for a damaged record."""
        for folder in _above(path):
            found = self._of_folder(folder).get(path)
            if found is not None:
                return found
        return None

    def _of_folder(self, folder: str) -> dict[str, JobRecord]:
        if folder not in self._folders:
            records = [read_record(path) for path in record_files(Path(folder))]
            self._folders[folder] = makers(record for record in records if record)
        return self._folders[folder]


def makers(records: Iterable[JobRecord]) -> dict[str, JobRecord]:
    """File → the record of the job that wrote it last: a study with fewer shards than before has records left over."""
    return {name: record for record in sorted(records, key=lambda record: record.date) for name in record.outputs}


def record_files(folder: Path) -> list[Path]:
    """The records that lie in a folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.endswith(SUFFIX) and entry.name[0] != ".")
    except OSError:
        return []


def _above(path: str) -> Iterator[str]:
    for folder in islice(Path(path).parents, _LEVELS):
        yield str(folder)


def _study(path: Path) -> tuple[str, ...]:
    """What files of one study have in common: the first two folders below the working one."""
    try:
        return path.relative_to(Path.cwd()).parts[:2]
    except ValueError:
        return path.parent.parts


def _path(name: str, folder: str, here: str) -> str:
    # Texts, not paths: a study names a hundred thousand files.
    if name.startswith("./"):
        return f"{folder}/{name[2:]}"
    if name.startswith("../"):
        return os.path.normpath(f"{folder}/{name}")
    if name.startswith(SHIPPED):
        return absolute(shipped(name))
    return name if name.startswith("/") else f"{here}/{name}"


def _seal(content: Mapping[str, Any]) -> str:
    # Without indentation, which Python's encoder in C does not know.
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
