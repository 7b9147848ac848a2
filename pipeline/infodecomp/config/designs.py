"""What `design: auto` stands for: the design and noise that measured best for each purpose.

    maps    stratified log-SNRs, each with ±ε: the two cancel what is odd in the noise in every cell
    i_s     the same: its variance comes from the noise, and ±ε removes the part that is linear in it
    i_o     stratified log-SNRs with independent noise: log-SNR explains nearly all variance of a total, so more strata help

Independent log-SNRs are never combined with ±ε: halving their number costs more than the pairs save. The measurements are
in docs/estimator.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol, Self, TypeVar

from infodecomp.config.information import DrawsSection, RangeSection

Purpose = Literal["maps", "i_s", "i_o"]


class Sampled(Protocol):
    """What says how draws are made: the section `information`, or the settings of a stage."""

    @property
    def range(self) -> RangeSection: ...
    @property
    def draws(self) -> DrawsSection: ...

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with some of its values replaced."""
        ...


SampledType = TypeVar("SampledType", bound=Sampled)


def resolved(settings: SampledType, purpose: Purpose) -> SampledType:
    """The settings with `auto` replaced by a design and its `antithetic_eps`.

    The density `adaptive` is fitted to maps; retrieval, which compares captions, keeps the logistic. Results are stored
    under the resolved settings, so `auto` and the same design given by name share them.

    >>> from infodecomp.config import InformationSection
    >>> draws = resolved(InformationSection(draws=DrawsSection(design="auto")), "i_o").draws
    >>> draws.design, draws.antithetic_eps
    ('stratified', False)
    """
    draws = settings.draws
    if draws.density == "adaptive" and purpose != "maps":
        draws = draws.model_copy(update={"density": "logistic"})
    if draws.design == "auto":
        draws = draws.model_copy(update={"design": "stratified", "antithetic_eps": purpose != "i_o"})
    return settings if draws is settings.draws else settings.model_copy(update={"draws": draws})


def purpose_of(methods: Collection[str], stopping: str) -> Purpose:
    """The purpose of retrieval's draws: i_s if a likelihood scores or races captions, else i_o.

    >>> purpose_of(["i_o"], "none")
    'i_o'
    """
    return "i_s" if {"i_s", "neg_nll"} & set(methods) or stopping == "racing" else "i_o"
