"""Stable Diffusion XL and its fine-tunes: a U-Net that reads the states of two CLIP towers, side by side in channels, and
with its time the pooled vector of the second and the size of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import STATES, Condition
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
    size_embedding_problems,
)

# The tensor of a pooled text in a condition.
POOLED = "pooled"


class StableDiffusionXL(Family):
    """Podell et al., ICLR 2024. "No text" is zeros if the pipeline says so (`force_zeros_for_empty_prompt`).

    Both towers have the same tokens. A picture counts as never cropped or resized: its own size, from its corner.
    """

    text_keys = "alone"
    unet = True
    patch = 1

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.denoiser = pipeline.unet
        self.readers = [self.reader()]
        self.reader("_2")
        for number in ("", "_2"):
            check_learned_tokens(getattr(pipeline, f"tokenizer{number}").added_tokens_encoder, f"tokenizer{number}")
        side = latent_side(self.denoiser.config)
        self.latent_shape = (self.denoiser.config.in_channels, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from schedule_problems(settings.scheduler, edm=True)
        yield from latent_problems(settings["vae"])
        yield from channel_problems("unet", settings)
        yield from size_embedding_problems(settings)
        yield from side_problems("unet", settings)

    @staticmethod
    def is_recorded(layer: str) -> bool:
        return is_recorded(layer)

    def encoded(self, prompt: str) -> Condition:
        states, _, pooled, _ = self.pipeline.encode_prompt(
            prompt, device=self.device, do_classifier_free_guidance=False
        )
        return Condition({STATES: states[0], POOLED: pooled[0]})

    def nothing(self) -> Condition:
        empty = self.encoded("")
        if not self.pipeline.config.get("force_zeros_for_empty_prompt"):
            return empty
        return Condition({name: torch.zeros_like(tensor) for name, tensor in empty.tensors.items()})

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        height, width = (side * self.pixels_per_cell for side in given.shape[2:])
        sizes = given.new_tensor([height, width, 0, 0, height, width]).expand(len(given), 6)
        answer: torch.Tensor = denoiser(
            given,
            time,
            encoder_hidden_states=condition.states,
            added_cond_kwargs={"text_embeds": condition.tensors[POOLED], "time_ids": sizes},
        ).sample
        return answer
