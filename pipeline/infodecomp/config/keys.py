"""What a key path of the configuration leads to, and which values it takes.

A path is a sequence of keys, such as (information, clip) or (datasets, scenes, kind). A key holds a plain value, a
section, or sections by name; these may be of several kinds, and then a kind after the name leads to its own class:
(datasets, scenes, coco_it, crowd).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from infodecomp.config.machine import DEVICE
from infodecomp.config.representation import DESCRIBED
from infodecomp.config.retrieval_datasets import RETRIEVAL_FILE
from infodecomp.config.section import CSV_FILE, HUB_REVISION, NAME, Section
from infodecomp.config.study import Config

NAME_MEANING = "letters, digits, `_` and, but for the first, `-`"
LIST_OF = "a list with one or more of: "

_PATTERN_MEANINGS = {
    NAME: f"text of {NAME_MEANING}",
    DEVICE: "auto | cpu | mps | cuda | cuda:N",
    HUB_REVISION: "owner/name@revision",
    RETRIEVAL_FILE: "the path of a .json or .parquet file",
    CSV_FILE: "the path of a CSV",
    DESCRIBED: "factors | components | the folder of a model",
}


def section_at(keys: Sequence[str]) -> type[Section] | None:
    """The section that a path leads to; None if it leads to sections by name, a plain value or nowhere.

    Of sections of several kinds it is what these have in common.
    """
    found = _type_at(keys)
    return common(found) if kinds(found) else found if _is_section(found) else None


def kinds(annotation: Any) -> dict[str, type[Section]]:
    """Kind → class of a type that holds sections of several kinds; empty for any other type."""
    if get_origin(annotation) is Annotated:
        return kinds(get_args(annotation)[0])
    classes = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    if not classes or not all(map(_is_section, classes)):
        return {}
    return {kind: one for one in classes for kind in get_args(one.model_fields["kind"].annotation)}


def common(annotation: Any) -> type[Section]:
    """The class from which the classes of all kinds are derived."""
    first, *others = kinds(annotation).values()
    return next(base for base in first.__mro__ if _is_section(base) and all(issubclass(one, base) for one in others))


def without_kinds(keys: Sequence[Any]) -> tuple[Any, ...]:
    """A path as its author wrote it, without the kinds that lead to classes."""
    return tuple(key for place, key in enumerate(keys) if key not in kinds(_type_at(keys[:place])))


def kind_at(keys: Sequence[str]) -> str | None:
    """The kind that a path ends with; None if it ends with something else."""
    return keys[-1] if keys and keys[-1] in kinds(_type_at(keys[:-1])) else None


def is_named(keys: Sequence[str]) -> bool:
    """Whether a path leads to sections by name."""
    return get_origin(_type_at(keys)) is dict


def field_at(keys: Sequence[str]) -> FieldInfo | None:
    """The plain value at a path; None if there is none."""
    parent = section_at(keys[:-1])
    if not parent or is_named(keys) or section_at(keys):
        return None
    return next((fields[keys[-1]] for fields in _fields(_type_at(keys[:-1])) if keys[-1] in fields), None)


def name_type(key: str) -> Any:
    """The type of the names under a key that holds sections by name."""
    return get_args(_type_at((key,)))[0]


def first_value_below(keys: Sequence[str]) -> tuple[str, ...]:
    """The path, led on to its first plain value where it leads to a section or to sections by name."""
    if is_named(keys):
        default = Config.model_fields[keys[0]].default
        return first_value_below((*keys, next(iter(default or get_args(name_type(keys[0]))))))
    section = section_at(keys)
    return first_value_below((*keys, next(iter(section.settable())))) if section else tuple(keys)


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


def _type_at(keys: Sequence[Any]) -> Any:
    start: Any = Config
    return reduce(_type_inside, keys, start)


def _type_inside(annotation: Any, key: Any) -> Any:
    """The type of what a key of a section, a name or a kind holds; None if it is not one."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if key in kinds(annotation):
        return kinds(annotation)[key]
    return next((fields[key].annotation for fields in _fields(annotation) if key in fields), None)


def _fields(annotation: Any) -> list[dict[str, FieldInfo]]:
    """The keys of a section; of sections of several kinds, those that they have in common before the others."""
    if kinds(annotation):
        return [common(annotation).settable(), *(one.settable() for one in kinds(annotation).values())]
    return [annotation.settable()] if _is_section(annotation) else []


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
