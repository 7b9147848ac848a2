"""FLUX.1: a transformer in which the tokens of T5 and those of the image, 2 x 2 cells each, attend to each other; a
rectified flow.

The pooled vector of a CLIP comes with the time. `dev` was distilled to its guidance, which is an input, and `schnell` to a
few steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from infodecomp.estimator.condition import STATES, Condition
from infodecomp.models.channels import RectifiedFlow
from infodecomp.models.families.family import Family
from infodecomp.models.families.stable_diffusion_xl import POOLED
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import PartSettings, flow_problems, latent_problems, packed_problems

# No guidance: of an imitated ε̂_∅ + g·(ε̂_y − ε̂_∅), what the prompt y itself predicts.
_NO_GUIDANCE = 1.0


class Flux(Family):
    """Black Forest Labs, 2024. "No text" is the encoded empty caption. Padding is not masked, as in training.

    Its transformer does not state the size that it was trained on; the autoencoder's is taken.
    """

    text_keys = "first"
    patch = 2

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        super().__init__(pipeline, kind, device)
        self.denoiser = pipeline.transformer
        # The network itself multiplies its time.
        self.channel = RectifiedFlow()
        self.reader()
        self.readers = [self.reader("_2")]
        side = self._side(pipeline)
        self.latent_shape = (pipeline.vae.config.latent_channels, side, side)

    @classmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        yield from flow_problems(settings.scheduler)
        yield from latent_problems(settings["vae"])
        yield from packed_problems("transformer", settings)

    @staticmethod
    def is_recorded(layer: str) -> bool:
        return layer.endswith(".attn")

    def image_tokens(self, pipeline: Any) -> int:
        return int((self._side(pipeline) // self.patch) ** 2)

    @staticmethod
    def _side(pipeline: Any) -> int:
        return int(pipeline.vae.config.sample_size // pipeline.vae_scale_factor)

    def encoded(self, prompt: str) -> Condition:
        states, pooled, _ = self.pipeline.encode_prompt(
            prompt, None, device=self.device, max_sequence_length=self.readers[0].limit
        )
        return Condition({STATES: states[0], POOLED: pooled[0]})

    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        guidance = given.new_full((len(given),), _NO_GUIDANCE) if denoiser.config.guidance_embeds else None
        answer = denoiser(
            packed(given),
            encoder_hidden_states=condition.states,
            pooled_projections=condition.tensors[POOLED],
            timestep=time,
            guidance=guidance,
            img_ids=_places(given),
            txt_ids=given.new_zeros(condition.states.shape[1], 3),
        ).sample
        return unpacked(answer, given.shape[2], given.shape[3])


def packed(latents: torch.Tensor) -> torch.Tensor:
    """Latents (B, C, h, w) as tokens of 2 x 2 cells, (B, h·w/4, 4·C), a token's channels each with its four cells.

    >>> packed(torch.arange(8.0).view(1, 1, 2, 4)).tolist()
    [[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]]
    """
    apart = latents.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))  # (B, C, h/2, 2, w/2, 2)
    return apart.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpacked(tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Latents (B, C, height, width) of such tokens.

    >>> latents = torch.randn(2, 3, 4, 6)
    >>> torch.equal(unpacked(packed(latents), 4, 6), latents)
    True
    """
    apart = tokens.unflatten(2, (-1, 2, 2)).unflatten(1, (height // 2, width // 2))  # (B, h/2, w/2, C, 2, 2)
    return apart.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def _places(latents: torch.Tensor) -> torch.Tensor:
    """(0, row, column) of each token, (h·w/4, 3)."""
    rows, columns = (torch.arange(side // 2, device=latents.device) for side in latents.shape[2:])
    grid = torch.cartesian_prod(rows, columns).to(latents.dtype)
    return torch.cat([torch.zeros_like(grid[:, :1]), grid], 1)
