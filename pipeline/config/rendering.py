"""A configuration as YAML, with a comment for each key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from pipeline.config.keys import LIST_OF, allowed, limits
from pipeline.config.sections import Config, Section

_COMMENT_COLUMN = 40
_WIDTH, _LONGEST = 120, 130


def render_yaml(config: Config) -> str:
    """The whole configuration as YAML, with a comment for each key."""
    header = [
        "# The embedded demo study. Generated from pipeline/config/sections.py by `python -m pipeline write_config`.",
        "# Change values in an overlay of your own: snakemake --cores all --configfile my.yaml",
        "",
    ]
    return "\n".join([*header, *_render(config, indent=0, commented=True), ""])


def scalar(value: Any) -> str:
    """A plain value or a list of them as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump([plain], default_flow_style=True, width=10**6).strip()[1:-1]


def _render(section: Section, indent: int, commented: bool) -> Iterator[str]:
    pad = "  " * indent
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section | dict):
            yield from [""] * (indent == 0)
            yield f"{pad}# {field.description}."
            yield f"{pad}{name}:" + " {}" * (value == {})
            yield from _render_named(value) if isinstance(value, dict) else _render(value, indent + 1, commented)
            continue
        line, comment = f"{pad}{name}: {scalar(value)}", _comment(field)
        beside = f"{line:<{_COMMENT_COLUMN - 2}}  # {comment}"
        if not commented:
            yield line
        elif len(beside) <= _WIDTH:
            yield beside
        else:
            yield from (*(f"{pad}# {part}" for part in _in_lines(comment, _LONGEST - len(pad))), line)


def _render_named(sections: Mapping[str, Section]) -> Iterator[str]:
    """Sections by name; the keys are explained once, at the first."""
    for position, (name, section) in enumerate(sections.items()):
        yield f"  {name}:"
        yield from _render(section, indent=2, commented=position == 0)


def _in_lines(comment: str, longest: int) -> list[str]:
    """A comment in one line, or with its choices in a second one."""
    description, bracket, choices = comment.rpartition(" [")
    return [comment] if len(comment) + 2 <= longest or not bracket else [description, f"[{choices}"]


def _comment(field: FieldInfo) -> str:
    """The description, with the choices or the range where it has them."""
    choices = allowed(field.annotation, field.metadata).removeprefix(LIST_OF)
    shown = choices if "|" in choices and field.annotation is not bool else limits(field.metadata).strip()
    return f"{field.description} [{shown}]" if shown else str(field.description)
