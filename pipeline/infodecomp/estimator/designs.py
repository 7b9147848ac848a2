"""Which draws `design: auto` takes: the design and the noise that were measured to be best for what is estimated.

    maps    stratified log-SNRs, each with ±ε: pairs cancel what is odd in the noise at every pixel
    i_s     the same: its variance is that of the noise, of which pairs take out the part that is linear in it
    i_o     stratified log-SNRs with noise of their own: log-SNR explains nearly all of a total, and more strata tell more

Noise of opposite sign is never paired with independent log-SNRs: half as many of these cost more than pairs save. The
measurements are in docs/estimator.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol, Self, TypeVar

Purpose = Literal["maps", "i_s", "i_o"]


class Designed(Protocol):
    """Settings of draws, such as the section `information` of the configuration."""

    @property
    def density(self) -> str: ...
    @property
    def design(self) -> str: ...

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same settings with some of them replaced."""
        ...


class Scored(Protocol):
    """Settings of retrieval: which scores are asked for, and whether captions race."""

    @property
    def methods(self) -> Collection[str]: ...
    @property
    def stopping(self) -> str: ...


Settings = TypeVar("Settings", bound=Designed)


def resolved(settings: Settings, purpose: Purpose) -> Settings:
    """The settings with a design in place of `auto`, and its `antithetic_eps`.

    The density `adaptive` is fitted to what makes maps; retrieval, which compares captions, keeps the logistic. The resolved
    settings are what names the results, so that those of `auto` and of the same design by name are the same.

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
    """What the draws of a retrieval case are for: a likelihood if it is scored or raced by, else i_o alone.

    >>> from infodecomp.config import RetrievalSection
    >>> purpose_of(RetrievalSection(methods=("i_o",)))
    'i_o'
    """
    return "i_s" if {"i_s", "neg_nll"} & set(retrieval.methods) or retrieval.stopping == "racing" else "i_o"
