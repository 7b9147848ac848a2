"""Images that the study's model generates."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infodecomp.config.section import Section

Prompt = Annotated[str, Field(min_length=1)]


class PromptListSection(Section):
    """Which images to generate."""

    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1)] | None = Field(
        None, description="prompts (null: those of `list`)"
    )
    list: str | None = Field(
        "data/reference/scene_prompts.csv",
        min_length=1,
        description="CSV of prompt (and words, seed, image, mask) or of word pairs; docs/gradients.md",
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = Field(
        (0,), description="one image for each prompt and seed, unless the CSV names seeds"
    )

    @property
    def listed(self) -> str | None:
        """The CSV of prompts, if `prompts` names none."""
        return self.list if self.prompts is None else None


class GenerationSection(Section):
    """How an image is sampled."""

    steps: int = Field(12, ge=1, le=999, description="steps of DDIM")
    guidance: float = Field(3.0, ge=0, description="scale of classifier-free guidance (1: none)")
    strength: float = Field(0.7, gt=0, le=1, description="image to image, inpainting: share of the steps to run")


class GenerateSection(Section):
    """Images that the study's model generates from prompts: the dataset `generated`."""

    source: PromptListSection = Field(PromptListSection(), description="Which images to generate")
    sampling: GenerationSection = Field(GenerationSection(), description="How each image is sampled, with DDIM")
