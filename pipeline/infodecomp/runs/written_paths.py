"""What a run will write: looked at before work is spent on results that could not be saved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from infodecomp.runs.storage_errors import write_problem

# Options with which Snakemake writes nothing; it tells a Snakefile that is being read nothing of them.
_DRY_RUN = re.compile(r"--dry-?run|-[a-z]*n[a-z]*")
_LISTING = ("--lint", "--list-rules", "--list", "-l", "--list-target-rules", "--lt")


def records_problem(records: Path, arguments: Sequence[str]) -> str | None:
    """Why Snakemake could not keep its records in the working folder; None if it can, or need not.

    records: the folder .snakemake, which even a dry run makes where there is none. arguments: of the command line.
    """
    if any(argument in _LISTING for argument in arguments):
        return None
    if records.is_dir() and any(_DRY_RUN.fullmatch(argument) for argument in arguments):
        return None
    return write_problem(records)


def written_paths(results: Path, outputs: Iterable[str], logs: Iterable[str]) -> list[Path]:
    """Folders into which jobs write their outputs, and logs and folders of outputs that exist, which they write anew.

    results: folder of the study. Files that jobs replace count by their folders. A stage of a dataset also writes into the
    folders beside its table, such as `maps`.
    """
    made = [Path(output) for output in outputs]
    folders = {path.parent for path in made}
    beside = [
        inner for folder in folders if folder.parent.parent == results for inner in folder.glob("*") if inner.is_dir()
    ]
    return sorted({*folders, *beside, *filter(Path.is_dir, made), *map(Path, logs)})
