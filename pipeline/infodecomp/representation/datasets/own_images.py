"""Your own images: a CSV of images and their attributes, or a folder of Parquet files as the Hugging Face Hub keeps them.

The CSV has a column `image`, perhaps `split` (train or test), and a column for each attribute. An attribute is a measurement
if all its values are numbers and one has a decimal point, or more than twenty of them differ; otherwise each value is a
class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from infodecomp.datasets.image_paths import find_paths, leads_out, warn_of_paths
from infodecomp.datasets.records import Record, raise_problems, read_records
from infodecomp.datasets.table_text import header_names, read_rows
from infodecomp.pictures.images import StoredImage, load_image, read_header
from infodecomp.pictures.orientation import turned_size
from infodecomp.representation.datasets.folder_pictures import picture_files
from infodecomp.representation.datasets.parquet_images import read_parquet_images
from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress

_SPLITS = {"train": False, "test": True}
_MOST_CLASSES = 20


def read_own_images(given: Given) -> ImageRecords:
    """The images of a CSV, whose paths are below `given.folder`, or of a folder of Parquet files.

    Raises one InputError naming every bad row with its line number: an empty cell, an image that is missing, unreadable,
    named before, or of another size than most, a split that is neither train nor test, a wrong number of cells.
    """
    if given.list is None:
        raise InputError(
            "representation → images → list is null; the dataset `own` needs the path of a CSV with a column `image`, or "
            "of a folder of Parquet files."
        )
    if given.list.is_dir():
        return read_parquet_images(given.list)
    attributes = _attribute_names(given.list)
    records, problems = read_records(given.list, ["image", *attributes], ["split"])
    written = [PurePosixPath(record.cells["image"]).as_posix() for record in records]
    found = find_paths(given.folder, [name for name in written if not leads_out(name)])
    warn_of_paths(given.folder, {name: path for name, path in found.items() if name != path})
    names = [found.get(name, name) for name in written]
    _check_rows(records, names, given.folder, problems)
    raise_problems(given.list, problems)
    splits = [record.cells["split"] for record in records]
    return ImageRecords(
        names=names,
        pictures=picture_files([given.folder / name for name in names]),
        attributes={name: attribute_of([record.cells[name] for record in records]) for name in attributes},
        held_out=np.array([_SPLITS[split] for split in splits]) if all(splits) else None,
    )


def attribute_of(texts: Sequence[str]) -> Attribute:
    """A column of a table, none of whose cells is empty, as classes or as a measurement.

    >>> attribute_of(["no", "yes", "no"]).classes, attribute_of(["0.5", "2", "1"]).classes
    (('no', 'yes'), ())
    """
    distinct = sorted(set(texts))
    try:
        numbers = {text: float(text.replace(",", ".")) for text in distinct}
    except ValueError:
        numbers = {}
    if numbers and (len(distinct) > _MOST_CLASSES or any(mark in text for text in distinct for mark in ".,")):
        return Attribute(np.array([numbers[text] for text in texts]))
    classes = sorted(distinct, key=lambda text: (numbers.get(text, 0.0), text))
    place = {text: number for number, text in enumerate(classes)}
    return Attribute(np.array([place[text] for text in texts], dtype=np.int64), tuple(classes))


def _attribute_names(path: Path) -> list[str]:
    """Columns other than `image` and `split`; whoever reads the table says what is wrong with it."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a CSV with a column `image`, or a folder of Parquet files.")
    rows = read_rows(path, ("image",))
    header = header_names(rows[0][1]) if rows else []
    return [name for name in header if name not in ("", "image", "split")]


def _check_rows(records: Sequence[Record], names: Sequence[str], folder: Path, problems: dict[int, str]) -> None:
    """Add a sentence for each bad row."""
    split_given = any(record.cells["split"] for record in records)
    first, headers = dict[str, int](), dict[int, StoredImage]()
    with Progress("images of the list", len(records), "rows") as progress:
        for record, name in zip(records, names, strict=True):
            progress.advance()
            try:
                _check_cells(record, split_given)
                if first.setdefault(name, record.line) != record.line:
                    raise InputError(f"{name} is also the image of line {first[name]}; each image must be named once.")
                headers[record.line] = _decoded(folder, name)
            except InputError as error:
                problems[record.line] = str(error)
    sizes = {line: turned_size(header.size, header.orientation) for line, header in headers.items()}
    if not sizes:
        return
    ((height, width), many), *others = Counter(sizes.values()).most_common()
    for line, size in sizes.items():
        if others and size != (height, width):
            problems[line] = (
                f"the image has {size[1]} x {size[0]} pixels, and {many} others have {width} x {height}; images of a "
                "dataset must be of one size: crop or resize them."
            )


def _check_cells(record: Record, split_given: bool) -> None:
    split = record.cells["split"]
    empty = [name for name, cell in record.cells.items() if not cell and name != "split"]
    if empty:
        raise InputError(f"`{'`, `'.join(empty)}` is empty; every image needs a value of each attribute.")
    if split not in _SPLITS and (split or split_given):
        raise InputError(f"`split` is {split!r}; allowed are train and test.")


def _decoded(folder: Path, name: str) -> StoredImage:
    if leads_out(name):
        raise InputError(f"`image` is {name!r}; expected a path below {folder}.")
    load_image(folder / name)
    return read_header(folder / name)
