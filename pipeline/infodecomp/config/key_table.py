"""The configuration's keys as tables for docs/configure.md, one a section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo

from infodecomp.config.keys import LIST_OF, allowed, kinds, limits
from infodecomp.config.rendering import scalar
from infodecomp.config.section import Section
from infodecomp.config.study import Config

BEGIN = (
    "<!-- Written by `python -m infodecomp run write_config --keys docs/configure.md`, down to the closing mark. -->"
)
END = "<!-- End of what is written. -->"


def key_tables(config: Config) -> str:
    """Every key with its default, what it takes and what it means: a table for the keys without a section, then one each."""
    return "\n".join(["", *_tables(config, ""), ""])


def replace_tables(page: str, config: Config) -> str:
    """The page with new tables between its marks; ValueError if it lacks the marks."""
    head, found, rest = page.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n{key_tables(config)}\n{END}{tail}"


def _tables(section: Section, path: str) -> Iterator[str]:
    yield from _table(type(section), path, section)
    for name, field in section.settable().items():
        value, title = getattr(section, name), f"{path}{name}"
        if isinstance(value, Section):
            yield from _headed(title, str(field.description))
            yield from _tables(value, f"{title} → ")
        elif isinstance(value, Mapping):
            yield from _headed(f"{title} → NAME", str(field.description))
            inner = get_args(field.annotation)[1]
            yield from _tables_of_kinds(inner) if kinds(inner) else _table(inner, title)


def _tables_of_kinds(annotation: Any) -> Iterator[str]:
    """A table for each class of sections by name."""
    for cls in dict.fromkeys(kinds(annotation).values()):
        yield from [f"{_escaped(str(cls.__doc__))}", "", *_table(cls, "NAME")]


def _headed(title: str, description: str) -> list[str]:
    return [f"### `{title}`", "", f"{_escaped(description)}.", ""]


def _table(cls: type[Section], path: str, study: Section | None = None) -> list[str]:
    """The keys of a class that hold plain values, with those of the study or the defaults of the class."""
    plain = {name: field for name, field in cls.settable().items() if not isinstance(field.default, Section | Mapping)}
    rows = [_row(name, field, getattr(study, name, field.default)) for name, field in plain.items()]
    head = ["| key | default | takes | what it means |", "|:--|:--|:--|:--|"]
    return [*head, *rows, ""] if path or rows else []


def _row(name: str, field: FieldInfo, value: object) -> str:
    takes = allowed(field.annotation, field.metadata).removeprefix(LIST_OF)
    shown = takes if "|" in takes else limits(field.metadata).strip()
    default = "" if field.is_required() else f"`{scalar(value)}`"
    cells = (f"`{name}`", default, _escaped(shown), _escaped(str(field.description)))
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Text that neither ends a cell nor reads as HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")
