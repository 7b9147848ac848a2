"""What the job of this process has read and written so far, and whether it fits together.

A stage reads every file through `checked` and writes through `storage`, so that its record (see `job_record`) is complete
without a list by hand. `checked` compares a file with the record of the job that wrote it, and all that this job reads with
each other: one file has one content, however it reaches the job. Without a job, as in a notebook, nothing is compared.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from infodecomp.runs.contents import file_sha256, files_sha256, folder_files
from infodecomp.runs.errors import InputError
from infodecomp.runs.job_record import DamagedFile, JobRecord, Records, absolute, put_aside
from infodecomp.runs.storage_errors import AGAIN


@dataclass
class Ledger:
    """The files of one job by absolute path. arguments: as in its record."""

    arguments: Mapping[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    _records: Records = field(default_factory=Records)
    _traced: set[str] = field(default_factory=set)
    # Every file that leads to what was read: its content, and who read it.
    _contents: dict[str, tuple[str, str]] = field(default_factory=dict)
    _states: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def read(self, path: Path) -> None:
        """Note that the job reads a file; DamagedFile or InputError as for `checked`."""
        name = absolute(path)
        try:
            status = path.stat()
        except (OSError, ValueError):
            return  # whoever opens it says so better
        if not path.is_file():
            return
        state = (status.st_size, status.st_mtime_ns, status.st_ino)
        with self._lock:
            if self._states.get(name) != state and name not in self.outputs:
                self.note(path, file_sha256(path))
                self._states[name] = state

    def note(self, path: Path, digest: str) -> None:
        """The same for a file whose content is known already."""
        name = absolute(path)
        with self._lock:
            maker = self._records.maker(name)
            if maker and maker.outputs[name] != digest:
                maker = Records().maker(name)  # its job may have run again in the meantime
            if maker and maker.outputs[name] != digest:
                with suppress(OSError):  # the message names the file; its owner can delete it
                    put_aside(path)
                raise DamagedFile(path, f"this is not what {maker.stage} wrote: it is damaged or was changed; {AGAIN}.")
            if maker:
                self._trace(maker)
            self._one_content(name, digest, "this job")
            self.inputs[name] = digest

    def wrote(self, path: Path, digest: str) -> None:
        """Note that the job wrote a file, or kept one that an earlier try of the job had written."""
        self.outputs[absolute(path)] = digest

    def _trace(self, record: JobRecord) -> None:
        """Follow a result to what it was made from, as far as there are records."""
        if str(record.path) in self._traced:
            return
        self._traced.add(str(record.path))
        for name in record.outputs:
            if not Path(name).exists():
                raise InputError(f"{_shown(name)}: {record.stage} wrote this file, and it is missing; {AGAIN}.")
        for name, digest in record.inputs.items():
            self._one_content(name, digest, _shown(str(record.path)))
            maker = self._records.maker(name)
            if maker is None:
                continue
            if maker.outputs[name] != digest:
                raise InputError(
                    f"{_shown(str(record.path))}: made from an earlier {_shown(name)}, which {maker.stage} has since "
                    f"written again; {AGAIN}."
                )
            self._trace(maker)

    def _one_content(self, name: str, digest: str, reader: str) -> None:
        known, first = self._contents.setdefault(name, (digest, reader))
        if known != digest:
            raise InputError(
                f"{_shown(name)}: this file changed during the study: {reader} and {first} read different contents of it; "
                f"{AGAIN}."
            )


_current: Ledger | None = None


@contextmanager
def job_ledger(arguments: Mapping[str, str], inputs: Iterable[Path] = ()) -> Iterator[Ledger]:
    """Keep the ledger of a job for the length of a block, beginning with the inputs that its command names."""
    global _current
    outer, _current = _current, Ledger(arguments)
    try:
        for path in inputs:
            _current.read(path)
        yield _current
    finally:
        _current = outer


def current_ledger() -> Ledger | None:
    """The ledger of the job that runs; None outside one."""
    return _current


def checked(path: Path) -> Path:
    """The path of a file about to be read, its content noted and compared.

    Raises DamagedFile, a kind of InputError, if the file is a result and not what its job wrote; it is then renamed to
    `<name>.damaged`, so that the next run makes it again. Raises InputError if what this job reads was made from different
    contents of one file. A file that does not exist is left to whoever opens it.
    """
    if _current is not None:
        _current.read(path)
    return path


def checked_sha256(path: Path) -> str:
    """SHA-256 of a file that the job reads; errors as for `checked` and `file_sha256`."""
    digest = file_sha256(path)
    if _current is not None:
        _current.note(path, digest)
    return digest


def checked_folder_sha256(folder: Path) -> str:
    """SHA-256 over the files of a folder that the job reads; errors as for `checked` and `folder_sha256`."""
    return files_sha256({name: checked_sha256(path) for name, path in folder_files(folder).items()})


def note_read(path: Path, digest: str) -> None:
    """Note a file that the job reads and whose content is known; "" for one that it looked for and did not find."""
    if _current is not None:
        _current.note(path, digest)


def kept(path: Path) -> None:
    """Note a file that an earlier try of this job wrote and that stays as it is."""
    if _current is not None and path.is_file():
        _current.wrote(path, file_sha256(path))


def _shown(name: str) -> str:
    """A path as users write it: from the working folder."""
    here = f"{Path.cwd()}/"
    return name.removeprefix(here)
