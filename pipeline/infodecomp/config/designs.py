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

Purpose = Literal["maps", "i_s", "i_o"]


class Designed(Protocol):
    """Settings of draws, such as the `information` section of the configuration."""

    @property
    def density(self) -> str: ...
    @property
    def design(self) -> str: ...

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same settings with some of them replaced."""
        ...


class Scored(Protocol):
    """Settings of retrieval: which scores are computed, and whether captions race."""

    @property
    def methods(self) -> Collection[str]: ...
    @property
    def stopping(self) -> str: ...


Settings = TypeVar("Settings", bound=Designed)


def resolved(settings: Settings, purpose: Purpose) -> Settings:
    """The settings with `auto` replaced by a design and its `antithetic_eps`.

    The density `adaptive` is fitted to maps; retrieval, which compares captions, keeps the logistic. Results are stored
    under the resolved settings, so `auto` and the same design given by name share them.

    >>> from infodecomp.config import InformationSection
    >>> settings = resolved(InformationSection(design="auto"), "i_o")
    >>> settings.design, settings.antithetic_eps
    ('stratified', False)
    """
    if settings.density == "adaptive" and purpose != "maps":
        settings = settings.model_copy(update={"density": "logistic"})
    if settings.design != "auto":
        return settings
    return settings.model_copy(update={"design": "stratified", "antithetic_eps": purpose != "i_o"})


def purpose_of(retrieval: Scored) -> Purpose:
    """The purpose of retrieval's draws: i_s if a likelihood scores or races captions, else i_o.

    >>> from infodecomp.config import RetrievalSection
    >>> purpose_of(RetrievalSection(methods=("i_o",)))
    'i_o'
    """
    return "i_s" if {"i_s", "neg_nll"} & set(retrieval.methods) or retrieval.stopping == "racing" else "i_o"
