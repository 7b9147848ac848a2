"""Images in Parquet, as the Hugging Face Hub keeps datasets: a column of encoded pictures, and a column an attribute.

The column `image` (or `img`) is a structure with the bytes of a picture file. Whole numbers and texts are classes, named by
the Hub's description in the file's metadata if it has one; numbers with a fraction are measurements. Files whose names begin
with `test` or `valid` are held out, if others begin with `train`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from infodecomp.representation.datasets.records import Attribute, ImageRecords, numbered
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

_IMAGE_COLUMNS = ("image", "img")
_ROWS = 256


def read_parquet_images(folder: Path) -> ImageRecords:
    """All rows of the folder's Parquet files, in the order of their names; those of training first.

    Raises InputError for a folder without Parquet files, a file that cannot be read or has no images, files with different
    columns, and an attribute that lacks a value.
    """
    paths = sorted(folder.rglob("*.parquet"), key=lambda path: (_is_held_out(path), path))
    if not paths:
        raise InputError(f"{folder}: it holds no Parquet file; expected files such as train-00000-of-00001.parquet.")
    tables = [_attributes(path) for path in paths]
    if len({tuple(table.column_names) for table in tables}) > 1:
        shown = " and ".join(", ".join(table.column_names) for table in (tables[0], tables[-1]))
        raise InputError(f"{folder}: its Parquet files have different columns: {shown}.")
    counts = [_read(path, lambda file: file.metadata.num_rows) for path in paths]
    names = _class_names(paths[0])
    try:
        joined = pa.concat_tables(tables)
    except pa.ArrowInvalid as error:
        raise InputError(f"{folder}: the columns of its Parquet files are of different types ({error}).") from error
    held_out = np.repeat([_is_held_out(path) for path in paths], counts)
    starts = np.concatenate([[0], np.cumsum(counts)])

    def pictures(chosen: Sequence[int]) -> Iterator[np.ndarray]:
        numbers = np.asarray(chosen)
        for path, start, end in zip(paths, starts, starts[1:], strict=False):
            yield from _pictures(path, numbers[(numbers >= start) & (numbers < end)] - start)

    return ImageRecords(
        names=numbered(sum(counts)),
        pictures=pictures,
        attributes={name: _attribute(folder, name, joined[name], names.get(name, ())) for name in joined.column_names},
        held_out=held_out if len(set(held_out.tolist())) == 2 else None,
    )


def _is_held_out(path: Path) -> bool:
    return path.name.startswith(("test", "valid"))


def _attributes(path: Path) -> pa.Table:
    """The columns of a file that are attributes: texts, numbers and truth values."""
    schema = _read(path, lambda file: file.schema_arrow)
    _image_column(path, schema)
    plain = [
        one.name
        for one in schema
        if pa.types.is_integer(one.type)
        or pa.types.is_floating(one.type)
        or pa.types.is_boolean(one.type)
        or pa.types.is_string(one.type)
    ]
    table: pa.Table = _read(path, lambda file: file.read(columns=plain))
    return table.replace_schema_metadata(None)


def _attribute(folder: Path, name: str, column: Any, classes: Sequence[str]) -> Attribute:
    if column.null_count:
        raise InputError(
            f"{folder}: `{name}` lacks a value in {column.null_count} of {len(column)} rows; every image needs one."
        )
    values = np.asarray(column.to_pylist())
    if values.dtype.kind == "f":
        return Attribute(values)
    if classes and values.dtype.kind == "i" and values.min(initial=0) >= 0 and values.max(initial=0) < len(classes):
        return Attribute(values.astype(np.int64), tuple(classes))
    found, numbers = np.unique(values, return_inverse=True)
    return Attribute(numbers.astype(np.int64), tuple(str(value) for value in found))


def _class_names(path: Path) -> dict[str, list[str]]:
    """Attribute → names of its classes, as the Hub's description says; empty without one."""
    metadata = _read(path, lambda file: file.schema_arrow.metadata) or {}
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {name: list(one["names"]) for name, one in features.items() if "names" in one}
    except (KeyError, TypeError, ValueError):
        return {}


def _pictures(path: Path, numbers: np.ndarray) -> Iterator[np.ndarray]:
    """The pictures of ascending rows of a file."""
    if not len(numbers):
        return
    column = _image_column(path, _read(path, lambda file: file.schema_arrow))
    row, wanted = 0, set(numbers.tolist())
    with checked(path).open("rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=_ROWS, columns=[column], use_threads=False):
            for cell in batch.column(column):
                if row in wanted:
                    yield _decoded(path, row, cell["bytes"].as_py())
                row += 1


def _decoded(path: Path, row: int, data: bytes | None) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data or b"")) as image:
            return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except Exception as error:  # Pillow's decoders raise almost anything for damaged bytes
        raise InputError(f"{path}: the image of row {row} cannot be read ({error}); fetch the file again.") from error


def _image_column(path: Path, schema: pa.Schema) -> str:
    for name in _IMAGE_COLUMNS:
        if name in schema.names:
            kind = schema.field(name).type
            if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                return name
    raise InputError(
        f"{path}: it has the columns {', '.join(schema.names)}; expected `image` or `img` with the bytes of pictures."
    )


def _read(path: Path, content: Any) -> Any:
    """What a function makes of an opened file; InputError if it cannot be read."""
    try:
        with checked(path).open("rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
            return content(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: this is not a readable Parquet file ({error}).") from error
