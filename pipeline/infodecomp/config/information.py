"""The estimator of information."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infodecomp.config.section import Section, Steps

# `auto` stands for one of the others: see `infodecomp.config.designs`.
ChosenDesign = Literal["auto", "iid", "stratified", "midpoint", "sobol"]


class RangeSection(Section):
    """The log-SNRs of the integral: from loc - clip*scale to loc + clip*scale."""

    loc: float = Field(1.0, description="centre of the log-SNRs")
    scale: float = Field(2.0, gt=0, description="scale of the log-SNRs")
    clip: float = Field(3.0, gt=0, description="log-SNRs range from loc - clip*scale to loc + clip*scale")
    beyond_trained_range: bool = Field(False, description="keep log-SNRs that the model was not trained on")


class DrawsSection(Section):
    """How log-SNRs and noise are drawn."""

    density: Literal["logistic", "uniform", "grid", "adaptive"] = Field(
        "logistic", description="density of the log-SNRs; adaptive: fitted by a pilot"
    )
    design: ChosenDesign = Field("stratified", description="spread of the draws; auto: by what is estimated")
    antithetic_eps: bool = Field(True, description="draw log-SNRs in pairs with noise of opposite sign")


class PilotSection(Section):
    """The pilot of an adaptive density: images of a dataset, and draws of each, evenly spaced over the range."""

    images: int = Field(16, ge=1, description="images of a dataset in the pilot")
    draws: int = Field(24, ge=24, description="draws of each, evenly spaced over the range")


class PromptsSection(Section):
    """The prompts between which information is estimated."""

    word: Literal["word", "label"] = Field("word", description="prompt of MI: the word as in the caption, or its label")
    missing: Literal["delete", "underscore"] = Field(
        "delete", description="caption without the word: delete it, or write `_`"
    )


class BudgetSection(Section):
    """How many draws a map takes."""

    steps: Steps = Field((50, 100), description="numbers of draws to report, nested in one run")
    extendable: bool = Field(False, description="keep what a later run with larger `steps` needs to continue this one")
    stopping: Literal["none", "target_error"] = Field(
        "none", description="maps: take all draws, or stop a case once it meets target_error"
    )
    target_error: float = Field(
        0.02, gt=0, lt=1, description="stopping: mean standard error of a map's cells, over the map's range"
    )


class InformationSection(Section):
    """The estimator of information: where the integral over log-SNR is sampled, and between which prompts."""

    range: RangeSection = Field(RangeSection(), description="The log-SNRs of the integral: loc ± clip*scale")
    draws: DrawsSection = Field(DrawsSection(), description="How log-SNRs and noise are drawn")
    pilot: PilotSection = Field(PilotSection(), description="The pilot of an adaptive density: draws of each image")
    prompts: PromptsSection = Field(PromptsSection(), description="The prompts between which information is estimated")
    budget: BudgetSection = Field(BudgetSection(), description="How many draws a map takes")
