"""What estimating the words of images needs: a model, images as latents, captions as conditions and tokens, and a seed.

A job of the workflow (`ModelJob`) offers it for a shard of cases, `infodecomp.Explainer` for pictures at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import torch

from infodecomp.jobs.caption_tokens import CaptionTokens
from infodecomp.models.protocol import DiffusionModel
from infodecomp.runs.shards import ImageJob


class Latents(Protocol):
    """Images as latents."""

    def latents(self, jobs: Iterable[ImageJob]) -> Iterator[tuple[ImageJob, torch.Tensor]]:
        """Each job with the latent of its image, float32 (C, h, w); images that cannot be read are left out."""
        ...


class ModelInputs(Protocol):
    """seed: of all draws. pilot: the density.json of an adaptive density, None for any other."""

    @property
    def model(self) -> DiffusionModel: ...
    @property
    def images(self) -> Latents: ...
    @property
    def captions(self) -> CaptionTokens: ...
    @property
    def seed(self) -> int: ...
    @property
    def pilot(self) -> Path | None: ...
