"""The estimator against exact answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Design, Section, Steps

ValidationProblem = Literal[
    "plane",
    "shapes",
    "fine",
    "labels",
    "disc_16",
    "disc_64",
    "normal_1",
    "dense_5",
    "dense_25",
    "sparse_5",
    "sparse_25",
]


class ValidationGridSection(Section):
    """The runs on each problem: every density, design and noise, at every number of draws."""

    designs: Annotated[tuple[Design, ...], Field(min_length=1)] = Field(
        ("iid", "stratified"), description="spread of the draws over the density"
    )
    densities: Annotated[tuple[Literal["logistic", "adaptive"], ...], Field(min_length=1)] = Field(
        ("logistic",), description="densities of the log-SNRs; adaptive: fitted by a pilot on other points"
    )
    antithetic_eps: Annotated[tuple[bool, ...], Field(min_length=1)] = Field(
        (True,), description="independent noise (false), or pairs of opposite sign (true)"
    )
    steps: Steps = Field((50, 100), description="numbers of draws")
    points: int = Field(20, ge=2, description="samples (x, y) of each problem")
    runs: int = Field(10, ge=1, description="runs of the estimator for each point")


class ValidationSection(Section):
    """The estimator against problems with known information; range of log-SNRs and pilots as in `information`."""

    problems: Annotated[tuple[ValidationProblem, ...], Field(min_length=1)] = Field(
        ("plane", "fine", "disc_16", "dense_5"), description="problems with known information"
    )
    grid: ValidationGridSection = Field(ValidationGridSection(), description="The runs on each problem")
