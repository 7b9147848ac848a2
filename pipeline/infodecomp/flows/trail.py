"""A model's predictions of the clean image along its flow, at some log-SNRs: how an image dissolves and another forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from infodecomp.estimator.channel import clean_prediction

# Called after every denoiser call of a walk with the log-SNR of all rows, x_α and ε̂, (B, C, h, w) each.
Watch = Callable[[float, torch.Tensor, torch.Tensor], None]


class Trail:
    """Watches a walk and keeps the prediction of the denoiser call nearest to each of some log-SNRs.

    logsnrs: where predictions are kept. Of several calls at one log-SNR the last is kept: Heun's first call of a move is on
    the path, the second call of the move before only near it.
    """

    def __init__(self, logsnrs: Sequence[float]) -> None:
        self.logsnrs = logsnrs
        self._nearest: dict[float, tuple[float, torch.Tensor]] = {}

    def __call__(self, logsnr: float, x_alpha: torch.Tensor, eps_hat: torch.Tensor) -> None:
        """See a denoiser call; arguments as of `Watch`."""
        for wanted in self.logsnrs:
            distance = abs(logsnr - wanted)
            if wanted not in self._nearest or distance <= self._nearest[wanted][0]:
                self._nearest[wanted] = (distance, clean_prediction(x_alpha, logsnr, eps_hat))

    def of(self, row: int) -> torch.Tensor:
        """The predicted clean latents of a row in the order of `logsnrs`, (n, C, h, w)."""
        return torch.stack([self._nearest[wanted][1][row] for wanted in self.logsnrs])
