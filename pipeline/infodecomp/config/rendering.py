"""A configuration as YAML, with a comment for each key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import yaml
from pydantic.fields import FieldInfo

from infodecomp.config.keys import LIST_OF, allowed, common, kinds, limits
from infodecomp.config.section import Section
from infodecomp.config.study import Config

_COMMENT_COLUMN = 36
_LONGEST = 130
# The most numbers of a section that is written on one line, and the longest such line without its comment.
_FEW, _SHORT = 4, 90
# The keys of the configuration in the order of the file, for its table of contents.
_CONTENTS = {
    "the study": ("study", "seed", "shards", "max_failed_fraction", "parts", "statistics"),
    "data": ("scenes", "datasets", "retrieval_datasets", "generate", "fetch"),
    "models": ("model", "clip", "models"),
    "measurements": ("information", "attention", "gradients"),
    "parts": ("localisation", "retrieval", "editing", "pairs", "faithfulness", "validation", "representation"),
    "presentation": ("figures", "report"),
    "the computer": ("machine",),
}
_SCHEMA = "docs/config.schema.json"


def render_yaml(config: Config) -> str:
    """The configuration as YAML, with a comment for each key; without the recipe, which has its own file."""
    header = [
        f"# yaml-language-server: $schema={_SCHEMA}",
        "# The embedded demo study. Written by `infodecomp run write_config`; docs/configure.md explains every key.",
        "# Put your changes into an overlay: snakemake --cores all --configfile my.yaml",
        "#",
        *(f"#   {title + ':':<14} {', '.join(keys)}" for title, keys in _CONTENTS.items()),
        "#   training:      config/scenes_model.yaml",
        "",
    ]
    keys = [key for keys in _CONTENTS.values() for key in keys]
    return "\n".join([*header, *_render(config, keys, indent=0), ""])


def render_recipe(config: Config) -> str:
    """The recipes of the embedded models as YAML, with a comment for each key."""
    header = [
        f"# yaml-language-server: $schema=../{_SCHEMA}",
        "# Recipe of the embedded models, with its defaults. Written by `infodecomp run write_config`.",
        "# To train another model, change a copy of this file and name it:",
        "#   snakemake --cores 2 train_scenes_model --configfile my_recipe.yaml",
        "# Other targets: train_scenes_flow, train_scenes_clip, train_scenes_hardneg, train_scenes_classifier,",
        "# train_representations.",
    ]
    return "\n".join([*header, *_render(config, ["scenes_model", "representation_model"], indent=0), ""])


def scalar(value: Any) -> str:
    """A plain value or a list of them as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump([plain], default_flow_style=True, width=10**6).strip()[1:-1]


def _render(section: Section, keys: Iterable[str], indent: int) -> Iterator[str]:
    pad = "  " * indent
    for name in keys:
        field, value = type(section).model_fields[name], getattr(section, name)
        if indent and isinstance(value, Section) and (short := _one_line(name, value, pad)):
            yield from _commented(short, str(field.description), pad)
        elif isinstance(value, Section | dict):
            yield from [""] * (indent == 0)
            yield from _commented(f"{pad}{name}:" + " {}" * (value == {}), str(field.description), pad)
            if isinstance(value, Section):
                yield from _render(value, type(value).settable(), indent + 1)
            else:
                yield from _render_named(value, field.annotation, pad)
        else:
            yield from _commented(f"{pad}{name}: {scalar(value)}", comment(field, value), pad)


def _one_line(name: str, section: Section, pad: str) -> str | None:
    """A section of a few numbers on one line; None for any other. docs/configure.md explains its keys."""
    values = {key: getattr(section, key) for key in section.settable()}
    if len(values) > _FEW or any(isinstance(value, Section | dict | str) for value in values.values()):
        return None
    line = f"{pad}{name}: {{{', '.join(f'{key}: {scalar(value)}' for key, value in values.items())}}}"
    return line if len(line) <= _SHORT else None


def _render_named(sections: Mapping[str, Section], annotation: Any, above: str) -> Iterator[str]:
    """Sections by name: the keys whose values are not the default, each explained where it comes first."""
    inner, pad = get_args(annotation)[1], f"{above}  "
    shared = common(inner).settable() if kinds(inner) else {}
    explained: set[str] = set()
    for name, section in sections.items():
        values = {key: getattr(section, key) for key in section.settable()}
        shown = {
            key: value for key, value in values.items() if key == "kind" or value != section.settable()[key].default
        }
        one_line = f"{pad}{name}: {{{', '.join(f'{key}: {scalar(value)}' for key, value in shown.items())}}}"
        if shown.keys() <= explained and len(one_line) <= _LONGEST:
            yield one_line
            continue
        yield f"{pad}{name}:"
        for key, value in shown.items():
            line, field = f"{pad}  {key}: {scalar(value)}", shared.get(key, section.settable()[key])
            yield from [line] if key in explained else _commented(line, comment(field, value), f"{pad}  ")
            explained.add(key)


def _commented(line: str, text: str, pad: str) -> Iterator[str]:
    """A line with its comment at its end, or above it if that is too long."""
    beside = f"{line:<{_COMMENT_COLUMN - 2}}  # {text}"
    yield from [beside] if len(beside) <= _LONGEST else [f"{pad}# {text}", line]


def comment(field: FieldInfo, value: Any) -> str:
    """The description, with the range of a number, the choices of a value, or those that a list leaves out."""
    choices = allowed(field.annotation, field.metadata)
    shown = choices if "|" in choices and field.annotation is not bool else limits(field.metadata).strip()
    if shown.startswith(LIST_OF):
        others = [one for one in shown.removeprefix(LIST_OF).split(" | ") if one not in map(scalar, value)]
        shown = f"also: {' | '.join(others)}" if others else ""
    return f"{field.description} [{shown}]" if shown else str(field.description)
