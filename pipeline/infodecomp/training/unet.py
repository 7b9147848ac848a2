"""Train the denoiser of the embedded model on scenes drawn on the fly.

Workers average their gradients after each step, so that two single-thread processes use two cores without the waits of
threaded kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTextModel

from infodecomp.config.settings import TrainScenesUnet
from infodecomp.scenes.model import build_scheduler, build_unet
from infodecomp.training.batches import Batch, noised_latents, predicted_noise
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.scene_batches import BatchMaker, BatchRecipe
from infodecomp.training.state import train
from infodecomp.training.workers import Worker


@dataclass(frozen=True, kw_only=True)
class Recipe(BatchRecipe):
    """How the denoiser is trained. Learning rates are peaks, of which each cycle uses a share."""

    learning_rate: float
    text_learning_rate: float
    ema: float

    @classmethod
    def of(cls, settings: TrainScenesUnet) -> Recipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(
            seed=settings.seed,
            steps=settings.training.steps,
            batch=settings.training.batch,
            learning_rate=settings.training.learning_rate,
            text_learning_rate=settings.training.text_learning_rate,
            ema=settings.training.ema,
            bind_from=settings.training.bind_from,
            bind_until=settings.training.bind_until,
            hide_padding=settings.training.hide_padding,
            silence=settings.training.silence,
        )


def new_state(recipe: Recipe, text: CLIPTextModel, device: str = "cpu") -> DenoiserState:
    """Fresh networks; the text tower continues from its pre-training."""
    torch.manual_seed(recipe.seed)
    unet = build_unet().to(device)
    text = text.to(device)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(unet.parameters()), "scale": recipe.learning_rate},
            {"params": list(text.parameters()), "scale": recipe.text_learning_rate},
        ],
        betas=(0.9, 0.99),
        weight_decay=1e-4,
    )
    return DenoiserState(unet, text, optimizer)


def denoising_loss(state: DenoiserState, vae: AutoencoderTiny, batch: Batch, alphas: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the predicted noise, ‖ε − ε̂(√ᾱ x + √(1−ᾱ) ε | prompt)‖² / d."""
    noisy = noised_latents(batch, vae, alphas)
    return (predicted_noise(state.denoiser, state.text, noisy, batch) - batch.eps.to(noisy.device)).square().mean()


def train_unet(
    recipe: Recipe,
    state: DenoiserState,
    vae: AutoencoderTiny,
    batches: BatchMaker,
    *,
    worker: Worker,
    report: Callable[[DenoiserState, float], None],
) -> None:
    """Train from `state.step` to `recipe.steps`; `report(state, mean loss)` is called on every worker after each step."""
    alphas = build_scheduler().alphas_cumprod
    train(
        state,
        lambda step: batches.batch(step, worker.rank, worker.ranks),
        lambda batch: denoising_loss(state, vae, batch, alphas),
        steps=recipe.steps,
        cycles=recipe.cycles,
        ema=recipe.ema,
        worker=worker,
        report=report,
    )
