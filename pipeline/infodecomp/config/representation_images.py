"""The images that codes are learned from, and that they describe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infodecomp.config.section import Section, Share

ImageDatasetName = Literal["factors", "digits", "fashion_mnist", "cifar10", "ffhq", "celeba", "shapes3d", "own"]


class RepresentationImagesSection(Section):
    """The images: which dataset, how many, how large, and which are held out."""

    dataset: ImageDatasetName = Field(
        "factors",
        description="factors: 18,000 pictures, every combination of six factors; own: those of `list`",
    )
    seed: int = Field(0, ge=0, description="seed that chooses images, and holds some out from training")
    count: int | None = Field(None, ge=10, description="images to use, drawn at random (null: all)")
    size: int | None = Field(
        None, ge=8, le=256, description="side of the images in pixels (null: as published for the dataset, 32 or 64)"
    )
    held_out: Share = Field(0.1, description="share of the images held out where the dataset has no split of its own")
    list: str | None = Field(
        None,
        min_length=1,
        description="of `own`: a CSV of image, attributes and perhaps split, or a folder of Parquet files",
    )
    root: str | None = Field(
        None, min_length=1, description="of `own`: folder that the CSV's paths start from (null: the folder of the CSV)"
    )
