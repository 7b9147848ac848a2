"""Reading and writing results: Parquet tables, npz arrays and text, each written whole or not at all.

Every writer creates the parent folder, writes a temporary file beside the target and renames it, so that a killed
job never leaves half a file under the final name. None of the formats can hold a pickle.
"""

from __future__ import annotations

import io
import lzma
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from infodecomp.runs.contents import file_sha256
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked, current_ledger
from infodecomp.runs.npz_headers import check_npz_headers

_ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "list<float64>": pa.list_(pa.float64()),
    "list<string>": pa.list_(pa.string()),
}

# What pandas calls the content of a column (`pandas.api.types.infer_dtype`), per declared type.
_ACCEPTED_CONTENT: dict[str, frozenset[str]] = {
    "string": frozenset({"string", "empty"}),
    "int64": frozenset({"integer", "empty"}),
    "float64": frozenset({"floating", "integer", "mixed-integer-float", "empty"}),
    "bool": frozenset({"boolean", "empty"}),
}

# The earliest date of a zip member, so that equal arrays give equal bytes whenever they are written.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)

# From this size on, arrays are compressed by LZMA, which models each byte of a number separately and so makes maps a sixth
# smaller than deflate does; for smaller ones, its overhead exceeds the gain. NumPy reads both.
_LZMA_BYTES = 4096

