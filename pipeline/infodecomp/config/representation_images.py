"""The images that representations are learned from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infodecomp.config.section import Section, Share

ImageSet = Literal["factors", "digits", "fashion_mnist", "cifar10", "ffhq", "celeba", "shapes3d", "own"]


class ImagePreparationSection(Section):
    """How the images of a dataset are prepared: how many, how large, and which are held out."""

    size: int | None = Field(
        None, ge=8, le=256, description="side of the images in pixels (null: as published for the dataset, 32 or 64)"
    )
    count: int | None = Field(None, ge=10, description="images to use, drawn at random (null: all)")
    held_out: Share = Field(0.1, description="share of the images held out where the dataset has no split of its own")
    list: str | None = Field(
        None,
        min_length=1,
        description="of the dataset `own`: a CSV of image, attributes and perhaps split, or a folder of Parquet files",
    )
    root: str | None = Field(
        None, min_length=1, description="folder that the CSV's paths start from (null: the folder of the CSV)"
    )
