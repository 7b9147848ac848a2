"""A trained denoiser on a device, which whoever calls it need not know."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.representation.decoders import CodeDenoiser


@dataclass(frozen=True)
class OnDevice:
    """A trained denoiser on a device, for tensors on the CPU; it follows `infodecomp.estimator.denoiser.Denoiser`."""

    denoiser: CodeDenoiser
    device: str

    @property
    def logsnr_range(self) -> tuple[float, float]:
        """The noise levels that it was trained on."""
        return self.denoiser.logsnr_range

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ (B, C, h, w), on the CPU."""
        with torch.inference_mode():
            moved = condition.to(self.device, torch.float32)
            return self.denoiser(x_alpha.to(self.device), logsnr.to(self.device, torch.float32), moved).cpu()
