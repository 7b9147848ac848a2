"""What decoders of codes draw, and how codes and samples are judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Section

SamplerName = Literal["unconditional", "ddim", "ddpm", "two_phase", "two_phase_prior", "latent", "decoder"]
FeatureName = Literal["classifier", "dinov2", "inception"]
LearnerName = Literal["random_forest", "gradient_boosting", "linear"]


class LatentDiffusionSection(Section):
    """The diffusion model of codes, from which the sampler `latent` draws them."""

    steps: int = Field(600, ge=1, description="steps of its training")
    batch: int = Field(256, ge=2, description="codes a step")
    learning_rate: float = Field(0.003, gt=0, description="peak learning rate of AdamW")


class RepresentationSamplesSection(Section):
    """What each model draws."""

    samplers: Annotated[tuple[SamplerName, ...], Field(min_length=1)] = Field(
        ("unconditional", "ddim", "ddpm", "two_phase", "two_phase_prior", "latent", "decoder"),
        description="ways to draw samples; a model skips those that it cannot serve",
    )
    count: int = Field(64, ge=2, description="samples of each sampler, and images that are reconstructed")
    steps: int = Field(20, ge=2, description="levels of noise of every sampler")
    eta: float = Field(0.0, ge=0, le=1, description="noise on the way of all but ddpm, whose it is 1 (0: DDIM)")
    split_step: int = Field(14, ge=0, description="moves of the two-phase samplers before the code is known")
    latent: LatentDiffusionSection = Field(LatentDiffusionSection(), description="The diffusion model of codes")
    traversals: tuple[float, ...] = Field(
        (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5), description="values that each dimension is set to"
    )
    interpolations: int = Field(8, ge=2, description="pictures between two images")


class FactorClassifierSection(Section):
    """The classifier of factors, whose features FID and KID compare."""

    steps: int = Field(450, ge=1, description="steps of its training")
    batch: int = Field(128, ge=1, description="images a step")
    learning_rate: float = Field(0.002, gt=0, description="peak learning rate of AdamW")


class RepresentationJudgingSection(Section):
    """How codes and samples are judged."""

    images: int = Field(500, ge=40, description="images whose codes are probed, three tenths of them held out")
    learners: tuple[LearnerName, ...] = Field(
        ("random_forest",), description="learners of DCI, each in columns of its name"
    )
    repeats: int = Field(3, ge=2, description="random halves of the images, whose scores give the standard errors")
    real: int = Field(2000, ge=70, description="real images that samples are compared with")
    features: tuple[FeatureName, ...] = Field(
        ("classifier",),
        description="networks of features for FID and KID; classifier: of the factors",
    )
    dinov2: str | None = Field(None, min_length=1, description="folder of DINOv2 (null: not used)")
    inception: str | None = Field(None, min_length=1, description="Inception's file of weights (null: not used)")
    classifier: FactorClassifierSection = Field(FactorClassifierSection(), description="The classifier of factors")
