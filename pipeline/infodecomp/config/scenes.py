"""The embedded scenes."""

from __future__ import annotations

from pydantic import Field

from infodecomp.config.section import Section


class ScenesSection(Section):
    """The embedded evaluation scenes, drawn from their seed."""

    seed: int = Field(0, ge=0, description="another seed draws other scenes, never those of training")
    count: int = Field(240, ge=1, description="number of pictures")
    folder: str = Field("data/scenes", min_length=1, description="where they are written, in COCO layout")
    retrieval: int = Field(
        60, ge=1, description="cases of each embedded retrieval set (in order sets, each caption is a case)"
    )
