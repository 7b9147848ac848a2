"""Decoders of codes: networks that predict the clean image, in a folder each, and as denoisers that the estimator asks.

All take (x_α, α, states, mask), the two tensors of a condition of `representation.codes`, and have in their config.json the
widths of these, the size of images and the noise levels that they are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import STATES, Condition
from infodecomp.models.whole_weights import load_whole
from infodecomp.representation.adagn_decoder import AdagnDecoder
from infodecomp.representation.codes import MASK, nothing_known
from infodecomp.representation.patch_transformer import PatchTransformer
from infodecomp.representation.token_decoder import TokenDecoder

# By what `condition` names in the configuration.
DECODERS: dict[str, Any] = {
    "map": PatchTransformer,
    "adagn": AdagnDecoder,
    "bottleneck": partial(AdagnDecoder, bottleneck=True),
    "tokens": TokenDecoder,
}


@dataclass(frozen=True, eq=False)
class CodeDenoiser:
    """A decoder as `estimator.denoiser.Denoiser`: ε̂ = (x_α − √σ(α) x̂)/√σ(−α)."""

    decoder: torch.nn.Module

    @property
    def logsnr_range(self) -> tuple[float, float]:
        """The noise levels that the decoder was trained on."""
        config: Any = self.decoder.config
        return config.logsnr_min, config.logsnr_max

    @property
    def nothing(self) -> Condition:
        """The empty prompt: one condition, of nothing known."""
        config: Any = self.decoder.config
        return nothing_known(config.states, config.parts)

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ of noised images, (B, C, H, W)."""
        signal, noise = (amplitude[:, None, None, None] for amplitude in signal_and_noise(logsnr))
        return (x_alpha - signal * self.clean(x_alpha, logsnr, condition)) / noise

    def clean(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """x̂ of noised images, (B, C, H, W)."""
        clean: torch.Tensor = self.decoder(x_alpha, logsnr, condition.tensors[STATES], condition.tensors[MASK])
        return clean


def load_decoder(folder: Path, condition: str) -> torch.nn.Module:
    """The decoder of a folder, which is told what is known in this way (`map`, …); weights become float32.

    Raises InputError, as `models.whole_weights.load_whole` does, if the folder does not hold such a network.
    """
    kind = DECODERS[condition]
    decoder: torch.nn.Module = load_whole(kind.func if isinstance(kind, partial) else kind, folder)
    return decoder.eval().requires_grad_(False)
