"""The work of one stage on one dataset, counted from its cases before anything runs: denoiser evaluations and bytes.

Every wing counts its own stages in its `work.py`, beside the code that it counts; `infodecomp.study.work` joins them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from infodecomp.config import Config
from infodecomp.pictures.animations import LONGEST

# Bytes that an array in a compressed npz file takes for its name, type and shape, beside its numbers.
ARRAY_BYTES = 190

# Bytes of a compressed float64.
FLOAT64_BYTES = 7.0

# Bytes of a compressed number of a map, which is rounded (2.6 at 64x64 cells, 3.5 at 16x16), and of a latent, which is not.
_MAP_NUMBER, _LATENT_NUMBER = 3.0, 3.7

# Bytes a pixel of a photograph as PNG, and of a moving picture of sixteen frames as WebP.
_PNG_BYTES, _MOVING_BYTES = 1.7, 5.3


@dataclass(frozen=True)
class Bytes:
    """What a stage writes: a fixed number of bytes, and how many maps, latents, pictures and moving pictures.

    The size of the latter depends on the model.
    """

    fixed: float = 0
    maps: int = 0
    latents: int = 0
    pictures: int = 0
    moving: int = 0

    def total(self, latent_shape: tuple[int, int, int], image_size: int) -> float:
        """Bytes for a model whose latents are (C, h, w) and whose images are `image_size` pixels a side."""
        channels, height, width = latent_shape
        maps = self.maps * (height * width * _MAP_NUMBER + ARRAY_BYTES)
        latents = self.latents * (channels * height * width * _LATENT_NUMBER + ARRAY_BYTES)
        pictures = (
            self.pictures * image_size**2 * _PNG_BYTES + self.moving * min(image_size, LONGEST) ** 2 * _MOVING_BYTES
        )
        return self.fixed + maps + latents + pictures


@dataclass(frozen=True)
class Work:
    """One stage on one dataset.

    evaluations: rows that the denoiser sees; recorded: those of them whose attention is recorded, which take longer.
    at_most: the stage may end before all of them are done, in a race or where maps are known. timed: which speed its hours
    follow from; "" is that of the study's model.
    """

    dataset: str
    stage: str
    cases: int
    images: int
    jobs: int
    evaluations: int
    recorded: int
    leaves: Bytes
    at_most: bool = False
    timed: str = ""

    @classmethod
    def of(
        cls,
        config: Config,
        dataset: str,
        stage: str,
        cases: pd.DataFrame,
        evaluations: int,
        leaves: Bytes,
        *,
        recorded: int = 0,
        at_most: bool = False,
    ) -> Work:
        """Of these cases, in as many jobs as the dataset has shards."""
        images = int(cases["image_id"].nunique())
        jobs = config.shards_of(dataset)
        return cls(dataset, stage, len(cases), images, jobs, evaluations, recorded, leaves, at_most)


def usable(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with status "ok": the only ones that cost anything."""
    return cases[cases["status"] == "ok"]


def by_image(cases: pd.DataFrame) -> Iterator[list[Any]]:
    """The cases of each image, as named tuples."""
    for _, rows in cases.groupby("image_id", sort=False):
        yield list(rows.itertuples(index=False))


def walks(cases: pd.DataFrame) -> int:
    """Number of different captions of images: a model walks once for each, whatever the number of words."""
    return len(cases[["image_id", "prompt_full"]].drop_duplicates())
