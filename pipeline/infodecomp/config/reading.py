"""What an author meant by the values of a YAML or a command line, before their types are checked.

`--config study=2024` arrives as a number, `--config 'information={steps: [50, 100]}'` as text. Such values are converted
to the type of their key. A section by name whose value is null is removed; so is a null key of another kind, because an
overlay cannot take a key out of what it overlays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from infodecomp.config.keys import common, field_at, kinds
from infodecomp.config.moved import MOVED
from infodecomp.config.problems import Problem
from infodecomp.config.section import Section
from infodecomp.config.study import Config

_NULL = ("null", "~", "")
_WHOLE = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_TRUTH = {"true": True, "false": False}

Path = tuple[str, ...]


def as_meant(mapping: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """A merged configuration with its values converted, and the keys that are out of place."""
    problems: list[Problem] = []
    return _section(mapping, Config, (), problems), problems


def converted(value: Any, annotation: Any) -> Any:
    """A plain value in the type of its key where there is one way to read it, else as it is.

    >>> converted("4", int), converted(2024, str), converted(["50", "100"], tuple[int, ...]), converted("null", int | None)
    (4, '2024', [50, 100], None)
    >>> converted("1e3", int), converted(2.0, int)
    (1000, 2)
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return converted(value, arguments[0])
    if origin in (Union, UnionType):
        return _one_of(value, arguments)
    if origin is tuple and isinstance(value, list):
        inner = [arguments[0]] * len(value) if Ellipsis in arguments else arguments
        return [converted(one, kind) for one, kind in zip(value, inner, strict=False)] + value[len(inner) :]
    if annotation is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if annotation is int and (whole := _whole(value)) is not None:
        return whole
    if not isinstance(value, str):
        return value
    if annotation is bool:
        return _TRUTH.get(value.lower(), value)
    return float(value) if annotation is float and _NUMBER.fullmatch(value) else value


def _whole(value: Any) -> int | None:
    """The whole number that a text or a float such as 1e3 stands for; None if it stands for none."""
    if isinstance(value, str):
        if _WHOLE.fullmatch(value):
            return int(value)
        value = float(value) if _NUMBER.fullmatch(value) else None
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _one_of(value: Any, choices: tuple[Any, ...]) -> Any:
    texts = [one for choice in choices if get_origin(choice) is Literal for one in get_args(choice)]
    if value in texts or (isinstance(value, str) and _takes_text(choices)):
        return value
    if value in _NULL and NoneType in choices:
        return None
    readings = [converted(value, choice) for choice in choices if choice is not NoneType]
    return next((reading for reading in readings if reading != value or type(reading) is not type(value)), value)


def _takes_text(choices: tuple[Any, ...]) -> bool:
    return any(choice is str or (get_origin(choice) is Annotated and get_args(choice)[0] is str) for choice in choices)


def _value(value: Any, annotation: Any, path: Path, problems: list[Problem]) -> Any:
    if get_origin(annotation) is dict:
        if value is None or value in _NULL:
            return {}
        if not isinstance(value, Mapping):
            return value
        named = {str(name): one for name, one in value.items() if one is not None and one not in _NULL}
        inner = get_args(annotation)[1]
        return {name: _value(one, inner, (*path, name), problems) for name, one in named.items()}
    if kinds(annotation):
        return _of_a_kind(value, annotation, path, problems) if isinstance(value, Mapping) else value
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return _section(value, annotation, path, problems) if isinstance(value, Mapping) else value
    choices = get_args(annotation)
    if value in _NULL[:2] and NoneType in choices and _takes_text(choices):
        matter = f'is the text "{value}"; allowed is text or null, and null can be written in a file only'
        problems.append(Problem(path, matter, path, None))
    return converted(value, annotation)


def _of_a_kind(value: Mapping[str, Any], annotation: Any, path: Path, problems: list[Problem]) -> dict[str, Any]:
    cls = kinds(annotation).get(str(value.get("kind")))
    if cls is None:
        return dict(value)
    owners = {
        key: [kind for kind, one in kinds(annotation).items() if key in one.settable()]
        for one in (common(annotation), *kinds(annotation).values())
        for key in one.model_fields
    }
    own: dict[str, Any] = {}
    for key, one in value.items():
        if key in cls.settable() or key not in owners:
            own[key] = one
        elif one is not None and one not in _NULL:
            matter = (
                f"is {json.dumps(one, default=str)}; allowed is null, because `kind` {value['kind']} has no key `{key}`, "
                f"which belongs to {', '.join(owners[key])}"
            )
            problems.append(Problem((*path, key), matter, (*path, key), None))
    return _section(own, cls, path, problems)


def _section(value: Mapping[str, Any], cls: type[Section], path: Path, problems: list[Problem]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, one in value.items():
        place = (*path, str(key))
        field = cls.settable().get(key)
        if place in MOVED and field is None:
            problems.append(_moved(place, one))
        elif field is None and isinstance(one, Mapping) and any(old[: len(place)] == place for old in MOVED):
            read |= _of_former_section(one, place, problems)
        else:
            read[key] = one if field is None else _value(one, field.annotation, place, problems)
    return read


def _of_former_section(value: Mapping[str, Any], path: Path, problems: list[Problem]) -> dict[str, Any]:
    """The keys of a section that no longer exists have moved, and others were none; the latter are left in their place."""
    problems += [_moved((*path, str(key)), one) for key, one in value.items() if (*path, str(key)) in MOVED]
    others = {key: one for key, one in value.items() if (*path, str(key)) not in MOVED}
    return {path[-1]: others} if others else {}


def _moved(place: Path, value: Any) -> Problem:
    field = field_at(MOVED[place])
    meant = converted(value, field.annotation) if field else value
    return Problem(place, f"has moved: write {' → '.join(MOVED[place])} instead", MOVED[place], meant)
