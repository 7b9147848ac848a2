"""The hashes of a model's files, recorded beside its folder: `scenes.sha256` for `scenes/`.

The format is that of sha256sum: `cd scenes && sha256sum --check ../scenes.sha256` checks a model by hand. The shipped models
have such a record, and training writes one for each model that it makes.
"""

from __future__ import annotations

from pathlib import Path

from infodecomp.runs.contents import file_sha256, folder_files
from infodecomp.runs.durable import put_in_place, sync_name, write_record
from infodecomp.runs.errors import InputError


def record_of(folder: Path) -> Path:
    """The file that holds the hashes of a model's files."""
    folder = folder.absolute()
    return folder.with_name(f"{folder.name}.sha256")


def record_hashes(folder: Path) -> None:
    """Write the hashes of all files of a model, hidden ones apart, replacing an earlier record."""
    lines = [f"{file_sha256(path)}  {name}\n" for name, path in folder_files(folder).items()]
    write_record(record_of(folder), "".join(lines))


def put_model_in_place(finished: Path, target: Path) -> None:
    """Rename a finished model to its place, replacing an earlier one, and record its hashes; whole after a power cut too."""
    record_of(target).unlink(missing_ok=True)  # of the earlier model
    sync_name(record_of(target))
    put_in_place(finished, target)
    record_hashes(target)


def check_recorded_hashes(folder: Path) -> None:
    """InputError naming the first file that is not what was recorded; a folder without a record is not checked."""
    record = record_of(folder)
    if not record.is_file():
        return
    expected = _read(record)
    for name in sorted({*expected, *folder_files(folder)}):
        if name not in expected:
            raise InputError(f"{folder / name}: {record} does not list this file; {_remedy(record)}")
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: {record} lists this file, which is missing; {_remedy(record)}")
        found = file_sha256(folder / name)
        if found != expected[name]:
            raise InputError(
                f"{folder / name}: this file has changed: its SHA-256 is {found}, and {record} says {expected[name]}; "
                f"{_remedy(record)}"
            )


def _read(record: Path) -> dict[str, str]:
    lines = record.read_text(encoding="utf-8").splitlines()
    parts = [line.partition("  ") for line in lines]
    if not all(len(sha256) == 64 and name for sha256, _, name in parts):
        raise InputError(f"{record}: expected lines of a SHA-256, two spaces and a file name; {_remedy(record)}")
    return {name: sha256 for sha256, _, name in parts}


def _remedy(record: Path) -> str:
    return f"restore the model, or delete {record} if it was changed on purpose."
