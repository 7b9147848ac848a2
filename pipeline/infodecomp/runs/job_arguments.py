"""What the arguments of a job say for its record: what it was asked to do, and which files it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infodecomp.runs.job_record import argument_digest

# Params of rules that decide on results and reach the stage under the same name; machine facts are not among them.
COMPARED = ("settings", "model", "seed", "shards")


def what_was_asked(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Name → digest of the arguments that decide on results.

    >>> sorted(what_was_asked({"seed": 0, "device": "cpu"}))
    ['seed']
    """
    return {name: argument_digest(arguments[name]) for name in COMPARED if name in arguments}


def files_among(arguments: Mapping[str, Any]) -> Iterator[Path]:
    """The files that arguments name, as PATH or NAME=PATH; those of outputs are left out."""
    for name, value in arguments.items():
        if name.startswith("output"):
            continue
        for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
            path = one if isinstance(one, Path) else Path(str(one).partition("=")[2])
            if path.name and path.is_file():
                yield path
