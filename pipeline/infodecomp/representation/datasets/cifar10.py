"""CIFAR-10: 60,000 colour pictures of 32×32 in ten classes, in their binary version, which holds no pickles.

A record is the class in one byte and 3·32·32 bytes of red, green and blue, each by rows. Source: Krizhevsky, *Learning
multiple layers of features from tiny images*, 2009.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from tarfile import TarError, TarFile

import numpy as np

from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords, in_memory, numbered
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "cifar-10-binary.tar.gz"
_FOLDER = "cifar-10-batches-bin"
_TRAINING = [f"{_FOLDER}/data_batch_{number}.bin" for number in range(1, 6)]
_TEST = f"{_FOLDER}/test_batch.bin"
_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE
_MOST_BYTES = 10_000 * _RECORD


def read_cifar10(given: Given) -> ImageRecords:
    """The five training batches and the test batch, which is held out, read from the archive without unpacking it.

    Raises InputError if it is missing, damaged, or lacks a batch.
    """
    path = given.folder / ARCHIVE
    batches = dict(_batches(path))
    missing = [name for name in (*_TRAINING, _TEST) if name not in batches]
    if missing:
        raise InputError(f"{path}: the archive has no {', '.join(missing)}; expected the binary version of CIFAR-10.")
    records = [_records(path, name, batches[name]) for name in (*_TRAINING, _TEST)]
    every = np.concatenate(records)
    if every[:, 0].max(initial=0) >= len(CLASSES):
        raise InputError(f"{path}: a class is {every[:, 0].max()}; allowed are 0 to {len(CLASSES) - 1}.")
    return ImageRecords(
        names=numbered(len(every)),
        pictures=in_memory(every[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)),
        attributes={"class": Attribute(every[:, 0].astype(np.int64), CLASSES)},
        held_out=np.arange(len(every)) >= len(every) - len(records[-1]),
    )


def _batches(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of the batches in the archive; other members are not read."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the binary version of CIFAR-10.")
    try:
        with TarFile.open(checked(path), "r:gz") as archive:
            for member in archive:
                if member.name not in (*_TRAINING, _TEST) or not member.isfile():
                    continue
                if member.size > _MOST_BYTES:
                    raise InputError(f"{path}: {member.name} has {member.size} bytes; allowed are {_MOST_BYTES}.")
                content = archive.extractfile(member)
                yield member.name, content.read() if content else b""
    except (TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: this is not a complete tar.gz archive ({error}); fetch it again.") from error


def _records(path: Path, name: str, data: bytes) -> np.ndarray:
    if not data or len(data) % _RECORD:
        raise InputError(f"{path}: {name} has {len(data)} bytes; expected a multiple of {_RECORD}, a record's length.")
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, _RECORD)
