"""CelebA: 202,599 aligned faces of 178×218 with forty attributes, yes or no.

`list_attr_celeba.txt` is the number of images, the names of the attributes, and a line an image with its file name and 1 or
-1 for each attribute; `list_eval_partition.txt` a line an image with 0 (training), 1 (validation) or 2 (test).
Source: Liu, Luo, Wang, Tang, ICCV 2015.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from infodecomp.representation.datasets.folder_pictures import picture_files
from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

IMAGES, ATTRIBUTES, PARTITION = "img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"
_YES_OR_NO = {"-1": 0, "1": 1}
_PARTS = {"0": False, "1": True, "2": True}


def read_celeba(given: Given) -> ImageRecords:
    """All images that the list of attributes names; those for validation and testing are held out.

    Raises InputError for a list that is missing or damaged, that names an image twice, or whose image is missing.
    """
    names, attributes, values = read_attributes(given.folder / ATTRIBUTES)
    partition = read_partition(given.folder / PARTITION)
    absent = [name for name in names if name not in partition]
    if absent:
        raise InputError(f"{given.folder / PARTITION}: {len(absent)} images are missing; the first is {absent[0]}.")
    folder = given.folder / IMAGES
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    missing = [name for name in names if name not in there]
    if missing:
        raise InputError(f"{folder}: {len(missing)} of {len(names)} images are missing; the first is {missing[0]}.")
    return ImageRecords(
        names=names,
        pictures=picture_files([folder / name for name in names]),
        attributes={
            name: Attribute(np.ascontiguousarray(column), ("no", "yes"))
            for name, column in zip(attributes, values.T, strict=True)
        },
        held_out=np.array([partition[name] for name in names]),
    )


def read_attributes(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Names of images, names of attributes, and values (N, J) int64, 0 or 1. Raises InputError for any other text."""
    lines = _lines(path)
    if len(lines) < 3 or not lines[0].strip().isdecimal():
        raise InputError(f"{path}: the file begins with {lines[0] if lines else ''!r}; expected the number of images.")
    attributes, rows = lines[1].split(), [line.split() for line in lines[2:]]
    if int(lines[0]) != len(rows):
        raise InputError(f"{path}: it promises {int(lines[0])} images and lists {len(rows)}; fetch it again.")
    values = np.empty((len(rows), len(attributes)), dtype=np.int64)
    for number, (name, *cells) in enumerate(rows):
        if len(cells) != len(attributes) or not _YES_OR_NO.keys() >= set(cells):
            raise InputError(
                f"{path}, line {number + 3}: {name} has the attributes {' '.join(cells)[:40]!r}; expected 1 or -1 for each "
                f"of {len(attributes)}."
            )
        values[number] = [_YES_OR_NO[cell] for cell in cells]
    names, first = [row[0] for row in rows], dict[str, int]()
    for line, name in enumerate(names, start=3):
        if first.setdefault(name, line) != line:
            raise InputError(f"{path}, line {line}: {name} is also the image of line {first[name]}; fetch it again.")
    return names, attributes, values


def read_partition(path: Path) -> dict[str, bool]:
    """Name of an image → whether it is held out. Raises InputError for any other text."""
    partition = dict[str, bool]()
    lines = _lines(path)
    for number, line in enumerate(lines, start=1):
        name, _, part = line.strip().partition(" ")
        if part.strip() not in _PARTS:
            raise InputError(f"{path}, line {number}: this is {line!r}; expected the name of an image and 0, 1 or 2.")
        partition[name] = _PARTS[part.strip()]
    if len(partition) < len(lines):
        raise InputError(f"{path}: {len(lines) - len(partition)} images are listed twice.")
    return partition


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a list of CelebA's images.")
    try:
        text = checked(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this is not a text ({error}); fetch it again.") from error
    return [line for line in text.splitlines() if line.strip()]
