"""The intervals of every table: how many resamples, and at which level."""

from __future__ import annotations

from pydantic import Field

from infodecomp.config.section import Section


class StatisticsSection(Section):
    """Intervals of all tables and figures."""

    bootstrap: int = Field(2000, ge=100, description="bootstrap resamples of each interval")
    confidence: float = Field(0.95, gt=0, lt=1, description="confidence level of the intervals")
