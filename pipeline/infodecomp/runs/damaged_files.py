"""Tables and arrays that a failure of the machine cut short: found by their ends, and put aside to be made again.

Every file is written whole under its final name (see `storage`), but a power loss or a full disk of a file server can
still leave one without its end. Snakemake takes such a table for finished, because it looks at names and dates, and knows
nothing of the arrays of a case, which belong to the table of their shard.
"""

from __future__ import annotations

from pathlib import Path

# First and last bytes of every Parquet file; before the last ones stands the length of the footer.
_MAGIC = b"PAR1"
_SMALLEST = 12
# The last record of a zip archive, which an npz is: its mark, and from its twelfth byte on size and place of the directory.
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22


def put_aside_damaged_files(results: Path) -> list[str]:
    """Rename the damaged tables and arrays of a study, `<name>` → `<name>.damaged`; a sentence for each.

    The table of a shard goes with the damaged arrays of its cases, so that its job runs again and computes these anew.
    results: folder of the study. Only the ends of files are read, so that thousands of them take a second.
    """
    return [
        *(_put_aside(path) for path in _files(results, ("*", "*/*"), "parquet") if is_damaged_table(path)),
        *(_put_aside_arrays(path) for path in _files(results, ("*/*", "*/*/*"), "npz") if is_damaged_npz(path)),
    ]


def is_damaged_table(table: Path) -> bool:
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


def is_damaged_npz(arrays: Path) -> bool:
    """Whether a file does not end as an npz does, with a directory that lies where it says; False for none."""
    try:
        with arrays.open("rb") as file:
            size = file.seek(0, 2)
            if size < _ZIP_END_SIZE:
                return True
            file.seek(-_ZIP_END_SIZE, 2)
            end = file.read()
    except FileNotFoundError:
        return False
    length, start = (int.from_bytes(end[at : at + 4], "little") for at in (12, 16))
    return not end.startswith(_ZIP_END) or start + length + _ZIP_END_SIZE != size


def _files(results: Path, depths: tuple[str, ...], suffix: str) -> list[Path]:
    found = [path for depth in depths for path in results.glob(f"{depth}/*.{suffix}")]
    return sorted(path for path in found if not path.name.startswith("."))


def _put_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError as error:
        return f"{path}: this file is damaged, and it could not be renamed ({error.strerror}); delete it."
    return f"{path}: this file is damaged; it is now {aside.name}, and made again from what is kept."


def _put_aside_arrays(path: Path) -> str:
    """Put the arrays of a case aside, and delete the tables that name the case beside their folder."""
    import pyarrow.parquet as pq  # takes a third of a second, which every start of Snakemake would pay

    for table in path.parent.parent.glob("shard-*.parquet"):
        if path.stem in pq.read_table(table, columns=["case_id"])["case_id"].to_pylist():
            table.unlink()
    return _put_aside(path)
