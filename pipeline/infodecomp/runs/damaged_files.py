"""Tables and arrays that a failure of the machine truncated: found by their ends, and set aside to be made again.

Every file is written whole under its final name (see `storage`), but a power loss or a full disk of a file server can
still leave one without its end. Snakemake takes such a table for finished, because it looks only at names and dates. It
does not know the arrays of a case at all, which belong to the table of their shard.
"""

from __future__ import annotations

from pathlib import Path

# First and last bytes of every Parquet file; before the last ones stands the length of the footer.
_MAGIC = b"PAR1"
_SMALLEST = 12
# The last record of a zip archive, which an npz is: its mark, and from its twelfth byte on size and place of the directory.
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22


def damaged_files(results: Path) -> dict[Path, list[str]]:
    """The damaged tables and arrays of a study: file → the files whose jobs must run again. Changes nothing on the disk.

    results: folder of the study. A table is made again by its own job; the arrays of a case by the job of the tables beside
    their folder that name the case. Only the ends of files are read, so that thousands of them take a second.
    """
    tables = [path for path in _files(results, ("*", "*/*"), "parquet") if is_damaged_table(path)]
    arrays = [path for path in _files(results, ("*/*", "*/*/*"), "npz") if is_damaged_npz(path)]
    return {
        **{path: [str(path)] for path in tables},
        **{path: [str(path), *map(str, _tables_naming(path, without=tables))] for path in arrays},
    }


def put_aside_damaged_files(results: Path) -> list[str]:
    """Rename the damaged tables and arrays of a study, `<name>` → `<name>.damaged`; one sentence for each.

    The tables that name the case of damaged arrays are deleted, so that a later run makes them again too.
    """
    sentences = []
    for path, remade in damaged_files(results).items():
        for table in remade[1:]:
            Path(table).unlink(missing_ok=True)
        sentences.append(_put_aside(path))
    return sentences


def is_damaged_table(table: Path) -> bool:
    """Whether a file lacks the end or the beginning of a Parquet table; False for a missing file."""
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
    """Whether a file does not end as an npz does, with a directory that lies where it says; False for a missing file."""
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
    return f"{path}: this file is damaged; it was renamed to {aside.name} and is made again."


def _tables_naming(arrays: Path, without: list[Path]) -> list[Path]:
    """The whole tables beside the folder of a case's arrays that have a row of the case."""
    import pyarrow.parquet as pq  # takes a third of a second, which every start of Snakemake would pay

    found = []
    for table in sorted(set(arrays.parent.parent.glob("shard-*.parquet")) - set(without)):
        if arrays.stem in pq.read_table(table, columns=["case_id"])["case_id"].to_pylist():
            found.append(table)
    return found
