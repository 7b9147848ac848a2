"""From the merged YAML to a checked configuration, and from there to the stages."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from infodecomp.config.conflicts import conflicts
from infodecomp.config.datasets import Dataset, DatasetSection
from infodecomp.config.problems import schema_problem
from infodecomp.config.reading import as_meant
from infodecomp.config.retrieval_datasets import RetrievalDataset, RetrievalDatasetSection
from infodecomp.config.section import Section
from infodecomp.config.settled import settled
from infodecomp.config.study import Config
from infodecomp.runs.errors import InputError

SectionType = TypeVar("SectionType", bound=Section)

# Sections of several kinds are read as the class of their kind.
_KINDS: dict[type[Section], Any] = {DatasetSection: Dataset, RetrievalDatasetSection: RetrievalDataset}


def default_config() -> Config:
    """The embedded demo study."""
    return Config()


def load_config(mapping: Mapping[str, Any]) -> Config:
    """Check a merged configuration and return it typed; a dataset or second model whose value is null is left out.

    Raises InputError with one paragraph a problem: key path, value found, what is allowed, and the YAML to paste.
    """
    values, problems = as_meant(mapping)
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
            return settled(config)
    raise InputError("\n".join(dict.fromkeys(problem.text() for problem in problems)))


def section_json(section: BaseModel, keys: Collection[str] | None = None) -> str:
    """One section as JSON with sorted keys, as rules pass it to stages; equal values give equal text.

    keys: only those that the stage reads, so that the others do not run it again.
    """
    return json.dumps(section.model_dump(mode="json", include=None if keys is None else set(keys)), sort_keys=True)


def sections_json(sections: Mapping[str, BaseModel]) -> str:
    """Sections by name as JSON with sorted keys."""
    return json.dumps({name: section.model_dump(mode="json") for name, section in sections.items()}, sort_keys=True)


def parse_section(cls: type[SectionType], text: str) -> SectionType:
    """The reverse of `section_json`; InputError if the text does not hold that section. Keys left out have defaults."""
    try:
        section: SectionType = TypeAdapter(_KINDS.get(cls, cls)).validate_json(text)
    except ValidationError as error:
        details = error.errors()[0]
        where = " → ".join(map(str, details["loc"])) or "the text"
        raise InputError(f"{cls.__name__}: {where} is {details['input']!r}: {details['msg']}.") from error
    return section


def parse_sections(cls: type[SectionType], argument: str, text: str) -> dict[str, SectionType]:
    """The reverse of `sections_json`; InputError, naming the argument, if the text is no JSON object."""
    try:
        sections = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{argument}: this is not JSON ({error}); expected name → section.") from error
    if not isinstance(sections, dict):
        raise InputError(f"{argument}: found {text!r}; expected a JSON object, name → section.")
    return {name: parse_section(cls, json.dumps(value)) for name, value in sections.items()}


def given(section: Section) -> dict[str, Any]:
    """The keys of a section that a stage was given, as plain values: what its result may depend on."""
    return section.model_dump(mode="json", include=section.model_fields_set)
