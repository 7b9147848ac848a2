"""Paths of a configuration written out: `~`, and variables of the environment, which no shell fills in here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infodecomp.config.problems import Problem

_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")

# Keys that hold a path; `*` is any name. A name on the Hub has neither `~` nor `$`.
PATH_KEYS = (
    ("scenes", "folder"),
    *(("datasets", "*", key) for key in ("root", "images", "instances", "captions", "list")),
    *(("retrieval_datasets", "*", key) for key in ("file", "images")),
    ("generate", "source", "list"),
    ("fetch", "sources"),
    ("fetch", "local_path"),
    *((*section, key) for section in (("model",), ("models", "*")) for key in ("id", "lora")),
    ("clip", "id"),
    ("retrieval", "table", "symmetric_relations"),
    ("pairs", "selection", "list"),
    *(("representation", "images", key) for key in ("list", "root")),
)


def with_paths_written_out(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """A configuration with `~`, `~user`, `$NAME` and `${NAME}` of its paths replaced, and those that cannot be.

    A path that exists as it is written stays. The folder of the scenes is also brought to one spelling, because rules
    compare it with the paths of datasets.
    """
    problems: list[Problem] = []
    written = dict(values)
    for keys in PATH_KEYS:
        written = _at(written, keys, (), problems)
    scenes = written.get("scenes")
    if isinstance(scenes, Mapping) and isinstance(folder := scenes.get("folder"), str) and folder:
        written["scenes"] = {**scenes, "folder": str(Path(folder))}
    return written, problems


def _at(value: Any, keys: tuple[str, ...], place: tuple[str, ...], problems: list[Problem]) -> Any:
    if not keys:
        return _written_out(value, place, problems) if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        return value  # checked, and reported, with the types of all values
    names = list(value) if keys[0] == "*" else [name for name in (keys[0],) if name in value]
    return {**value, **{name: _at(value[name], keys[1:], (*place, str(name)), problems) for name in names}}


def _written_out(text: str, place: tuple[str, ...], problems: list[Problem]) -> str:
    if (not _VARIABLE.search(text) and not text.startswith("~")) or _exists(text):
        return text
    unset = [name for name in _VARIABLE.findall(text) if not os.environ.get(name.strip("{}"))]
    if unset:
        name = unset[0].strip("{}")
        matter = (
            f"is {text!r}, and {name} is not set in the environment; set it (`export {name}=…`), or write the path out"
        )
        problems.append(Problem(place, matter, place, _VARIABLE.sub("/full/path", text)))
        return text
    filled = _VARIABLE.sub(lambda found: os.environ[found[1].strip("{}")], text)
    try:
        return str(Path(filled).expanduser()) if filled.startswith("~") else filled
    except RuntimeError:
        matter = f"is {text!r}, and there is no such user; write the path out"
        problems.append(Problem(place, matter, place, re.sub(r"^~[^/]*", "/full/path", text)))
        return text


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