# Exceptions of reading a file whose bytes were changed or cut off anywhere.
DAMAGES = (
    *(ValueError, OSError, EOFError, AttributeError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` (same suffix) that becomes `path` when the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    ledger = current_ledger()
    try:
        yield temporary
        if ledger is not None:
            ledger.wrote(path, file_sha256(temporary))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file that the job reads; errors as for `checked`."""
    with atomic_path(target) as temporary:
        shutil.copyfile(checked(source), temporary)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, with its line endings as they are."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_table(path: Path, frame: pd.DataFrame, columns: Mapping[str, str]) -> None:
    """Write `frame` as Parquet with exactly `columns`, in their order.

    `columns` maps each name to "string", "int64", "float64", "bool", "list<float64>" or "list<string>". A float may be NaN;
    strings, integers and booleans have no missing values (use "" or a status column). Raises InputError naming the file and
    the column for a missing or extra column or for content of another type.
    """
    write_table_rows(path, [frame], columns)


def write_table_rows(path: Path, frames: Iterable[pd.DataFrame], columns: Mapping[str, str]) -> None:
    """As `write_table`, from consecutive frames, of which only one at a time is in memory."""
    schema = _schema(columns)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, write_page_checksum=True) as writer:
        for frame in frames:
            _check_names(path, list(frame.columns), columns)
            arrays = [_column(path, name, frame[name], kind) for name, kind in columns.items()]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def read_table(path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a table that `write_table` wrote; InputError for a missing file and for columns or types that differ."""
    with _opened(path, columns) as table:
        return table.read(columns=list(columns)).select(list(columns)).to_pandas()


def read_table_rows(path: Path, columns: Mapping[str, str], rows: int) -> Iterator[pd.DataFrame]:
    """As `read_table`, in frames of at most `rows` rows, one after another."""
    with _opened(path, columns) as table:
        # Threads would decode several parts ahead.
        for batch in table.iter_batches(batch_size=rows, columns=list(columns), use_threads=False):
            yield batch.select(list(columns)).to_pandas(use_threads=False)


@contextmanager
def _opened(path: Path, columns: Mapping[str, str]) -> Iterator[pq.ParquetFile]:
    """The opened table, its rows not read yet; InputError unless it has exactly these columns."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a Parquet table with the columns {', '.join(columns)}.")
    try:
        # A file handle, so that a folder name such as `a=b` is not taken for a partition of the table.
        # Unbuffered, so that a table that is read a few rows at a time is never in memory as a whole.
        with checked(path).open("rb") as handle, _parquet(handle) as table:
            schema = table.schema_arrow
            _check_names(path, schema.names, columns)
            for name, kind in columns.items():
                found = schema.field(name).type
                if found != _ARROW_TYPES[kind]:
                    raise InputError(f"{path}: column `{name}` has type {found}; expected {kind}.")
            yield table
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: this is not a readable Parquet table ({error}).") from error


def _parquet(handle: BinaryIO) -> pq.ParquetFile:
    return pq.ParquetFile(handle, pre_buffer=False, page_checksum_verification=True)


def read_columns(path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Some columns of a table that may have more; InputError as `read_table`."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a Parquet table with the columns {', '.join(columns)}.")
    try:
        with checked(path).open("rb") as handle:
            table = pq.read_table(handle, columns=list(columns), page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: this is not a readable Parquet table ({error}).") from error
    _check_names(path, table.column_names, columns)
    return table.to_pandas()


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed npz; keys are sorted and dates fixed, so equal content gives equal bytes.

    Raises InputError for an array of Python objects, which could only be stored as a pickle.
    """
    with atomic_path(path) as temporary:
        pack_arrays(temporary, arrays, path)


def pack_arrays(target: Path | BinaryIO, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """As `write_arrays`, into a file or a stream; errors name `path`."""
    with zipfile.ZipFile(target, "w") as archive:
        for key in sorted(arrays):
            array = np.asarray(arrays[key])
            if array.dtype.hasobject:
                raise InputError(f"{path}: array `{key}` holds Python objects; expected numbers, booleans or text.")
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{key}.npy", date_time=_ZIP_DATE)
            member.create_system = 3  # otherwise it names the operating system, and the bytes differ
            large = buffer.tell() >= _LZMA_BYTES
            archive.writestr(member, buffer.getvalue(), zipfile.ZIP_LZMA if large else zipfile.ZIP_DEFLATED)


def read_arrays(path: Path, own: bool = False) -> dict[str, np.ndarray]:
    """Read every array of an npz file; InputError if the file is missing, damaged or holds pickled objects.

    own: an earlier try of this job wrote the file, so that no record of another job knows it.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an npz file of arrays.")
    try:
        return unpack_arrays(path if own else checked(path))
    except DAMAGES as error:
        raise InputError(f"{path}: this is not a readable npz file of arrays ({error}).") from error


def unpack_arrays(source: Path | BinaryIO, most_bytes: int | None = None) -> dict[str, np.ndarray]:
    """Every array of an npz file or stream; one of `DAMAGES` if it is damaged or holds pickled objects.

    most_bytes: what the arrays may take together; ValueError, before any is read, if they are larger. None: anything.
    """
    with zipfile.ZipFile(source) as packed:
        check_npz_headers(packed)
        unpacked = sum(member.file_size for member in packed.infolist())
    if most_bytes is not None and unpacked > most_bytes:
        raise ValueError(f"its arrays unpack to {unpacked} bytes; allowed are {most_bytes}")
    if not isinstance(source, Path):
        source.seek(0)
    with np.load(source, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def array_names(path: Path) -> list[str]:
    """The names of the arrays of an npz file, without reading them; InputError if it is missing or damaged."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an npz file of arrays.")
    try:
        with zipfile.ZipFile(checked(path)) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except DAMAGES as error:
        raise InputError(f"{path}: this is not a readable npz file of arrays ({error}).") from error


def _schema(columns: Mapping[str, str]) -> pa.Schema:
    return pa.schema([pa.field(name, _ARROW_TYPES[kind]) for name, kind in columns.items()])


def _check_names(path: Path, found: list[str], columns: Mapping[str, str]) -> None:
    missing = [name for name in columns if name not in found]
    extra = [str(name) for name in found if name not in columns]
    duplicated = sorted({str(name) for name in found if found.count(name) > 1})
    problems = [
        f"{word} {', '.join(f'`{name}`' for name in names)}"
        for word, names in (("lacks", missing), ("has the unknown", extra), ("repeats", duplicated))
        if names
    ]
    if problems:
        raise InputError(f"{path}: the table {' and '.join(problems)}; its columns are {', '.join(columns)}.")


def _column(path: Path, name: str, values: pd.Series, kind: str) -> pa.Array:
    if kind == "list<float64>":
        return _numbers_column(path, name, values)
    if kind == "list<string>":
        return _texts_column(path, name, values)
    content = pd.api.types.infer_dtype(values, skipna=False)
    if content not in _ACCEPTED_CONTENT[kind] and len(values):
        raise InputError(f"{path}: column `{name}` holds {content} values; expected {kind} without missing values.")
    if kind == "float64":
        # Through numpy, which keeps NaN a number; Arrow would otherwise be asked to guess what is missing.
        return pa.array(values.to_numpy(dtype=np.float64), type=pa.float64(), from_pandas=False)
    return pa.array(values.tolist(), type=_ARROW_TYPES[kind])


def _numbers_column(path: Path, name: str, values: pd.Series) -> pa.Array:
    lists: list[list[float]] = []
    for row, value in enumerate(values):
        try:
            array = np.asarray(value)
            if isinstance(value, str) or array.ndim != 1 or array.dtype.kind not in "iuf":
                raise ValueError
        except ValueError:
            if isinstance(value, list | tuple | np.ndarray) and len(value) == 0:
                lists.append([])
                continue
            raise InputError(
                f"{path}: column `{name}`, row {row} holds {value!r}; expected a list of numbers."
            ) from None
        lists.append(array.astype(np.float64).tolist())
    return pa.array(lists, type=pa.list_(pa.float64()))


def _texts_column(path: Path, name: str, values: pd.Series) -> pa.Array:
    lists: list[list[str]] = []
    for row, value in enumerate(values):
        if not isinstance(value, list | tuple | np.ndarray) or not all(isinstance(text, str) for text in value):
            raise InputError(f"{path}: column `{name}`, row {row} holds {value!r}; expected a list of texts.")
        lists.append([str(text) for text in value])
    return pa.array(lists, type=pa.list_(pa.string()))
