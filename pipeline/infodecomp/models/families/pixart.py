"""PixArt-α and PixArt-Σ: a transformer whose image attends to the tokens of T5, trained by a schedule of betas.

It also predicts variances, which only its sampler uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import MASK, Condition
from infodecomp.models.families.masked_text import MaskedText
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import (
    PartSettings,
    channel_problems,
    latent_problems,
    latent_side,
    schedule_problems,
    side_problems,
)


class PixArt(MaskedText):
    """Chen et al., ICLR 2024 and ECCV 2024. Captions are read in lower case, and padding is masked.

    "No text" is the encoded empty caption.
    """

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.denoiser = pipeline.transformer
        self.patch = int(self.denoiser.config.patch_size)
        self.readers = [self.reader(lowered=True)]
        side = latent_side(self.denoiser.config, "transformer")
        self.latent_shape = (self.denoiser.config.in_channels, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from schedule_problems(settings.scheduler)
        yield from latent_problems(settings["vae"])
        yield from channel_problems("transformer", settings, variance=True)
        yield from side_problems("transformer", settings)

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        height, width = (side * self.pixels_per_cell for side in given.shape[2:])
        sizes: dict[str, torch.Tensor | None] = {"resolution": None, "aspect_ratio": None}
        if denoiser.use_additional_conditions:
            sizes["resolution"] = given.new_tensor([height, width]).expand(len(given), 2)
            sizes["aspect_ratio"] = given.new_tensor([height / width]).expand(len(given), 1)
        answer: torch.Tensor = denoiser(
            given,
            encoder_hidden_states=condition.states,
            encoder_attention_mask=condition.tensors[MASK],
            timestep=time,
            added_cond_kwargs=sizes,
        ).sample
        return answer[:, : given.shape[1]]
