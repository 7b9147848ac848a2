"""The tables of a study, by which runs are compared byte for byte."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.workflow.integrity.study import RESULTS

Tables = dict[str, bytes]

# Columns and tables that hold how long jobs took.
_TIMED_COLUMN = "hours"
_TIMED_TABLES = ("summary.md",)


def read_tables(folder: Path) -> Tables:
    """Name → content of all tables below a working folder, without times."""
    found: Tables = {}
    for pattern in ("tables/*", "*/explanations/*"):
        for path in (folder / RESULTS).glob(pattern):
            if path.suffix in (".csv", ".parquet", ".md") and path.name not in _TIMED_TABLES:
                found[path.relative_to(folder).as_posix()] = _without_times(path.read_bytes())
    return found


def _without_times(content: bytes) -> bytes:
    head, _, _ = content.partition(b"\n")
    if _TIMED_COLUMN.encode() not in head.split(b","):
        return content
    rows = csv.DictReader(io.StringIO(content.decode()))
    return repr([{name: value for name, value in row.items() if name != _TIMED_COLUMN} for row in rows]).encode()


def differences(found: Tables, right: Tables) -> list[str]:
    """The names of tables that are not what they should be, among those that are there."""
    return sorted(name for name in found if found[name] != right.get(name))
