"""Maps against masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field

from infodecomp.config.section import Estimator, Section
from infodecomp.methods import METHODS, OF_EVERY_CASE

if TYPE_CHECKING:
    Method = str
else:
    Method = Literal[tuple(METHODS)]


class ThresholdsSection(Section):
    """Thresholds on min-max scaled maps, evenly spaced."""

    low: float = Field(0.1, ge=0, lt=1, description="lowest")
    high: float = Field(0.5, ge=0, lt=1, description="highest")
    count: int = Field(50, ge=2, description="number of thresholds")


class LocalisationSection(Section):
    """How maps are compared with masks."""

    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = Field(
        OF_EVERY_CASE, description="rows of the table; unique: words in pairs only"
    )
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = Field(
        get_args(Estimator), description="for methods that measure information"
    )
    map_size: int = Field(64, ge=8, description="side at which maps (bilinear) meet masks (nearest), in pixels")
    thresholds: ThresholdsSection = Field(
        ThresholdsSection(), description="Thresholds on min-max scaled maps, evenly spaced"
    )
