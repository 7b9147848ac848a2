"""Ids of images, captions and categories in one form, whatever a tool wrote them as.

Export tools write 139, 139.0, "139" and "000000000139" for one image, sometimes differently in two files of one dataset; or
names. An id that is a whole number becomes that number, any other text stays text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infodecomp.runs.errors import InputError
from infodecomp.words.unicode_form import composed

Id = int | str

# Also 139.0, as tables write it, and 139,0, where a comma is the decimal sign.
_WHOLE = re.compile(r"([0-9]+)(?:[.,]0{1,2})?")
_SHOWN = 20


def one_id(value: Any) -> Id | None:
    """An id in its one form; None if the value is no id.

    >>> one_id(139.0), one_id("000139"), one_id("IMG_0001.jpg"), one_id(None)
    (139, 139, 'IMG_0001.jpg', None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = composed(value.strip())
        whole = _WHOLE.fullmatch(text)
        return int(whole.group(1)) if whole else text or None
    if isinstance(value, float) and not value.is_integer():
        return str(value) if math.isfinite(value) else None
    return int(value)


def unify_ids(path: Path, lists: Mapping[str, Sequence[Any]]) -> None:
    """Bring the ids of all records of an annotation file into their one form, in place; records are objects.

    lists: `images`, `annotations` and perhaps `categories`. Raises one InputError that names every record whose id is null
    or no id, and every two images or categories that have one id.
    """
    problems = list[str]()
    fields = {"images": ("id",), "categories": ("id",), "annotations": ("id", "image_id", "category_id")}
    for name, records in lists.items():
        for number, record in enumerate(records):
            for field in fields[name]:
                if not isinstance(record, dict) or field not in record:
                    continue  # whoever needs it says so
                value = one_id(record[field])
                if value is None and (name, field) == ("annotations", "id"):
                    continue  # nothing is joined by it but the rows of a list of words
                if value is None:
                    found = f"{name}, record {number}: `{field}` is {record[field]!r}"
                    problems.append(f"{path}: {found}; expected a number or a text.")
                else:
                    record[field] = value
    for name, field in (("images", "file_name"), ("categories", "name")):
        problems += _shared(path, name, field, lists.get(name, ()))
    if problems:
        more = [f"{path}: {len(problems) - _SHOWN} more records are bad."] if len(problems) > _SHOWN else []
        raise InputError("\n".join([*problems[:_SHOWN], *more]))


def _shared(path: Path, name: str, field: str, records: Iterable[Any]) -> Iterable[str]:
    """A sentence for each record that has the id of an earlier one and is something else."""
    first = dict[Any, tuple[int, Any]]()
    for number, record in enumerate(records):
        if not isinstance(record, dict) or "id" not in record or not isinstance(record["id"], int | str):
            continue
        earlier, known = first.setdefault(record["id"], (number, record.get(field)))
        if known != record.get(field):
            yield (
                f"{path}: {name}, record {number}: the `id` {record['id']!r} is also that of record {earlier}, whose "
                f"`{field}` is {known!r}, not {record.get(field)!r}; ids must be unique."
            )
