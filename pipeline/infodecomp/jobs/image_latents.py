"""The images of a job as the model sees them: files read ahead of the model, and encoded as latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from infodecomp.config import ModelSection
from infodecomp.models.protocol import DiffusionModel
from infodecomp.pictures.images import Resize, crop_image, fit_image, image_array, load_image
from infodecomp.pictures.orientation import AS_STORED
from infodecomp.runs.errors import InputError
from infodecomp.runs.prefetch import prefetched
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob, Shard


def read_pixels(path: Path, side: int, resize: Resize, crop: str = "", orientation: int = AS_STORED) -> torch.Tensor:
    """The pixels of an image file as a model takes them, float32 (1, 3, side, side) in [-1, 1].

    crop: as `pictures.images.crop_image` reads it. orientation: as for `pictures.images.load_image`. Raises InputError if
    the file cannot be read.
    """
    image = fit_image(crop_image(load_image(path, orientation), crop), (side, side), resize)
    return torch.from_numpy(image_array(image))[None]


def _whole(_: ImageJob) -> str:
    """The crop of a job that takes its whole image."""
    return ""


@dataclass(frozen=True)
class ImageLatents:
    """Reads and encodes the images of a shard.

    seed: of the study, for latents that are drawn (`model → latents: sample`). image_range: the range of pixel values that
    the autoencoder is given, `signed` for [-1, 1] or `unit` for [0, 1].
    """

    shard: Shard
    model: DiffusionModel
    settings: ModelSection
    seed: int
    image_range: str

    def latents(
        self, jobs: Iterable[ImageJob], crop: Callable[[ImageJob], str] = _whole
    ) -> Iterator[tuple[ImageJob, torch.Tensor]]:
        """Each job with the latent of its image, float32 (C, h, w); arguments and failures as for `pictures`."""
        for job, picture in self.pictures(jobs, crop):
            yield job, self.latent_of(job, picture)

    def pictures(
        self, jobs: Iterable[ImageJob], crop: Callable[[ImageJob], str] = _whole
    ) -> Iterator[tuple[ImageJob, torch.Tensor]]:
        """Each job with the pixels of its image, float32 (1, 3, H, W) in [-1, 1], read while the model works.

        The cases of an image that cannot be read fail, and its job is left out. crop: the part of a job's image to take,
        as `pictures.images.crop_image` reads it; empty: all of it.
        """

        def read(job: ImageJob) -> torch.Tensor | InputError:
            path = self.shard.images / job.image_path
            try:
                return read_pixels(path, self.model.image_size, self.settings.resize, crop(job), job.orientation)
            except InputError as error:
                return error

        for job, picture in prefetched(read, jobs):
            if isinstance(picture, torch.Tensor):
                yield job, picture
                continue
            for case in job.cases:
                self.shard.fail(case, "image_unreadable", str(picture))

    def latent_of(self, job: ImageJob, picture: torch.Tensor) -> torch.Tensor:
        """The latent (C, h, w) of a picture."""
        pixels = (picture + 1) / 2 if self.image_range == "unit" else picture
        return self.model.encode_pixels(pixels, self.posterior(job.image_id))

    def posterior(self, image_id: str) -> np.random.Generator | None:
        """The generator with which an image's latent is drawn; None: its mean is taken."""
        return generator(self.seed, image_id, "latent") if self.settings.latents == "sample" else None
