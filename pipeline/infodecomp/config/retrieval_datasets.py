"""Sets of images with true and false captions: a class for pairs of captions, and one for captions and their shuffles."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from infodecomp.config.section import SETTLED, Section

RETRIEVAL_FILE = r"\.(json|parquet)$"


class RetrievalSource(Section):
    """What the cases of a set are made from; a stage that parses this gets the class of the kind."""

    kind: Literal["vg_relation", "vg_attribution", "coco_order", "flickr30k_order"] = Field(
        description="ARO set whose format it has"
    )
    file: str = Field(
        pattern=RETRIEVAL_FILE,
        examples=["data/aro/visual_genome_relation.json"],
        description=".json of ARO or Karpathy, or a .parquet mirror with its images",
    )
    images: str | None = Field(None, min_length=1, description="image folder of a .json (null: .parquet mirror)")
    first: int | None = Field(None, ge=1, description="use only the first N cases (null: all)")


class PairRetrievalSource(RetrievalSource):
    """Kinds `vg_relation` and `vg_attribution`: a true caption and one with two things or attributes exchanged."""

    kind: Literal["vg_relation", "vg_attribution"] = Field(description="pairs of captions")


class OrderRetrievalSource(RetrievalSource):
    """Kinds `coco_order` and `flickr30k_order`: a true caption and shuffles of its words."""

    kind: Literal["coco_order", "flickr30k_order"] = Field(description="a caption and shuffles of its words")
    tagger: str | None = Field(
        None,
        min_length=1,
        description="word classes for the shuffles of a .json: `scenes` or a spaCy pipeline",
    )
    max_words: int = Field(30, ge=1, description="cut captions to N words")


AnyRetrievalSource = Annotated[PairRetrievalSource | OrderRetrievalSource, Field(discriminator="kind")]


class RetrievalDatasetSection(RetrievalSource):
    """A set: its source, and what a study does with it, on which no case depends."""

    minimum_group: int = Field(
        1, ge=1, description="leave relations or attribute pairs with fewer cases out of macro accuracy"
    )
    shards: int | None = Field(None, ge=1, le=700, description="jobs of this set (null: `shards` of the study)")

    @property
    def source(self) -> RetrievalSource:
        """What its cases are made from, alone."""
        return self.part(next(one for one in get_args(get_args(AnyRetrievalSource)[0]) if isinstance(self, one)))


class PairRetrievalDataset(PairRetrievalSource, RetrievalDatasetSection):
    """Kinds `vg_relation` and `vg_attribution`: a true caption and one with two things or attributes exchanged."""


class OrderRetrievalDataset(OrderRetrievalSource, RetrievalDatasetSection):
    """Kinds `coco_order` and `flickr30k_order`: a true caption and shuffles of its words."""

    minimum_group: Annotated[Literal[1], SETTLED] = Field(1, description="its cases have no groups")


RetrievalDataset = Annotated[PairRetrievalDataset | OrderRetrievalDataset, Field(discriminator="kind")]
