"""Qwen-Image: a transformer in which the tokens of a language model and those of the image, 2 x 2 cells each, attend to each
other; a rectified flow.

The caption stands in a chat template, whose first tokens the denoiser never sees; its end is seen. The autoencoder is one of
videos, with a mean and a deviation of each channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import MASK, STATES, Condition
from infodecomp.models.channels import RectifiedFlow
from infodecomp.models.families.family import Family
from infodecomp.models.families.flux import packed, unpacked
from infodecomp.models.latent_space import LatentSpace
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import PartSettings, flow_problems
from infodecomp.models.text_reader import TextReader

# Prompts are filled up to a multiple of this, so that those of a caption and its parts share a length, and the last digits
# of a row do not depend on which prompts share its call.
_MULTIPLE = 64


class QwenImage(Family):
    """Wu et al., arXiv 2508.02324, 2025. "No text" is the encoded empty caption. Padding is masked."""

    text_keys = "first"
    patch = 2

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.latents = LatentSpace(pipeline.vae, device, frames=True)
        self.denoiser = pipeline.transformer
        # The network itself multiplies its time.
        self.channel = RectifiedFlow()
        self.readers = [
            TextReader(
                pipeline.tokenizer,
                int(pipeline.tokenizer_max_length),
                template=pipeline.prompt_template_encode,
                dropped=int(pipeline.prompt_template_encode_start_idx),
            )
        ]
        side = int(pipeline.default_sample_size)
        self.latent_shape = (pipeline.vae.config.z_dim, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from flow_problems(settings.scheduler)
        read, channels = settings["transformer"]["in_channels"], settings["vae"]["z_dim"]
        if read != 4 * channels:
            yield (
                f"transformer/config.json → in_channels is {read}, but 2 x 2 cells of the autoencoder's latents have "
                f"{4 * channels} channels: it also reads another picture; name a model that reads text alone"
            )

    @staticmethod
    def is_recorded(layer: str) -> bool:
        return layer.endswith(".attn")

    def image_tokens(self, pipeline: Any) -> int:
        return int((pipeline.default_sample_size // self.patch) ** 2)

    def encoded(self, prompt: str) -> Condition:
        states = self.pipeline.encode_prompt([prompt], device=self.device)[0][0]
        count = len(states)
        filling = -count % _MULTIPLE
        mask = torch.arange(count + filling, device=states.device) < count
        return Condition({STATES: torch.nn.functional.pad(states, (0, 0, 0, filling)), MASK: mask})

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        height, width = given.shape[2:]
        answer = denoiser(
            packed(given),
            encoder_hidden_states=condition.states,
            encoder_hidden_states_mask=condition.tensors[MASK],
            timestep=time,
            img_shapes=[[(1, height // 2, width // 2)]] * len(given),
        ).sample
        return unpacked(answer, height, width)
