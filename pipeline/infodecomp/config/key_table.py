"""The configuration's keys as tables for docs/configure.md, one a section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic.fields import FieldInfo

from infodecomp.config.keys import LIST_OF, allowed, limits
from infodecomp.config.rendering import scalar
from infodecomp.config.sections import Config, Section

BEGIN = (
    "<!-- Written by `python -m infodecomp run write_config --keys docs/configure.md`, down to the closing mark. -->"
)
END = "<!-- End of what is written. -->"


def key_tables(config: Config) -> str:
    """Every key with its default, what it takes and what it means: a table for the keys without a section, then one each."""
    return "\n".join(["", *_tables(config, ""), ""])


def replace_tables(page: str, config: Config) -> str:
    """The page with the tables between its marks written anew; ValueError if it lacks the marks."""
    head, found, rest = page.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n{key_tables(config)}\n{END}{tail}"


def _tables(section: Section, path: str) -> Iterator[str]:
    rows, inner = [], []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            inner.append((f"{path}{name}", field, value))
        elif isinstance(value, Mapping):
            # Sections by name: the keys are the same in each, so the first stands for all.
            inner += [(f"{path}{name} → NAME", field, one) for one in list(value.values())[:1]]
        else:
            rows.append(_row(name, field, value))
    if path or rows:
        yield from ["| key | default | takes | what it means |", "|:--|:--|:--|:--|", *rows, ""]
    for title, field, value in inner:
        yield from [f"### `{title}`", "", f"{_escaped(str(field.description))}.", "", *_tables(value, f"{title} → ")]


def _row(name: str, field: FieldInfo, value: object) -> str:
    takes = allowed(field.annotation, field.metadata).removeprefix(LIST_OF)
    shown = takes if "|" in takes else limits(field.metadata).strip()
    cells = (f"`{name}`", f"`{scalar(value)}`", _escaped(shown), _escaped(str(field.description)))
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Text that neither ends a cell nor reads as HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")
