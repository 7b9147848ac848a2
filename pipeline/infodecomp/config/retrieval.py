"""True captions against false ones."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from infodecomp.config.section import Section, Steps

Timesteps = Annotated[tuple[Annotated[int, Field(ge=0, le=999)], ...], Field(min_length=1)]
# Methods that score with another model.
SecondModel = Literal["hardneg_diffitm"]
RetrievalMethod = Literal["i_o", "i_s", "neg_nll", "diffitm", "clip", "hardneg_diffitm", "text_only"]


class ScoringSection(Section):
    """How the draws of a case are taken."""

    steps: Steps = Field(
        (12, 24, 48), description="numbers of draws of a case, shared by its captions, nested in one run"
    )
    stopping: Literal["none", "racing"] = Field(
        "none", description="take all draws, or drop captions that are unlikely to win"
    )
    error: float = Field(
        0.025, gt=0, lt=1, description="racing: probability that a case is decided differently than by all draws"
    )


class DiffitmSection(Section):
    """The norm of the denoising error at a few noise levels."""

    timesteps: Timesteps = Field(tuple(range(10, 1000, 100)), description="noise levels of diffitm and hardneg_diffitm")


class RetrievalTableSection(Section):
    """How scores become accuracies."""

    ties: Literal["half", "wrong", "right", "drop"] = Field(
        "half", description="a tie between the true and a false caption counts as"
    )
    symmetric_relations: str = Field(
        "data/reference/vg_symmetric_relations.txt",
        min_length=1,
        description="relations that read the same both ways, one a line, left out of `macro_asymmetric`",
    )
    mark_change: float = Field(
        0.3, gt=0, le=1, description="mark groups whose accuracy differs from clip's by more than this"
    )


class RetrievalSection(Section):
    """How the true caption of an image is found among false ones."""

    methods: Annotated[tuple[RetrievalMethod, ...], Field(min_length=1)] = Field(
        get_args(RetrievalMethod), description="rows of the table"
    )
    scoring: ScoringSection = Field(ScoringSection(), description="The draws of the methods of information")
    diffitm: DiffitmSection = Field(DiffitmSection(), description="The methods diffitm and hardneg_diffitm")
    table: RetrievalTableSection = Field(RetrievalTableSection(), description="How scores become accuracies")
