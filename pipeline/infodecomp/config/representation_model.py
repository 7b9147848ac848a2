"""The recipe of the representation models: what each knows of an image, how its code is regularised, how it is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Name, Section

Condition = Literal["map", "adagn", "bottleneck", "tokens"]
Prior = Literal["normal", "mixture", "roll"]
Kernel = Literal["published", "multiscale"]


class RepresentationModel(Section):
    """One model: what its decoder knows of an image, and how the code is learnt if that is what it knows."""

    knows: Literal["code", "factors", "nothing"] = Field(
        "code", description="what the decoder is told: a learnt code, the true factors, or nothing"
    )
    condition: Condition = Field(
        "map",
        description="how: by a map, group norm (everywhere or at the bottleneck), or tokens",
    )
    dimensions: int = Field(12, ge=1, description="dimensions of the code")
    code_noise: Annotated[float, Field(ge=0)] | Literal["learnt"] = Field(
        0.1, description="noise of the code in standard deviations of its mean, 0 for none, or learnt for each image"
    )
    prior: Prior = Field("normal", description="prior of the code: normal, ten Gaussian arms, or a Swiss roll")
    mmd: float = Field(0.1, ge=0, description="weight of the maximum mean discrepancy between codes and the prior")
    kernel: Kernel = Field(
        "published", description="its kernel: one, of squared width dimensions², or several, without bias"
    )
    kl: float = Field(0.0, ge=0, description="weight of the divergence of codes from the prior; needs learnt noise")
    capacity: float | None = Field(
        None, ge=0, description="nats that the divergence should have: its distance from them is weighted instead"
    )


class MaskSharesSection(Section):
    """How often a decoder knows what while it is trained; the shares that are left out know a random number of parts."""

    none: float = Field(0.45, ge=0, le=1, description="nothing")
    all: float = Field(0.19, ge=0, le=1, description="every part")
    one: float = Field(0.13, ge=0, le=1, description="one part alone")
    rest: float = Field(0.13, ge=0, le=1, description="all parts but one")


class RepresentationTrainingSection(Section):
    """How representation models are trained."""

    joint_steps: int = Field(6000, ge=1, description="steps in which encoder and decoder learn from images together")
    exact_steps: int = Field(
        30000, ge=1, description="steps in which the decoder learns exact posterior means, where the world is finite"
    )
    batch: int = Field(16, ge=1, description="images a step, each with two masks of what is known of it")
    matrix_learning_rate: float = Field(0.003, gt=0, description="peak learning rate of Muon, for matrices")
    learning_rate: float = Field(0.002, gt=0, description="peak learning rate of AdamW, for the rest")
    encoder_learning_rate: float = Field(0.001, gt=0, description="peak learning rate of the encoder")
    hold: float = Field(0.45, ge=0, lt=1, description="share of the steps after which learning rates fall to nought")
    ema: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")
    masks: MaskSharesSection = Field(MaskSharesSection(), description="How often a decoder knows what")
    range: tuple[float, float] = Field((-7.0, 1.0), description="log-SNRs that decoders are trained on")
    focus: tuple[float, ...] = Field(
        (-4.0, -2.0), description="log-SNRs above which further, equal shares of the draws lie"
    )
    checkpoint_every: int = Field(500, ge=1, description="steps between checkpoints")
    judge_every: int = Field(2000, ge=1, description="steps between measurements of the distance from Bayes")


class RepresentationModelSection(Section):
    """Recipe of the representation models: read by the rule `train_representation` and by nothing else."""

    seed: int = Field(0, ge=0, description="seed of weights, images and noise")
    models: dict[Name, RepresentationModel] = Field(
        {
            "factors": RepresentationModel(knows="factors"),
            "infodiffusion": RepresentationModel(),
            "diffae": RepresentationModel(mmd=0.0),
            "vanilla": RepresentationModel(knows="nothing"),
            "adagn": RepresentationModel(condition="adagn"),
            "bottleneck": RepresentationModel(condition="bottleneck"),
            "tokens": RepresentationModel(condition="tokens"),
        },
        description="Models by name. An overlay adds to them; `name: null` removes one",
    )
    training: RepresentationTrainingSection = Field(RepresentationTrainingSection(), description="How they are trained")
