"""What is wrong with a configuration, in words for the author of the YAML."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from infodecomp.config.keys import (
    NAME_MEANING,
    allowed,
    example_at,
    field_at,
    first_value_below,
    kind_at,
    name_type,
    section_at,
    without_kinds,
)
from infodecomp.config.rendering import scalar

_A_SECTION = "a section of keys and values"


class Problem(NamedTuple):
    """One thing wrong with a configuration: where, what is the matter, and a key and value that would be right."""

    path: tuple[str | int, ...]
    matter: str
    right_path: tuple[str, ...]
    right_value: Any

    def text(self) -> str:
        """One paragraph: the sentence, and the YAML to paste."""
        lines = [f"{' → '.join(map(str, self.path))} {self.matter}. Write for example:"]
        for depth, key in enumerate(self.right_path[:-1]):
            lines.append(f"{'  ' * (depth + 1)}{key}:")
        lines.append(f"{'  ' * len(self.right_path)}{self.right_path[-1]}: {scalar(self.right_value)}")
        return "\n".join(lines)


def schema_problem(details: Mapping[str, Any]) -> Problem:
    """What one pydantic error means for the author of the YAML."""
    place: tuple[str | int, ...] = details["loc"]
    if details["type"] in ("union_tag_not_found", "union_tag_invalid"):
        place = (*place, "kind")
    keys = tuple(str(key) for key in place if not isinstance(key, int))
    path = without_kinds(place)
    if details["type"] == "extra_forbidden":
        return _unknown_key(path, keys, details["input"])
    if keys[-1] == "[key]":
        return _wrong_name(*keys[:2])
    if field_at(keys[:-1]) and not isinstance(path[-1], int):  # one of several types that the key may have
        path, keys = path[:-1], keys[:-1]
    field = field_at(keys)
    right = allowed(field.annotation, field.metadata) if field else _A_SECTION
    if details["type"] in ("missing", "union_tag_not_found"):
        matter = f"is missing; allowed is {right}"
    else:
        found = details["input"]["kind"] if details["type"] == "union_tag_invalid" else details["input"]
        matter = f"is {json.dumps(found, default=str)}; allowed is {right}"
        if isinstance(found, bool | float) and right.startswith("text"):
            matter += "; put it in quotes if it is text"
    if kind := kind_at(keys[:-1]):
        matter += f", because `kind` is {kind}" if right.startswith("the path of a CSV") else ""
    shown = first_value_below(keys)
    return Problem(path, matter, without_kinds(shown), example_at(shown))


def _unknown_key(path: tuple[str | int, ...], keys: tuple[str, ...], found: Any) -> Problem:
    section = section_at(keys[:-1])
    valid = list(section.settable()) if section else []
    near = difflib.get_close_matches(keys[-1], valid, n=1, cutoff=0.5)
    right = (*keys[:-1], near[0] if near else valid[0])
    matter = "is not a key; " + (f"the nearest valid key is `{near[0]}`" if near else f"valid keys: {', '.join(valid)}")
    usable = near and not isinstance(found, dict | list) and field_at(right)
    shown = first_value_below(right)
    return Problem(path, matter, without_kinds(shown), found if usable else example_at(shown))


def _wrong_name(key: str, name: str) -> Problem:
    """A name that cannot be a folder, or is no method."""
    choices = get_args(name_type(key))
    if isinstance(choices[0], type):
        matter = f"is no name for a dataset; allowed are {NAME_MEANING}"
        near = re.sub(r"[^A-Za-z0-9_-]+", "_", name).lstrip("-") or "my_images"
    else:
        matter = f"is no name here; allowed is {' | '.join(choices)}"
        near = choices[0]
    shown = first_value_below((key, near))
    return Problem((key, name), matter, shown, example_at(shown))
