"""The state of the embedded denoiser under training, with the text tower whose states it reads."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel

from infodecomp.training.recorded_denoiser import RecordedDenoiser
from infodecomp.training.state import TrainState


class DenoiserState(TrainState):
    """A UNet and its text tower under training; `denoiser` is how a step calls the UNet."""

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel, optimizer: torch.optim.AdamW) -> None:
        self.unet, self.text, self.denoiser = unet, text, RecordedDenoiser(unet)
        super().__init__({"unet": unet, "text": text}, [optimizer])
