"""A denoiser in training that a GPU replays: the embedded one is so small that launching its kernels takes longest."""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput


class _ByPosition(torch.nn.Module):
    """The denoiser with its inputs in a fixed order, as a CUDA graph needs them."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, states: torch.Tensor, readable: torch.Tensor
    ) -> torch.Tensor:
        predicted: torch.Tensor = self.unet(
            noisy, timesteps, encoder_hidden_states=states, encoder_attention_mask=readable
        ).sample
        return predicted


class RecordedDenoiser:
    """Called as the UNet is. On a GPU its first call is recorded, forwards and backwards, and every call replays it.

    All calls must have inputs of the same shapes, and the weights must stay where they are; their values may change.
    Elsewhere it is the UNet itself.
    """

    def __init__(self, unet: UNet2DConditionModel) -> None:
        self.denoise: Callable[..., torch.Tensor] = _ByPosition(unet)
        self.recorded = unet.device.type != "cuda"

    def __call__(
        self,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        *,
        encoder_hidden_states: torch.Tensor,
        encoder_attention_mask: torch.Tensor,
    ) -> UNet2DConditionOutput:
        """ε̂ of a batch."""
        inputs = (noisy, timesteps, encoder_hidden_states, encoder_attention_mask)
        if not self.recorded:
            samples = tuple(given.detach().clone().requires_grad_(given.requires_grad) for given in inputs)
            self.denoise = torch.cuda.make_graphed_callables(self.denoise, samples)  # type: ignore[assignment]
            self.recorded = True
        return UNet2DConditionOutput(sample=self.denoise(*inputs))
