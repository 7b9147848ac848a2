"""Stable Diffusion 3 and 3.5: a transformer in which image and text attend to each other, trained as a rectified flow.

The text is the tokens of two CLIP towers, side by side in channels, then those of T5; the pooled vectors of the CLIPs come
with the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import STATES, Condition
from infodecomp.models.families.family import Family
from infodecomp.models.families.stable_diffusion_xl import POOLED
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import (
    PartSettings,
    channel_problems,
    flow_problems,
    latent_problems,
    latent_side,
    side_problems,
)


class StableDiffusion3(Family):
    """Esser et al., ICML 2024. In training each tower was left out at times, its states zeros: the trained "no text".

    Its pipeline samples with the encoded empty caption, which is therefore the default. Padding is not masked, as in
    training, so that all prompts have the same number of tokens. Without T5 its tokens are zeros; a transformer that reads
    states as wide as those of its two CLIPs was trained without T5, and has no such tokens.
    """

    text_keys = "last"
    no_text = "empty"

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.denoiser = pipeline.transformer
        self.patch = int(self.denoiser.config.patch_size)
        self.largest = int(self.denoiser.config.pos_embed_max_size) * self.patch
        self.readers = [self.reader()]
        self.reader("_2")
        self.t5_tokens = kind.tokens["tokenizer_3"] if _leaves_room_for_t5(pipeline) else 0
        if pipeline.text_encoder_3 is not None:
            self.readers.append(self.reader("_3"))
            self.t5_tokens = self.readers[-1].limit
        side = latent_side(self.denoiser.config, "transformer")
        self.latent_shape = (self.denoiser.config.in_channels, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from flow_problems(settings.scheduler)
        yield from latent_problems(settings["vae"])
        yield from channel_problems("transformer", settings)
        yield from side_problems("transformer", settings)

    @staticmethod
    def is_recorded(layer: str) -> bool:
        # `attn2` of some blocks is the image's attention to itself.
        return layer.startswith("transformer_blocks.") and layer.endswith(".attn")

    def encoded(self, prompt: str) -> Condition:
        states, _, pooled, _ = self.pipeline.encode_prompt(
            prompt,
            None,
            None,
            device=self.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.t5_tokens,
        )
        return Condition({STATES: states[0], POOLED: pooled[0]})

    def nothing(self) -> Condition:
        return Condition({name: torch.zeros_like(tensor) for name, tensor in self.encoded("").tensors.items()})

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        answer: torch.Tensor = denoiser(
            given,
            encoder_hidden_states=condition.states,
            pooled_projections=condition.tensors[POOLED],
            timestep=time,
        ).sample
        return answer


def _leaves_room_for_t5(pipeline: Any) -> bool:
    """Whether the transformer reads wider states than those of its CLIPs."""
    clips = pipeline.text_encoder.config.hidden_size + pipeline.text_encoder_2.config.hidden_size
    return bool(pipeline.transformer.config.joint_attention_dim > clips)
