"""From the merged YAML to a checked configuration, and from there to the stages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from infodecomp.config.conflicts import conflicts
from infodecomp.config.generated import with_generated
from infodecomp.config.paths import with_paths_written_out
from infodecomp.config.problems import schema_problem
from infodecomp.config.reading import as_meant
from infodecomp.config.section import Section
from infodecomp.config.study import Config
from infodecomp.runs.errors import InputError

SectionType = TypeVar("SectionType", bound=Section)


def default_config() -> Config:
    """The embedded demo study."""
    return Config()


def load_config(mapping: Mapping[str, Any]) -> Config:
    """Check a merged configuration and return it typed; a dataset or second model whose value is null is left out.

    Raises InputError with one paragraph a problem: key path, value found, what is allowed, and the YAML to paste.
    """
    values, problems = as_meant(mapping)
    values, unwritten = with_paths_written_out(values)
    problems += unwritten
    try:
        config = Config.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        found = error.errors()
        paths = [details["loc"] for details in found]
        # A list whose only entry is wrong is reported twice: for the entry, and as a list that is too short.
        once = [
            one
            for one in found
            if one["type"] != "too_short" or not any(path[: len(one["loc"])] == one["loc"] != path for path in paths)
        ]
        problems += [schema_problem(details) for details in once]
    else:
        problems += conflicts(config)
        if not problems:
            return with_generated(config)
    raise InputError("\n".join(dict.fromkeys(problem.text() for problem in problems)))


def section_json(section: BaseModel) -> str:
    """A section as JSON with sorted keys, as rules pass it to stages; equal values give equal text."""
    return json.dumps(section.model_dump(mode="json"), sort_keys=True)


def parse(cls: type[SectionType], text: str) -> SectionType:
    """The reverse of `section_json`. Nothing has a default here: InputError unless the text holds every key, and no other.

    >>> parse(StatisticsSection, '{"bootstrap": 200, "confidence": 0.9}')
    StatisticsSection(bootstrap=200, confidence=0.9)
    >>> parse(StatisticsSection, '{"bootstrap": 200}')
    Traceback (most recent call last):
    infodecomp.runs.errors.InputError: StatisticsSection: confidence is missing; pass all of its keys.
    """
    try:
        section: SectionType = TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        details = error.errors()[0]
        where = " → ".join(map(str, details["loc"])) or "the text"
        raise InputError(f"{cls.__name__}: {where} is {details['input']!r}: {details['msg']}.") from error
    missing = " → ".join(next(_missing(section), ()))
    if missing:
        raise InputError(f"{cls.__name__}: {missing} is missing; pass all of its keys.")
    return section


def _missing(value: Any) -> Iterator[tuple[str, ...]]:
    """The paths of the keys that a parsed section has by default alone."""
    inside: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    if isinstance(value, Section):
        yield from ((name,) for name in type(value).model_fields if name not in value.model_fields_set)
        inside = {name: getattr(value, name) for name in value.model_fields_set}
    for name, one in inside.items():
        yield from ((name, *path) for path in _missing(one))
