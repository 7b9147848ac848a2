"""Reading a JSON file that holds a list of records: each field checked, and all bad records reported at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infodecomp.datasets.image_paths import leads_out
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

# In a file of another layout every record is wrong; this many are enough to show how.
_SHOWN = 100


def read_json_records(path: Path) -> list[Any]:
    """The list that the file holds. Raises InputError if there is no file, no JSON in UTF-8, no list or an empty one."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a JSON list of records.")
    try:
        records = json.loads(checked(path).read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: this is not JSON ({error}).") from error
    if not isinstance(records, list) or not records:
        found = "an empty list" if records == [] else f"a {type(records).__name__}"
        raise InputError(f"{path}: the file holds {found}; expected a list of records.")
    return records


def raise_record_problems(path: Path, problems: Mapping[int, list[str]]) -> None:
    """Raise one InputError with one sentence per problem, in the order of the records; nothing if there are none.

    `problems` maps the index of a record, from 0, to its sentences. Of more than a hundred bad records the rest is counted.
    """
    bad = sorted(index for index, sentences in problems.items() if sentences)
    lines = [f"{path}, record {index}: {sentence}" for index in bad[:_SHOWN] for sentence in problems[index]]
    if len(bad) > _SHOWN:
        lines.append(f"{path}: {len(bad) - _SHOWN} more records are bad, the last is record {bad[-1]}.")
    if lines:
        raise InputError("\n".join(lines))


def missing_fields(record: Any, names: tuple[str, ...]) -> str:
    """A sentence about the fields that a record lacks, or "" if it has all `names`."""
    if not isinstance(record, dict):
        return f"is {_shown(record)}; expected an object with {_named(names)}."
    absent = tuple(name for name in names if name not in record)
    return f"has no {_named(absent)}." if absent else ""


def text_problem(record: Mapping[str, Any], name: str) -> str:
    """A sentence if the field is not text, or is empty."""
    value = record[name]
    if isinstance(value, str) and value.strip():
        return ""
    return f"`{name}` is {_shown(value)}; expected text, not empty."


def path_problem(record: Mapping[str, Any], name: str) -> str:
    """A sentence if the field is not a path below the image folder."""
    problem = text_problem(record, name)
    if problem:
        return problem
    if leads_out(record[name]):
        return f"`{name}` is {_shown(record[name])}; expected a path below the image folder."
    return ""


def pixels_problem(record: Mapping[str, Any], name: str) -> str:
    """A sentence if the field is not a whole number."""
    value = record[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return f"`{name}` is {_shown(value)}; expected a whole number of pixels."
    return ""


def texts_problem(record: Mapping[str, Any], name: str, count: int | None = None) -> str:
    """A sentence if the field is not a list of texts, none of them empty, of length `count` if given."""
    value = record[name]
    expected = f"a list of {count} texts" if count else "a list of texts"
    if not isinstance(value, list) or not value or (count and len(value) != count):
        return f"`{name}` is {_shown(value)}; expected {expected}."
    bad = [number for number, text in enumerate(value) if not isinstance(text, str) or not text.strip()]
    if bad:
        return (
            f"`{name}` number {', '.join(map(str, bad))} is {_shown(value[bad[0]])}; expected {expected}, none empty."
        )
    return ""


def _named(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
