"""Keys of the images that codes are learned from, which conflict with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infodecomp.config.problems import Problem
from infodecomp.config.representation_images import RepresentationImagesSection

_IMAGES = ("representation", "images")


def image_problems(images: RepresentationImagesSection) -> Iterator[Problem]:
    """One's own images need a list, and no other dataset has one."""
    own, path = images.dataset == "own", (*_IMAGES, "list")
    if own and images.list is None:
        matter = (
            "is null; allowed is a CSV of images and attributes, or a folder of Parquet files, because `dataset` is own"
        )
        yield Problem(path, matter, path, "my_images.csv")
    for key in ("list", "root"):
        value = getattr(images, key)
        if not own and value is not None:
            matter = f"is {json.dumps(value)}; allowed is null, because `dataset` is {images.dataset}, not own"
            yield Problem((*_IMAGES, key), matter, (*_IMAGES, "dataset"), "own")
