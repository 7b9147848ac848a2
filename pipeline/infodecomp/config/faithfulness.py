"""Whether maps are faithful to the model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Estimator, Name, Section, Share


class JudgingSection(Section):
    """How maps are judged."""

    cases: int = Field(22, ge=1, description="number of cases to judge; the last image is always completed")
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = Field(
        ("orthogonal",), description="for methods that measure information"
    )
    judged: Literal["first", "last"] = Field("first", description="judge maps at the first or the last number of draws")
    fractions: Annotated[tuple[Share, ...], Field(min_length=1)] = Field(
        (0.1, 0.3), description="shares of the pixels to remove or restore, besides none and all"
    )
    filling: Literal["denoiser", "noise"] = Field(
        "denoiser", description="what replaces a removed pixel: the prediction without a prompt, or noise"
    )
    filling_logsnr: float = Field(-3.0, description="denoiser: log-SNR of that prediction")
    draws: int = Field(8, ge=2, description="draws of the information of an image with pixels removed")
    repeated_draws: int | None = Field(
        6, ge=2, description="draws of repeated maps, at most (null: as many as the judged map)"
    )


class FaithfulnessSection(Section):
    """Whether maps are faithful to the model: deletion and insertion of pixels, stability, sanity checks."""

    datasets: tuple[Name, ...] | None = Field(
        None, description="datasets whose maps are judged (null: those that are edited; []: none)"
    )
    shards: int = Field(2, ge=1, le=700, description="jobs of each judged dataset")
    judging: JudgingSection = Field(JudgingSection(), description="How maps are judged")
