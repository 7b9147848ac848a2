"""Train the diffusion model of codes: seconds for the codes of the embedded world."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.representation.latent_diffusion import LOGSNR_RANGE, LatentDenoiser
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator

EMA = 0.995


@dataclass(frozen=True)
class LatentDiffusionRecipe:
    """How the model of codes is trained: AdamW, the learning rate falling by half a cosine to 0."""

    seed: int
    steps: int
    batch: int
    learning_rate: float


def train_latent_denoiser(
    codes: torch.Tensor, recipe: LatentDiffusionRecipe, report: Callable[[int, float], None]
) -> LatentDenoiser:
    """Minimise E‖v − v̂‖² over log-SNRs uniform in [−8, 8]. Returns the running averages in evaluation mode.

    Args:
        codes: float32 (n, dimensions), sampled as the decoder sees them.
        recipe: seeds the weights and every draw.
        report: called with (step, loss a dimension) after each step.

    Raises InputError if a dimension is constant.
    """
    mean, spread = codes.mean(0), codes.std(0)
    if not bool((spread > 0).all()):
        dimension = int((spread <= 0).nonzero()[0])
        raise InputError(
            f"dimension {dimension} of the codes is constant ({float(mean[dimension]):.3g}); a model of the codes needs each"
            " to vary: train the encoder longer, or with fewer dimensions."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = LatentDenoiser(codes.shape[1])
    network.mean.copy_(mean)
    network.spread.copy_(spread)
    standard, rng = (codes - mean) / spread, generator(recipe.seed, "latent_diffusion", "batches")
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    parameters: list[torch.Tensor] = list(network.parameters())
    averages = [parameter.detach().clone() for parameter in parameters]
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * step / recipe.steps)) / 2
        loss = _loss(network, standard, recipe.batch, rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1 - min(EMA, (1 + step) / (10 + step)))
        report(step + 1, float(loss.detach()))
    for parameter, average in zip(parameters, averages, strict=True):
        parameter.data.copy_(average)
    return network.requires_grad_(False).eval()


def _loss(network: LatentDenoiser, codes: torch.Tensor, batch: int, rng: np.random.Generator) -> torch.Tensor:
    low, high = LOGSNR_RANGE
    z = codes[torch.from_numpy(rng.integers(len(codes), size=batch))]
    places = (np.arange(batch) + rng.random(batch)) / batch
    logsnr = torch.from_numpy(low + (high - low) * places).float()
    eps = torch.from_numpy(rng.standard_normal(z.shape, dtype=np.float32))
    signal, noise = (amplitude[:, None] for amplitude in signal_and_noise(logsnr))
    return (network.velocity(signal * z + noise * eps, logsnr) - (signal * eps - noise * z)).square().mean()
