"""Parquet tables that a failure of the machine cut short: found by their ends, and put aside to be made again.

Every table is written whole under its final name (`pipeline.storage`), but a power loss or a full disk of a file server can
still leave one without its end. Snakemake takes such a file for finished, because it looks at names and dates.
"""

from __future__ import annotations

from pathlib import Path

# First and last bytes of every Parquet file; before the last ones stands the length of the footer.
_MAGIC = b"PAR1"
_SMALLEST = 12


def put_aside_damaged_tables(results: Path) -> list[str]:
    """Rename the damaged tables of a study, `<name>.parquet` → `<name>.parquet.damaged`; a sentence for each.

    results: folder of the study. Only the ends of files are read, so that thousands of them take a second.
    """
    tables = [path for depth in ("*", "*/*") for path in results.glob(f"{depth}/*.parquet")]
    return [_put_aside(path) for path in sorted(tables) if not path.name.startswith(".") and is_damaged(path)]


def is_damaged(table: Path) -> bool:
    """Whether a file lacks the end or the beginning of a Parquet table; False for one that is not there."""
    try:
        with table.open("rb") as file:
            head = file.read(len(_MAGIC))
            size = file.seek(0, 2)
            if size < _SMALLEST:
                return True
            file.seek(-8, 2)
            footer, tail = int.from_bytes(file.read(4), "little"), file.read(4)
    except FileNotFoundError:
        return False
    return head != _MAGIC or tail != _MAGIC or footer + _SMALLEST > size


def _put_aside(table: Path) -> str:
    aside = table.with_name(f"{table.name}.damaged")
    try:
        table.replace(aside)
    except OSError as error:
        return f"{table}: this table is damaged, and it could not be renamed ({error.strerror}); delete it."
    return f"{table}: this table is damaged; it is now {aside.name}, and made again from what is kept."
