"""What of a study must be made again because of the content of files, whatever their dates say.

Each record of the study (see `job_record`) is compared with the disk: the job's results must be what it wrote, what it read
must be what it read, and it must have been asked for what the configuration asks for. Only looks; changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from infodecomp.runs.content_cache import ContentCache
from infodecomp.runs.job_record import SUFFIX, DamagedFile, JobRecord, absolute, makers, put_aside, read_record

# Lines a cause that a user reads.
_SHOWN = 5


@dataclass
class Findings:
    """damaged: results that are not what was written; missing: results that are gone; both with the record of their job.

    changed: files that were read and have another content now. other: records of jobs that were asked for something else.
    unrecorded: results that were read and that no record names any longer.
    """

    damaged: dict[Path, Path] = field(default_factory=dict)
    missing: dict[Path, Path] = field(default_factory=dict)
    changed: dict[Path, Path] = field(default_factory=dict)
    other: dict[Path, Path] = field(default_factory=dict)
    unrecorded: dict[Path, Path] = field(default_factory=dict)
    _stale: set[Path] = field(default_factory=set)

    @property
    def remade(self) -> set[str]:
        """Files whose jobs must run again, as rules name their outputs; a folder stands for a rule whose output it is."""
        records = {*self.damaged.values(), *self.missing.values(), *self._stale, *self.unrecorded}
        return {name for record in records for name in (str(record), str(record.parent))}

    def sentences(self) -> list[str]:
        """What a user reads: a line for each cause, and for the first few of many."""
        return [
            *_first(self.damaged, "this result is damaged or was changed; it is made again."),
            *_first(self.missing, "this result is missing; it is made again."),
            *_first(self.changed, "its content has changed; what was made from it is made again."),
            *_first(self.unrecorded, "the record of this result is missing; it is made again."),
            *_first(self.other, "this was made with other settings, another seed or another model; it is made again."),
        ]


def _first(paths: Collection[Path], what: str) -> list[str]:
    shown = [f"{path}: {what}" for path in islice(paths, _SHOWN)]
    more = len(paths) - len(shown)
    return [*shown, f"… and {more:,} more: {what}"] if more else shown


def check_study(
    study: Path,
    drawn: Path,
    contents: ContentCache,
    expected: Callable[[JobRecord], Mapping[str, str] | None],
) -> Findings:
    """Compare the records below some folders with the disk.

    Args:
        study: its folder.
        drawn: the folder of the scenes that are drawn for it.
        contents: of files, so that only those that changed are read.
        expected: record → digests of the arguments that its job would get now; None if no rule of this study makes it.
    """
    found, records = Findings(), list[JobRecord]()
    for path in _record_files((study, drawn)):
        try:
            record = read_record(path)
        except DamagedFile:
            found.damaged[path] = path
            continue
        if record is not None:
            records.append(record)
        elif path.exists():  # another file under the name of a record, so that nobody knows what the job wrote
            found.damaged[path] = path
    made_by = makers(records)
    inside = f"{absolute(study)}/"
    for record in records:
        asked = expected(record)
        if asked is not None:
            _check_outputs(record, made_by, contents, found)
            _check_inputs(record, made_by, contents, found)
            _check_records(record, made_by, inside, found)
            _check_arguments(record, asked, found)
    return found


def renamed(path: Path) -> str:
    """Put a damaged result aside; a sentence that says so."""
    try:
        aside = put_aside(path)
    except OSError as error:
        return f"{path}: this file is damaged and could not be renamed ({error.strerror}); delete it."
    return f"{path}: this file is damaged; it was renamed to {aside.name} and is made again."


def _check_outputs(
    record: JobRecord, made_by: Mapping[str, JobRecord], contents: ContentCache, found: Findings
) -> None:
    for name, digest in record.outputs.items():
        if made_by[name] is not record:
            continue
        content = contents.sha256(name)
        if content != digest:
            (found.missing if content is None else found.damaged)[_shown(name)] = record.path


def _check_inputs(record: JobRecord, made_by: Mapping[str, JobRecord], contents: ContentCache, found: Findings) -> None:
    for name, digest in record.inputs.items():
        maker = made_by.get(name)
        # A result is compared with what its job wrote last: if the disk differs from that, the result itself is damaged.
        content = maker.outputs[name] if maker else contents.sha256(name) or ""
        # An input that is gone is missed only by the job that reads it next.
        if content != digest and (maker or content or not digest):
            found.changed[_shown(name)] = record.path
            found._stale.add(record.path)


def _check_records(record: JobRecord, made_by: Mapping[str, JobRecord], inside: str, found: Findings) -> None:
    """A result whose record is gone is made again by the job that wrote both."""
    for name in record.inputs:
        if name.startswith(inside) and name not in made_by and Path(name).exists():
            found.unrecorded[_shown(name)] = record.path


def _check_arguments(record: JobRecord, asked: Mapping[str, str], found: Findings) -> None:
    if any(record.arguments.get(name, digest) != digest for name, digest in asked.items()):
        found.other[record.path] = record.path
        found._stale.add(record.path)


def _record_files(folders: Iterable[Path]) -> Iterator[Path]:
    for top in folders:
        for folder, inner, files in os.walk(top):
            inner.sort()
            yield from (Path(folder, name) for name in sorted(files) if name.endswith(SUFFIX) and name[0] != ".")


def _shown(name: str) -> Path:
    """A path as rules write it: from the working folder."""
    path = Path(name)
    here = absolute(Path())
    return path.relative_to(here) if path.is_relative_to(here) else path
