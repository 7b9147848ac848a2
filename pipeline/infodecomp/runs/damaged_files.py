"""Tables and arrays that a machine failure truncated: recognised by their last bytes, and renamed to be made again.

Files get their final name only when they are complete (see `storage`), but a power loss or a full disk of a file server can
still truncate one. Snakemake takes such a table for finished, because it looks only at names and dates, and does not know
the arrays of a case, which belong to the table of their shard.
"""

from __future__ import annotations

from pathlib import Path

# First and last bytes of every Parquet file; the length of the footer precedes the last ones.
_MAGIC = b"PAR1"
_SMALLEST = 12
# The last record of a zip archive, such as an npz: its magic number, and from byte 12 on the directory's size and offset.
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22


def put_aside_damaged_files(results: Path) -> list[str]:
    """Rename the damaged tables and arrays of a study from `<name>` to `<name>.damaged`; returns a sentence for each.

    If arrays of a case are damaged, the table of its shard is deleted, so that its job runs again and recomputes that case
    alone. results: folder of the study. Only the ends of files are read, so that thousands of them take a second.
    """
    return [
        *(_put_aside(path) for path in _files(results, ("*", "*/*"), "parquet") if is_damaged_table(path)),
        *(_put_aside_arrays(path) for path in _files(results, ("*/*", "*/*/*"), "npz") if is_damaged_npz(path)),
    ]


def is_damaged_table(table: Path) -> bool:
    """Whether a file lacks the beginning or end of a Parquet table; False if there is no such file."""
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
    """Whether a file does not end with the directory of an npz at its stated place; False if there is no such file."""
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
        return f"{path}: this file is damaged and could not be renamed ({error.strerror}); delete it."
    return f"{path}: this file is damaged; it was renamed to {aside.name} and will be computed again."


def _put_aside_arrays(path: Path) -> str:
    """Rename the arrays of a case, and delete the shard table beside their folder that has the case."""
    import pyarrow.parquet as pq  # takes a third of a second at every start of Snakemake

    for table in path.parent.parent.glob("shard-*.parquet"):
        if path.stem in pq.read_table(table, columns=["case_id"])["case_id"].to_pylist():
            table.unlink()
    return _put_aside(path)
