"""What codes and factors say about images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.config.representation_samples import RepresentationJudgingSection, RepresentationSamplesSection
from infodecomp.config.section import Section

# A description by name, or the folder of a trained model, whose last part is its name.
DESCRIBED = r"^(?:.*/)?[A-Za-z0-9_][A-Za-z0-9_-]*$"
Described = Annotated[str, Field(pattern=DESCRIBED)]


class ComponentsSection(Section):
    """The code `components`: principal components of the images with noise."""

    dimensions: int = Field(12, ge=2, description="number of components")
    noise: float = Field(0.1, ge=0, description="their noise, in standard deviations of a component (0: none)")


class RepresentationEstimationSection(Section):
    """How the information of a description is estimated."""

    images: int = Field(36, ge=6, description="held-out images, each with its own draws")
    draws: int = Field(24, ge=6, description="draws of an image, in pairs with noise of opposite sign")
    maps: int = Field(12, ge=1, description="images whose maps are kept")
    pilot: int = Field(16, ge=2, description="further images of a pilot, to which the density of the draws is fitted")
    interval: Literal["exact"] | tuple[float, float] = Field(
        "exact", description="log-SNRs of the integral; exact: where 0.1 to 99.9 % of the entropy has been seen"
    )


class RepresentationExactSection(Section):
    """How exact information is computed, where the images can be enumerated."""

    images: int = Field(400, ge=6, description="images over which exact values are averaged")
    curve_images: int = Field(48, ge=6, description="images over which the exact curve is averaged")
    curve_points: int = Field(25, ge=3, description="log-SNRs of the curve")


class RepresentationSection(Section):
    """What codes and factors say about images, in nats."""

    images: RepresentationImagesSection = Field(RepresentationImagesSection(), description="The images")
    models: Annotated[tuple[Described, ...], Field(min_length=1)] = Field(
        ("factors", "components"),
        description="what describes images: their factors, their principal components, or the code of a model",
    )
    components: ComponentsSection = Field(ComponentsSection(), description="The code `components`")
    shards: int = Field(1, ge=1, le=700, description="jobs of each model")
    estimation: RepresentationEstimationSection = Field(
        RepresentationEstimationSection(), description="How information is estimated"
    )
    exact: RepresentationExactSection = Field(
        RepresentationExactSection(), description="How exact information is computed"
    )
    samples: RepresentationSamplesSection = Field(
        RepresentationSamplesSection(), description="What models draw: samples, reconstructions, traversals"
    )
    judging: RepresentationJudgingSection = Field(
        RepresentationJudgingSection(), description="How codes and samples are judged"
    )
