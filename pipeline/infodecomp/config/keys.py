"""What a key path of the configuration leads to, and what may stand there.

A path is a sequence of keys, such as (information, clip) or (datasets, scenes, kind). A key holds a plain value, a
section, or sections by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from infodecomp.config.sections import DEVICE, HUB_REVISION, NAME, RETRIEVAL_FILE, Config, Section

NAME_MEANING = "letters, digits, `_` and `-`"
LIST_OF = "a list with one or more of: "

_PATTERN_MEANINGS = {
    NAME: f"text of {NAME_MEANING}",
    DEVICE: "auto | cpu | mps | cuda | cuda:N",
    HUB_REVISION: "owner/name@revision",
    RETRIEVAL_FILE: "the path of a .json or .parquet file",
}


def named_keys() -> tuple[str, ...]:
    """The keys of the configuration that hold sections by name, such as `datasets`."""
    return tuple(key for key in Config.model_fields if is_named((key,)))


def section_at(keys: Sequence[str]) -> type[Section] | None:
    """The section that a path leads to; None if it leads to sections by name, a plain value or nowhere."""
    found = _type_at(keys)
    return found if _is_section(found) else None


def is_named(keys: Sequence[str]) -> bool:
    """Whether a path leads to sections by name."""
    return get_origin(_type_at(keys)) is dict


def field_at(keys: Sequence[str]) -> FieldInfo | None:
    """The plain value at a path; None if there is none."""
    parent = section_at(keys[:-1])
    return parent.model_fields.get(keys[-1]) if parent and not is_named(keys) and not section_at(keys) else None


def name_type(key: str) -> Any:
    """The type of the names under a key that holds sections by name."""
    return get_args(_type_at((key,)))[0]


def first_value_below(keys: Sequence[str]) -> tuple[str, ...]:
    """The path, led on to its first plain value where it leads to a section or to sections by name."""
    if is_named(keys):
        default = Config.model_fields[keys[0]].default
        return first_value_below((*keys, next(iter(default or get_args(name_type(keys[0]))))))
    section = section_at(keys)
    return first_value_below((*keys, next(iter(section.model_fields)))) if section else tuple(keys)


def example_at(keys: Sequence[str]) -> Any:
    """The default of a plain value, and a valid one where there is no default."""
    field = field_at(keys)
    if field is None:
        raise ValueError(f"{' → '.join(keys)} leads to no plain value")
    return field.default if not field.is_required() else next(iter(field.examples or get_args(field.annotation)))


def allowed(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """The values of a type in words, such as `a number > 0` or `pdf | png`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return allowed(arguments[0], [*arguments[1:], *metadata])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, UnionType):
        choices = [allowed(choice, metadata) for choice in arguments if choice is not NoneType]
        return " or ".join([*choices, *(["null"] if NoneType in arguments else [])])
    if origin is tuple and Ellipsis not in arguments:
        return f"[{', '.join(map(allowed, arguments))}]"
    if origin is tuple:
        return LIST_OF + allowed(arguments[0])
    if annotation is bool:
        return "true | false"
    if annotation in (int, float):
        return ("a whole number" if annotation is int else "a number") + limits(metadata)
    return next((_PATTERN_MEANINGS[pattern] for pattern in _constraints(metadata, "pattern")), "text")


def limits(metadata: Sequence[Any]) -> str:
    """The range of a number in words, such as ` ≥ 0 and < 1`; empty without one."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [f"{sign} {bound:g}" for key, sign in signs.items() for bound in _constraints(metadata, key)]
    return f" {' and '.join(bounds)}" if bounds else ""


def _constraints(metadata: Sequence[Any], key: str) -> Iterator[Any]:
    for item in metadata:
        inner = item.metadata if isinstance(item, FieldInfo) else [item]
        yield from (value for part in inner if (value := getattr(part, key, None)) is not None)


def _type_at(keys: Sequence[str]) -> Any:
    start: Any = Config
    return reduce(_type_inside, keys, start)


def _type_inside(annotation: Any, key: str) -> Any:
    """The type of what a key of a section, or a name, holds; None if it is not one."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    fields = annotation.model_fields if _is_section(annotation) else {}
    return fields[key].annotation if key in fields else None


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
