"""The range of log-SNRs of the integral."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from infodecomp.runs.errors import InputError


@dataclass(frozen=True)
class Interval:
    """The range of log-SNRs of the integral, and the location and scale of the logistic density."""

    low: float
    high: float
    loc: float
    scale: float


def integration_interval(
    *, loc: float, scale: float, clip: float, trained: tuple[float, float], beyond_trained_range: bool
) -> Interval:
    """[loc − clip·scale, loc + clip·scale], cut to the trained range unless `beyond_trained_range`.

    Raises InputError if nothing is left.

    >>> integration_interval(loc=1.0, scale=2.0, clip=3.0, trained=(-4.0, 9.0), beyond_trained_range=False)
    Interval(low=-4.0, high=7.0, loc=1.0, scale=2.0)
    """
    low, high = loc - clip * scale, loc + clip * scale
    if not beyond_trained_range:
        low, high = max(low, trained[0]), min(high, trained[1])
    if not low < high:
        raise InputError(
            f"information → range gives log-SNRs {loc - clip * scale:g} … {loc + clip * scale:g}, outside the "
            f"model's trained range {trained[0]:.3f} … {trained[1]:.3f}; choose values that overlap it"
        )
    return Interval(low, high, loc, scale)


class Range(Protocol):
    """Settings of the range of log-SNRs; see `integration_interval`."""

    @property
    def loc(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def beyond_trained_range(self) -> bool: ...


def interval_of(section: Range, trained: tuple[float, float]) -> Interval:
    """The range of log-SNRs that a section of the configuration gives, for a model trained on the range `trained`.

    >>> from types import SimpleNamespace
    >>> section = SimpleNamespace(loc=1.0, scale=2.0, clip=3.0, beyond_trained_range=False)
    >>> interval_of(section, trained=(-4.0, 9.0))
    Interval(low=-4.0, high=7.0, loc=1.0, scale=2.0)
    """
    return integration_interval(
        loc=section.loc,
        scale=section.scale,
        clip=section.clip,
        trained=trained,
        beyond_trained_range=section.beyond_trained_range,
    )
