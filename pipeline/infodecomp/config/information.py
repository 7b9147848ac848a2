"""The estimator of information."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infodecomp.config.section import Section, Steps

# `auto` stands for one of the others: see `infodecomp.config.designs`.
ChosenDesign = Literal["auto", "iid", "stratified", "midpoint", "sobol"]


class InformationSection(Section):
    """The estimator of information: where the integral over log-SNR is sampled, and between which prompts."""

    density: Literal["logistic", "uniform", "grid", "adaptive"] = Field(
        "logistic", description="density of the log-SNRs; adaptive: fitted by a pilot"
    )
    pilot_images: int = Field(16, ge=1, description="adaptive: images of a dataset in the pilot")
    pilot_draws: int = Field(24, ge=24, description="adaptive: draws of each, evenly spaced over the range")
    design: ChosenDesign = Field("stratified", description="spread of the draws; auto: by what is estimated")
    antithetic_eps: bool = Field(True, description="draw log-SNRs in pairs with noise of opposite sign")
    loc: float = Field(1.0, description="centre of the log-SNRs")
    scale: float = Field(2.0, gt=0, description="scale of the log-SNRs")
    clip: float = Field(3.0, gt=0, description="log-SNRs range from loc - clip*scale to loc + clip*scale")
    beyond_trained_range: bool = Field(False, description="keep log-SNRs that the model was not trained on")
    steps: Steps = Field((50, 100), description="numbers of draws to report, nested in one run")
    extendable: bool = Field(False, description="keep what a later run with larger `steps` needs to continue this one")
    stopping: Literal["none", "target_error"] = Field(
        "none", description="maps: take all draws, or stop a case once it meets target_error"
    )
    target_error: float = Field(
        0.02, gt=0, lt=1, description="stopping: mean standard error of a map's cells, over the map's range"
    )
    word_prompt: Literal["word", "label"] = Field(
        "word", description="prompt of MI: the word as in the caption, or its label"
    )
    missing_word: Literal["delete", "underscore"] = Field(
        "delete", description="caption without the word: delete it, or write `_`"
    )
