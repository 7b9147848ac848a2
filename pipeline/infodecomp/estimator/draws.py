"""Draws: log-SNRs with their weights, and noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from infodecomp.estimator.noise import Noise


@dataclass(frozen=True)
class Draws:
    """Log-SNRs with importance weights and noise, shared by all prompts of one image.

    logsnr, weight: float64 (N,). eps: the noise of N draws, made when it is read. `antithetic`: draws 2k and 2k+1 share a
    log-SNR and have noise of opposite sign. `stratified`: neighbours on the log-SNR axis were drawn from neighbouring
    strata, which the standard error takes into account; `sobol`: this holds only for a power of two of them.
    """

    logsnr: torch.Tensor
    weight: torch.Tensor
    eps: Noise
    antithetic: bool = False
    stratified: bool = False
    sobol: bool = False

    @classmethod
    def held(cls, logsnr: torch.Tensor, weight: torch.Tensor, eps: torch.Tensor, **design: bool) -> Draws:
        """Draws with given noise, (N, C, h, w)."""
        return cls(logsnr, weight, Noise.held(eps), **design)

    def __len__(self) -> int:
        return len(self.logsnr)

    def first(self, count: int) -> Draws:
        """The first `count` draws."""
        return self.between(0, count)

    def between(self, start: int, stop: int) -> Draws:
        """Draws `start` … `stop` − 1."""
        kept = slice(start, stop)
        return replace(self, logsnr=self.logsnr[kept], weight=self.weight[kept], eps=self.eps.between(start, stop))

    def followed_by(self, other: Draws) -> Draws:
        """These draws and then the others, of the same design."""
        return replace(
            self,
            logsnr=torch.cat([self.logsnr, other.logsnr]),
            weight=torch.cat([self.weight, other.weight]),
            eps=self.eps.followed_by(other.eps),
        )
