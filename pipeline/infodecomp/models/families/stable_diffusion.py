"""Stable Diffusion 1 and 2, their fine-tunes, and the embedded model: a U-Net that reads the states of one CLIP tower."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import is_recorded
from infodecomp.models.families.family import Family
from infodecomp.models.learned_tokens import check_learned_tokens
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import (
    PartSettings,
    channel_problems,
    latent_problems,
    latent_side,
    schedule_problems,
    side_problems,
    text_only_problems,
)


class StableDiffusion(Family):
    """Rombach et al., CVPR 2022. "No text" is the encoded empty caption, as in training."""

    text_keys = "alone"
    unet = True
    patch = 1

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.denoiser = pipeline.unet
        self.readers = [self.reader()]
        check_learned_tokens(pipeline.tokenizer.added_tokens_encoder, "tokenizer")
        side = latent_side(self.denoiser.config)
        self.latent_shape = (self.denoiser.config.in_channels, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from schedule_problems(settings.scheduler)
        yield from latent_problems(settings["vae"])
        yield from channel_problems("unet", settings)
        yield from text_only_problems(settings)
        yield from side_problems("unet", settings)

    @staticmethod
    def is_recorded(layer: str) -> bool:
        return is_recorded(layer)

    def encoded(self, prompt: str) -> Condition:
        return Condition.of(self.pipeline.encode_prompt(prompt, self.device, 1, False)[0][0])

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        answer: torch.Tensor = denoiser(given, time, encoder_hidden_states=condition.states).sample
        return answer
