"""The Gaussian channel of the method and its link to a diffusion model's timesteps.

x_α = √σ(α)·x + √σ(−α)·ε with ε ~ N(0, I), α the log signal-to-noise ratio and σ the sigmoid (Kong et al., ICLR 2024, §2).
"""

from __future__ import annotations

import torch


def signal_and_noise(logsnr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The two amplitudes √σ(α) and √σ(−α); any shape, dtype kept.

    >>> signal, noise = signal_and_noise(torch.tensor([0.0]))
    >>> round((signal**2 + noise**2).item(), 5)
    1.0
    """
    return torch.sigmoid(logsnr).sqrt(), torch.sigmoid(-logsnr).sqrt()


def noised(x: torch.Tensor, logsnr: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Noised image x_α, one row per draw.

    x: (C, h, w) or (B, C, h, w). logsnr: (B,). eps: (B, C, h, w). Returns (B, C, h, w).

    >>> noised(torch.ones(1, 1, 1), torch.tensor([0.0]), torch.zeros(1, 1, 1, 1)).item()
    0.7071067690849304
    """
    signal, noise = signal_and_noise(logsnr)
    return signal[:, None, None, None] * x + noise[:, None, None, None] * eps


def clean_prediction(x_alpha: torch.Tensor, logsnr: float, eps_hat: torch.Tensor) -> torch.Tensor:
    """The clean image implied by a prediction of the noise, (x_α − √σ(−α)·ε̂)/√σ(α); one shape, dtype kept.

    >>> x, eps = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 0.5)
    >>> x_alpha = noised(x, torch.tensor([2.0]), eps)
    >>> round(clean_prediction(x_alpha, 2.0, eps).item(), 5)
    1.0
    """
    signal, noise = signal_and_noise(torch.tensor(logsnr, dtype=torch.float64))
    return (x_alpha - float(noise) * eps_hat) / float(signal)


def trained_logsnr(alphas_cumprod: torch.Tensor) -> torch.Tensor:
    """The log-SNR of every timestep, logit(ᾱ_t), in the dtype of `alphas_cumprod`; decreases with t.

    >>> trained_logsnr(torch.tensor([0.5], dtype=torch.float64)).item()
    0.0
    """
    return torch.log(alphas_cumprod) - torch.log1p(-alphas_cumprod)


def nearest_timestep(logsnr: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """The timestep whose trained log-SNR is nearest to each value; the lowest if several are.

    logsnr: (B,). table: (T,) as `trained_logsnr` gives it. Returns int64 (B,).

    >>> nearest_timestep(torch.tensor([0.9, -3.0]), torch.tensor([2.0, 1.0, -1.0])).tolist()
    [1, 2]
    """
    return (logsnr[:, None].to(table.dtype) - table[None, :]).abs().argmin(1)
