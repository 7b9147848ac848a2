"""Train the denoiser of the embedded model on scenes drawn on the fly.

Workers average their gradients after each step, so that two single-thread processes use two cores without the waits of
threaded kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.config.settings import TrainScenesUnet
from infodecomp.scenes.captions import BINDING, training_prompt
from infodecomp.scenes.model import build_scheduler, build_unet
from infodecomp.scenes.world import BINDING_KIND_SHARES, KIND_SHARES, sample_scene, scene_rng
from infodecomp.training.batches import (
    Batch,
    Sample,
    collate,
    draw_level,
    draw_noise,
    noised_latents,
    predicted_noise,
    sample_numbers,
    training_logsnr,
)
from infodecomp.training.cycles import CYCLES, Cycle, cycle_of
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.state import train
from infodecomp.training.workers import Worker


@dataclass(frozen=True)
class Recipe:
    """How the denoiser is trained. Learning rates are peaks, of which each cycle uses a share."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    text_learning_rate: float
    ema: float
    bind_from: int  # between these two steps most scenes hold two things and most captions say which is where
    bind_until: int
    hide_padding: float  # share of prompts whose end and padding tokens are hidden, so that words are read at all
    silence: float  # share of prompts left empty where the scene is plain to see, so that the denoiser learns to look
    cycles: tuple[Cycle, ...] = CYCLES

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


class BatchMaker:
    """Draws batches; every random choice of sample k comes from the stream of scene k."""

    def __init__(self, recipe: Recipe, tokenizer: CLIPTokenizer) -> None:
        self.recipe, self.tokenizer = recipe, tokenizer
        self.logsnr = training_logsnr()

    def batch(self, step: int, rank: int, ranks: int) -> Batch:
        """The share of worker `rank` in the batch of a step."""
        numbers = sample_numbers(step, self.recipe.batch, rank, ranks)
        samples = [self._sample(step, number) for number in numbers]
        return collate(samples, numbers, self.tokenizer, self.recipe.hide_padding)

    def _sample(self, step: int, number: int) -> Sample:
        binding = self.recipe.bind_from <= step < self.recipe.bind_until
        cycle = cycle_of(step, self.recipe.steps, self.recipe.cycles)
        rng = scene_rng(self.recipe.seed, "train", number)
        scene = sample_scene(rng, shares=BINDING_KIND_SHARES if binding else KIND_SHARES)
        position = draw_level(rng, self.logsnr, cycle.focus)
        silent = rng.random() < self._silence(position, cycle) and not binding
        prompt = "" if silent else training_prompt(scene, rng, BINDING if binding else cycle.prompts)
        return Sample(scene, position, prompt, draw_noise(rng))

    def _silence(self, position: int, cycle: Cycle) -> float:
        """Chance that a prompt is left empty outside of the binding phase; it rises smoothly around `plain`.

        A denoiser that always has the caption at hand need not recognise anything. It then gains from a word even where
        an exact model would not, and its information exceeds what a word can carry, −ln p(word). Binding, though, is
        learnt from captions of things in plain sight.
        """
        return self.recipe.silence / (1 + math.exp(2 * (cycle.plain - self.logsnr[position])))


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
