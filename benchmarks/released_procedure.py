"""The published procedure of localisation as the released code runs it, in plain loops.

For each number of draws S there are separate runs, each with new independent draws from the truncated logistic:

- `information`: for each batch of ten images, S times: one log-SNR for the batch, one noise per image, and three prompts
  per image; for CMI the caption, the caption without the word, and the empty prompt, which CMI does not use. 3·S evaluations
  per case. MI is another such run.
- `attention_information`: for each image separately, S times: one log-SNR and noise, one call with the caption, in which the
  attention to all its tokens is recorded. S evaluations per case.
- `attention`: for each image separately, DDIM inversion and denoising in S steps each, recording in the second. 2·S
  evaluations per case.

Two choices of the released code are not reproduced, because they change the quantity but not its cost: here log-SNRs stay
within our range of integration, and all heads are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.densities import logistic_draws
from infodecomp.estimator.interval import Interval
from infodecomp.flows.ddim import Ddim
from infodecomp.models.attention import Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion

IMAGES_AT_ONCE = 10


@dataclass(frozen=True)
class Word:
    """One case: its image's latent (C, h, w), its prompts by name, and the tokens of the word in the caption."""

    latent: torch.Tensor
    prompts: dict[str, str]
    tokens: list[int]


def information(
    model: LatentDiffusion,
    words: Sequence[Word],
    names: tuple[str, str, str],
    steps: int,
    interval: Interval,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Standard and orthogonal maps, (cases, h, w) each, of the first prompt against the second."""
    standard, orthogonal = [], []
    for start in range(0, len(words), IMAGES_AT_ONCE):
        batch = words[start : start + IMAGES_AT_ONCE]
        latents = torch.stack([word.latent for word in batch])
        conditions = Condition.stack(model.encode_prompts([word.prompts[name] for name in names for word in batch]))
        sums = torch.zeros(2, len(batch), *latents.shape[2:])
        for _ in range(steps):
            logsnr, weight, eps = _draw(interval, latents.shape, rng)
            rows = noised(latents, logsnr, eps).repeat(len(names), 1, 1, 1)
            eps_hat = model(rows, logsnr.repeat(len(names)), conditions).unflatten(0, (len(names), len(batch)))
            error = (eps - eps_hat).square().sum(2)  # (prompts, B, h, w)
            gap = (eps_hat[0] - eps_hat[1]).square().sum(1)
            sums += 0.5 * weight * torch.stack([error[1] - error[0], gap])
        standard.append(sums[0] / steps)
        orthogonal.append(sums[1] / steps)
    return torch.cat(standard).numpy(), torch.cat(orthogonal).numpy()


def attention_information(
    model: LatentDiffusion, words: Sequence[Word], steps: int, interval: Interval, rng: np.random.Generator
) -> np.ndarray:
    """Attention maps (cases, h, w) over draws of noise, image after image."""
    maps = []
    for word in words:
        condition = Condition.stack(model.encode_prompts([word.prompts["full"]]))
        with model.recording() as recorder:
            for _ in range(steps):
                logsnr, _, eps = _draw(interval, (1, *word.latent.shape), rng)
                recorder.expect([_all_tokens(model)])
                model(noised(word.latent, logsnr, eps), logsnr, condition)
            maps.append(word_map(recorder.pop("all"), word.tokens, model.latent_shape[1:]))
    return np.stack(maps)


def attention(model: LatentDiffusion, words: Sequence[Word], steps: int) -> np.ndarray:
    """Attention maps (cases, h, w) of denoising after inversion, image after image."""
    path = Ddim(model, steps)
    maps = []
    for word in words:
        condition = Condition.stack(model.encode_prompts([word.prompts["full"]]))
        tap = _all_tokens(model)
        noise = path.reverse(word.latent[None], condition)
        with model.recording() as recorder:
            path.generate(noise, condition, lambda recorder=recorder, tap=tap: recorder.expect([tap]))
            maps.append(word_map(recorder.pop("all"), word.tokens, model.latent_shape[1:]))
    return np.stack(maps)


def _all_tokens(model: LatentDiffusion) -> Tap:
    return Tap(0, "all", range(model.token_limit))


def _draw(
    interval: Interval, shape: Sequence[int], rng: np.random.Generator
) -> tuple[torch.Tensor, float, torch.Tensor]:
    """One log-SNR for all images, (B,), its weight, and their noise (B, C, h, w)."""
    logsnr, weight = logistic_draws(rng.random(1), interval)
    eps = torch.from_numpy(rng.standard_normal(tuple(shape), dtype=np.float32))
    return torch.from_numpy(logsnr).float().repeat(shape[0]), float(weight[0]), eps
