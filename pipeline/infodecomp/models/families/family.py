"""What a family of pipelines says of itself; the rest is the same for all (see `infodecomp.models.latent_diffusion`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.models.channels import Channel
from infodecomp.models.latent_space import LatentSpace
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.supported_parts import PartSettings
from infodecomp.models.text_reader import TextReader
from infodecomp.models.tokenizers import read_tokens
from infodecomp.models.trained_noise import (
    TrainedNoise,
    flow_shift,
    is_flow,
    schedule_logsnr,
    scheduled_channel,
    trained_noise,
)

# What stands for no text: what the denoiser was trained to read then, or the encoded empty caption.
NoText = Literal["trained", "empty"]
# Where the text stands among the keys of a layer: alone, or before or after the image.
TextKeys = Literal["alone", "first", "last"]


class Family(ABC):
    """A pipeline, as its family reads it. Networks are on the device, and the denoiser predicts in any dtype.

    text_keys, is_recorded: see `attention`. no_text: which reading of "no text" is used unless a user chooses. unet: whether
    the denoiser is a convolutional U-Net whose cross-attention sees the text alone. latent_shape: (C, h, w) of the latents
    that it was trained on. pixels_per_cell: pixels of a picture along a cell of a latent. patch: sides of latents must be
    multiples of it, and at most `largest`. readers: how the text encoders read a caption, one after another along the states
    of a condition. channel, noise, logsnr_table, shift: see `channels` and `trained_noise`.
    """

    text_keys: ClassVar[TextKeys]
    no_text: ClassVar[NoText] = "trained"
    unet: ClassVar[bool] = False

    denoiser: Any
    channel: Channel
    noise: TrainedNoise
    latent_shape: tuple[int, int, int]
    patch: int
    largest: int | None = None
    readers: Sequence[TextReader]

    def __init__(self, pipeline: Any, kind: PipelineKind, device: torch.device) -> None:
        self.pipeline, self.kind, self.device = pipeline, kind, device
        scheduler, tokens = pipeline.scheduler, self.image_tokens(pipeline)
        self.channel = scheduled_channel(scheduler)
        self.noise = trained_noise(scheduler, tokens)
        self.shift = flow_shift(scheduler, tokens) if is_flow(scheduler) else 1.0
        self.logsnr_table = schedule_logsnr(scheduler)
        self.latents = LatentSpace(pipeline.vae.eval().requires_grad_(False), device)
        self.pixels_per_cell = int(pipeline.vae_scale_factor)

    @classmethod
    @abstractmethod
    def problems(cls, settings: PartSettings) -> Iterator[str]:
        """Each setting of a part with which the pipeline cannot be read, in words."""

    @staticmethod
    @abstractmethod
    def is_recorded(layer: str) -> bool:
        """Whether the attention of a module of the denoiser is recorded, by its name."""

    @abstractmethod
    def encoded(self, prompt: str) -> Condition:
        """The condition of a prompt, on any device and in any dtype."""

    def nothing(self) -> Condition:
        """What the denoiser was trained to read as no text."""
        return self.encoded("")

    @abstractmethod
    def output(self, denoiser: Any, given: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        """What the denoiser answers, (B, C, h, w), of the input and time that its channel gives, and a batch of prompts."""

    def image_tokens(self, pipeline: Any) -> int:
        """The tokens of an image of the trained size, on which the shift of some flows depends."""
        return 0

    def reader(self, number: str = "", *, lowered: bool = False) -> TextReader:
        """That of the tokenizer and text encoder `number`, such as `_2`, which from then on fill prompts up to its limit.

        Without a limit a tokenizer would fill a prompt up to 10³⁰ tokens.
        """
        tokenizer = getattr(self.pipeline, f"tokenizer{number}")
        encoder = getattr(self.pipeline, f"text_encoder{number}")
        limit = read_tokens(tokenizer.model_max_length, getattr(encoder.config, "max_position_embeddings", None))
        tokenizer.model_max_length = limit
        return TextReader(tokenizer, min(limit, self.kind.tokens.get(f"tokenizer{number}", limit)), lowered)
