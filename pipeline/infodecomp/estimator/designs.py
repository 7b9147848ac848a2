"""Which draws `design: auto` takes: the design and the noise that were measured to be best for what is estimated.

    maps    stratified log-SNRs, each with ±ε: pairs cancel what is odd in the noise at every pixel
    i_s     the same: its variance is that of the noise, of which pairs take out the part that is linear in it
    i_o     stratified log-SNRs with noise of their own: log-SNR explains nearly all of a total, and more strata tell more

Noise of opposite sign is never paired with independent log-SNRs: half as many of these cost more than pairs save. The
measurements are in docs/estimator.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from infodecomp.config import InformationSection, RetrievalSection

Purpose = Literal["maps", "i_s", "i_o"]


def resolved(information: InformationSection, purpose: Purpose) -> InformationSection:
    """The section with a design in place of `auto`, and its `antithetic_eps`.

    The density `adaptive` is fitted to what makes maps; retrieval, which compares captions, keeps the logistic. The resolved
    section is what names the results, so that those of `auto` and of the same design by name are the same.
    """
    if information.density == "adaptive" and purpose != "maps":
        information = information.model_copy(update={"density": "logistic"})
    if information.design != "auto":
        return information
    return information.model_copy(update={"design": "stratified", "antithetic_eps": purpose != "i_o"})


def purpose_of(retrieval: RetrievalSection) -> Purpose:
    """What the draws of a retrieval case are for: a likelihood if it is scored or raced by, else i_o alone."""
    return "i_s" if {"i_s", "neg_nll"} & set(retrieval.methods) or retrieval.stopping == "racing" else "i_o"
