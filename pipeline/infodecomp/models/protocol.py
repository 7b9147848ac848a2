"""What a family of text-to-image models must offer, so that everything else runs on it.

Nothing outside this package knows how a model is built: its network, scheduler, text towers and autoencoder are the
family's own. `infodecomp.models.latent_diffusion.LatentDiffusion` follows the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.models.attention import AttentionRecorder
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.ddim_schedule import DdimSchedule


class DiffusionModel(Denoiser, Protocol):
    """A text-to-image model. x is the image as its denoiser sees it, (C, h, w); tensors are float32 on the CPU.

    device: where it runs. batch_size: the most rows that its denoiser gets at once. latent_shape: (C, h, w) of the images
    that it was trained on, image_size their side in pixels. token_limit: the number of tokens that it reads of a caption.
    """

    device: torch.device
    batch_size: BatchSize
    latent_shape: tuple[int, int, int]
    image_size: int

    @property
    def token_limit(self) -> int: ...

    # The denoiser, besides `logsnr_range` and the call of every `Denoiser`.

    def predict(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """As a call, with the rows filled up to the batch size by copies of the first."""
        ...

    def differentiable(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """As a call, but differentiable: on the model's device, and all rows at once."""
        ...

    def logsnr_at(self, timesteps: torch.Tensor) -> torch.Tensor:
        """The log-SNRs at which the model was trained at these timesteps (integers, any shape), float64."""
        ...

    def ddim_schedule(self, steps: int) -> DdimSchedule:
        """The levels of noise of DDIM in `steps` steps."""
        ...

    def recording(self, *, precise: bool = False) -> AbstractContextManager[AttentionRecorder]:
        """Record cross-attention inside the `with`; precise: sums in float64."""
        ...

    @property
    def joint_attention(self) -> bool:
        """Whether the text attends to the image too."""
        ...

    def shuffled(self, rng: np.random.Generator) -> AbstractContextManager[None]:
        """Inside the `with`, the values of each weight tensor of the denoiser are shuffled by `rng`."""
        ...

    # Text.

    def encode_prompts(self, prompts: Sequence[str]) -> list[Condition]:
        """The condition of each prompt; "" is what the model was trained to read as no text."""
        ...

    def token_offsets(self, caption: str) -> list[tuple[int, int]]:
        """Character span of every token that the model reads of a caption; special tokens as (0, 0)."""
        ...

    # Images.

    def encode_pixels(self, pixels: torch.Tensor, sample: np.random.Generator | None = None) -> torch.Tensor:
        """The latent (C, h, w) of pixels (1, 3, H, W) in [-1, 1]; drawn from its posterior if `sample` is given."""
        ...

    def latent_of(self, pixels: torch.Tensor, sample: np.random.Generator | None = None) -> torch.Tensor:
        """As `encode_pixels`, but differentiable: (1, C, h, w) on the model's device."""
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] of latents (B, C, h, w)."""
        ...

    def picture_of(self, latents: torch.Tensor) -> torch.Tensor:
        """As `decode`, but differentiable: on the model's device, and not clamped to [-1, 1]."""
        ...
