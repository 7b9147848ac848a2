"""Edits of images by their captions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.information import InformationSection, PromptsSection
from infodecomp.config.section import Section, Steps

# A word and its partner.
Swap = tuple[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]]
# The paper's pairs, with a chair for the table, which the scenes lack.
SCENE_SWAPS: tuple[Swap, ...] = (
    ("dog", "cat"),
    ("zebra", "horse"),
    ("bed", "chair"),
    ("bear", "elephant"),
    ("airplane", "kite"),
    ("person", "monkey"),
    ("teddy bear", "robot"),
)


class EditingRangeSection(Section):
    """Overrides of the range of `information` for edits; null keeps its value."""

    loc: float | None = Field(None, description="centre of the log-SNRs")
    scale: float | None = Field(None, gt=0, description="scale of the log-SNRs")
    clip: float | None = Field(None, gt=0, description="log-SNRs range from loc - clip*scale to loc + clip*scale")


class EditingInformationSection(Section):
    """Overrides of `information` for edits."""

    steps: Steps | None = Field(None, description="numbers of draws, nested in one run; edits use the last")
    range: EditingRangeSection = Field(
        EditingRangeSection(), description="Overrides of the range of log-SNRs (null: inherit)"
    )


class FlowSection(Section):
    """The probability flow from an image to noise and back."""

    sampler: Literal["heun", "euler", "ddim"] = Field("heun", description="solver of the probability flow")
    steps: int = Field(15, ge=1, le=999, description="noise levels of the flow (ddim: steps), each way")
    rho: float = Field(7.0, gt=0, description="heun, euler: the larger, the more levels have little noise")
    noised_start: bool = Field(
        True, description="start from the latent with the noise of the lowest level (false: as in the paper)"
    )


class EditCaptionsSection(Section):
    """How words are left out of captions or swapped."""

    omit: Literal["underscore", "delete"] = Field(
        "delete", description="caption without the word: write `_`, or delete it"
    )
    swaps: Annotated[tuple[Swap, ...], Field(min_length=1)] = Field(
        SCENE_SWAPS, description="words and their partners, both ways, singular and plural"
    )
    swap_scope: Literal["target", "all"] = Field(
        "target", description="swap the word alone, or every word of the caption with a partner"
    )


class EditingTableSection(Section):
    """How edits are summarised."""

    min_reconstruction_psnr: float = Field(
        20.0, ge=0, description="flag a case whose image is reconstructed with a lower PSNR, in dB"
    )
    error: Literal["bootstrap_sd", "sd_over_10"] = Field(
        "bootstrap_sd", description="error of a correlation: SD of the resamples, or a tenth of it"
    )


class EditingSection(Section):
    """How words are removed from captions or swapped on the way from an image to noise and back."""

    animated: int = Field(20, ge=0, description="animate the edits of the first N cases of a dataset")
    flow: FlowSection = Field(FlowSection(), description="The way from an image to noise and back")
    captions: EditCaptionsSection = Field(
        EditCaptionsSection(), description="How words are left out of captions or swapped"
    )
    information: EditingInformationSection = Field(
        EditingInformationSection(), description="Overrides of `information` for edits (null: inherit)"
    )
    table: EditingTableSection = Field(EditingTableSection(), description="How edits are summarised")

    def estimator(self, information: InformationSection) -> InformationSection:
        """The estimator of the edits: that of the study with the overrides of this section and the edits' own prompts."""
        steps = {} if self.information.steps is None else {"steps": self.information.steps}
        updates: dict[str, Section] = {
            "range": information.range.model_copy(update=self.information.range.model_dump(exclude_none=True)),
            "budget": information.budget.model_copy(update=steps),
            "prompts": PromptsSection(word="word", missing=self.captions.omit),
        }
        return information.model_copy(update=updates)

    def shares(self, information: InformationSection) -> bool:
        """Whether the localisation study estimates MI and CMI with the prompts and draws of the edits."""
        return self.estimator(information) == information
