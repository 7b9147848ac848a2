"""Pairs of words of a caption."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from infodecomp.config.section import Section

Redundancy = Literal["ppid", "min", "ccs"]
WordPrior = Literal["corpus", "uniform"]
PairKind = Literal["noun+noun", "adjective+noun"]


class PairLimitsSection(Section):
    """The most word pairs; those beyond are left out, and counted."""

    per_caption: int | None = Field(300, ge=1, description="of a caption, those of its first words (null: all)")
    per_dataset: int | None = Field(100_000, ge=1, description="of a dataset, those of its first captions (null: all)")


class PairSelectionSection(Section):
    """Which words of a caption are paired."""

    kinds: Annotated[tuple[PairKind, ...], Field(min_length=1)] = Field(
        get_args(PairKind), description="kinds of word pairs; an adjective pairs with the noun it precedes"
    )
    tagger: str | None = Field(
        "scenes", min_length=1, description="word classes: `scenes` or a spaCy pipeline (null: the words of the cases)"
    )
    list: str | None = Field(
        None, min_length=1, description="CSV of first, second (and kind, caption, …): pairs to use instead"
    )
    captions: int | None = Field(13, ge=1, description="use only the first N captions with a pair (null: all)")
    limits: PairLimitsSection = Field(PairLimitsSection(), description="The most word pairs that are made")
    join: str = Field("and", description="joins two nouns that are apart in the caption to one prompt")


class PairSamplingSection(Section):
    """How many draws a word pair takes."""

    steps: int = Field(6, ge=1, description="draws of each replicate")
    replicates: int = Field(4, ge=2, description="independent runs, from which standard errors are computed")


class PairsSection(Section):
    """Partial information decomposition of two words of a caption, sampled as in `information`."""

    redundancy: Redundancy = Field(
        "ppid", description="redundancy: specificity minus ambiguity, minimum, or common change"
    )
    map_redundancy: Redundancy = Field("min", description="redundancy of maps: the method `unique`, and the page")
    word_prior: WordPrior = Field(
        "corpus", description="ppid: probability of a word: its frequency in the captions, or uniform"
    )
    shards: int | None = Field(1, ge=1, le=700, description="jobs of each dataset (null: those of the dataset)")
    selection: PairSelectionSection = Field(PairSelectionSection(), description="Which words of a caption are paired")
    sampling: PairSamplingSection = Field(
        PairSamplingSection(), description="Independent runs, from which standard errors are computed"
    )
