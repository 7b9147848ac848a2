"""Attention and gradients: what the model itself attends and responds to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Name, Section, Steps

# A model has 1000 timesteps, and the path of inversion starts one stride below the last.
AttentionSteps = Annotated[tuple[Annotated[int, Field(ge=1, le=999)], ...], Field(min_length=1)]
GradientReduction = Literal["grad_x_input", "max", "mean", "min", "integrated"]
Pixel = Annotated[int, Field(ge=0)]
PixelBox = tuple[Pixel, Pixel, Pixel, Pixel]


Heads = Literal["all", "second_half"]


class AttentionSection(Section):
    """Cross-attention maps of words."""

    heads: Heads = Field("all", description="attention heads to average")
    image_range: Literal["signed", "unit"] = Field(
        "signed", description="pixel values given to the encoder: -1 to 1 as in its training, or 0 to 1"
    )
    steps: AttentionSteps = Field((25, 50), description="steps of inversion and of denoising, one run each")


class ExplanationSection(Section):
    """How the gradients of an image are reduced to scores of words and maps."""

    tokens: GradientReduction = Field("grad_x_input", description="one number for the gradient of a token")
    cells: GradientReduction = Field("max", description="the same for a pixel or a latent cell")
    integrated_points: int = Field(
        16, ge=2, description="integrated: points on the path from the baseline (of tokens: the empty prompt)"
    )
    special_tokens: Literal["drop", "keep"] = Field(
        "drop", description="start, end and padding: leave them out of the percentages, or give them rows"
    )
    n_last_steps: int | None = Field(
        None, ge=1, description="generated images: steps to backpropagate through (null: all)"
    )
    boxes: Annotated[tuple[PixelBox, ...], Field(min_length=1)] | None = Field(
        None, description="regions [x0, y0, x1, y1] of the model's image to explain besides the whole"
    )


class GradientsSection(Section):
    """Gradients of the model's output with respect to words, pixels and noise; sampled as in `information`."""

    steps: Steps = Field((12,), description="numbers of draws, nested in one run (of a loss: the last)")
    datasets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        None, description="datasets whose images are explained word by word (null: `generated`, if present)"
    )
    explanation: ExplanationSection = Field(
        ExplanationSection(), description="Images explained word by word: scores of tokens, maps of cells"
    )
