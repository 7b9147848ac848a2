"""The base of every section, and the types that several sections share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema

# Names become folder names, parts of file names, and arguments of commands.
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"
HUB_REVISION = r"^[\w.-]+/[\w.-]+@[\w./-]+$"
CSV_FILE = r"^.*\S.*$"

Name = Annotated[str, Field(pattern=NAME)]
Steps = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
CsvFile = Annotated[str, Field(pattern=CSV_FILE, examples=["my_words.csv"])]
Precision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]
Mirrors = Annotated[tuple[Annotated[str, Field(pattern=HUB_REVISION)], ...], Field(min_length=1)]
Estimator = Literal["orthogonal", "standard"]
Design = Literal["iid", "stratified", "midpoint", "sobol"]

# Marks a key that no YAML may set: its value is fixed, or follows from other keys when the configuration is loaded.
SETTLED = SkipJsonSchema()

PartOfSection = TypeVar("PartOfSection", bound="Section")


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are not converted, and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def settable(cls) -> dict[str, FieldInfo]:
        """The keys that a YAML may set."""
        return {name: field for name, field in cls.model_fields.items() if SETTLED not in field.metadata}

    def part(self, base: type[PartOfSection]) -> PartOfSection:
        """The keys of one of its base classes, alone: what a stage that parses that class reads."""
        return cast(PartOfSection, base.model_construct(**{name: getattr(self, name) for name in base.model_fields}))
