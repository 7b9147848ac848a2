"""The levels of noise of a scheduler of diffusers: at its timesteps, and where DDIM visits them in a number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler

from infodecomp.models.trained_noise import is_edm, is_flow


@dataclass(frozen=True)
class DdimSchedule:
    """Levels of noise by timestep; ᾱ is the cumulative alpha, x_t = √ᾱ·x + √(1 − ᾱ)·ε.

    timesteps: falling, from noise to image. alpha: ᾱ at each. alpha_next: ᾱ one step closer to the image. logsnr: the
    log-SNR at each, float64. alpha_last: ᾱ at the end of the last step. Tensors are scalars.
    """

    timesteps: Sequence[int]
    alpha: Mapping[int, torch.Tensor]
    alpha_next: Mapping[int, torch.Tensor]
    logsnr: Mapping[int, torch.Tensor]
    alpha_last: float


def ddim_schedule(scheduler: Any, steps: int, logsnr_table: torch.Tensor, shift: float = 1.0) -> DdimSchedule:
    """The schedule of `steps` steps with the settings of any scheduler of diffusers.

    From a timestep without any image no noise follows, and no image; the last one before it takes its place. A scheduler
    without betas, of a flow or of EDM, has its own levels instead, of which DDIM visits evenly spaced ones, and then the
    image.

    logsnr_table: the trained log-SNR of every timestep, float64 (timesteps,). shift: of a flow, how far the visited levels
    are moved towards the noise (`trained_noise.flow_shift`).
    """
    if is_flow(scheduler) or is_edm(scheduler):
        return _without_betas(steps, logsnr_table, shift)
    ddim = DDIMScheduler.from_config(scheduler.config)
    ddim.set_timesteps(steps)
    noisiest = int(logsnr_table.isfinite().nonzero()[-1])
    visited = {int(t): min(int(t), noisiest) for t in ddim.timesteps}
    stride = ddim.config.num_train_timesteps // steps
    alphas, last = ddim.alphas_cumprod, ddim.final_alpha_cumprod
    return DdimSchedule(
        timesteps=list(dict.fromkeys(visited.values())),
        alpha={t: alphas[t] for t in visited.values()},
        alpha_next={t: alphas[asked - stride] if asked >= stride else last for asked, t in visited.items()},
        logsnr={t: logsnr_table[t] for t in visited.values()},
        alpha_last=float(last),
    )


def _without_betas(steps: int, table: torch.Tensor, shift: float) -> DdimSchedule:
    """steps levels of a table, with ᾱ = σ(α), from the noise to the image, where ᾱ = 1."""
    noisiest = int(table.isfinite().nonzero()[-1])
    times = torch.arange(steps, 0, -1, dtype=torch.float64) / steps
    places = (len(table) * shift * times / (1 + (shift - 1) * times)).round().long() - 1
    timesteps = list(dict.fromkeys(min(max(place, 0), noisiest) for place in places.tolist()))
    alphas = {t: table[t].sigmoid().float() for t in timesteps}
    following = [*[alphas[t] for t in timesteps[1:]], torch.tensor(1.0)]
    return DdimSchedule(
        timesteps=timesteps,
        alpha=alphas,
        alpha_next=dict(zip(timesteps, following, strict=True)),
        logsnr={t: table[t] for t in timesteps},
        alpha_last=1.0,
    )
