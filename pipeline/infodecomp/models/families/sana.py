"""Sana: a transformer of linear attention whose image attends to the tokens of Gemma, trained as a rectified flow.

Latents are 32 times smaller than pictures, by an autoencoder without a posterior.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import MASK, Condition
from infodecomp.models.channels import RectifiedFlow
from infodecomp.models.families.masked_text import MaskedText
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import (
    PartSettings,
    channel_problems,
    flow_problems,
    latent_problems,
    latent_side,
    side_problems,
)


class Sana(MaskedText):
    """Xie et al., ICLR 2025. Captions are read in lower case, without the instruction that its pipeline can put before them.

    Padding is masked, and "no text" is the encoded empty caption.
    """

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.denoiser = pipeline.transformer
        settings = self.denoiser.config
        steps = pipeline.scheduler.config.num_train_timesteps
        self.channel = RectifiedFlow(time_factor=float(steps * settings.timestep_scale))
        self.patch = int(settings.patch_size)
        self.readers = [self.reader(lowered=True)]
        side = latent_side(settings, "transformer")
        self.latent_shape = (settings.in_channels, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from flow_problems(settings.scheduler)
        yield from latent_problems(settings["vae"])
        yield from channel_problems("transformer", settings)
        yield from side_problems("transformer", settings)

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        answer: torch.Tensor = denoiser(
            given,
            encoder_hidden_states=condition.states,
            encoder_attention_mask=condition.tensors[MASK],
            timestep=time,
        ).sample
        return answer
