"""Opening COCO's annotation files (JSON) through pycocotools, silently and with one sentence for a bad file."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from infodecomp.datasets.ids import unify_ids
from infodecomp.datasets.image_paths import leads_out
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked


def open_instances(path: Path) -> COCO:
    """The objects of a dataset: `imgs`, `imgToAnns`, `cats` and `annToMask`, ids as of `one_id`.

    Raises InputError for a bad file.
    """
    return _open(path, ("images", "annotations", "categories"), ("image_id", "category_id"))


def open_captions(path: Path) -> COCO:
    """The captions of a dataset: `imgs`, `anns` and `imgToAnns`, ids as of `one_id`.

    Raises InputError for a bad file.
    """
    return _open(path, ("images", "annotations"), ("image_id", "caption"))


def _open(path: Path, lists: Sequence[str], fields: Sequence[str]) -> COCO:
    """Read `lists` of the file; each annotation must have `id` and `fields`."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected annotations in COCO's JSON layout.")
    try:
        data = json.loads(checked(path).read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: this is not JSON ({error}).") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(name), list) for name in lists):
        raise InputError(f"{path}: not in COCO's layout; expected an object with the lists {', '.join(lists)}.")
    for number, annotation in enumerate(data["annotations"]):
        missing = [name for name in ("id", *fields) if name not in annotation]
        if missing:
            raise InputError(f"{path}: annotation {number} has no {', '.join(f'`{name}`' for name in missing)}.")
    _check_file_names(path, data["images"])
    unify_ids(path, {name: data[name] for name in lists})
    coco = COCO()
    coco.dataset = {**{name: data[name] for name in lists}, "file": str(path)}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            coco.createIndex()
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not in COCO's layout; an image or category has no {error}.") from error
    return coco


def _check_file_names(path: Path, images: Sequence[Any]) -> None:
    """InputError for a name that leads out of the image folder: annotations are other people's files."""
    for number, image in enumerate(images):
        name = str(image.get("file_name", "")) if isinstance(image, dict) else ""
        if leads_out(name):
            raise InputError(
                f"{path}: image {number} has the `file_name` {name!r}; expected a path below the image folder."
            )
