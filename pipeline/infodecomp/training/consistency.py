"""Train the denoiser so that its prediction for a shorter prompt is the mean of its predictions for longer ones.

If the caption z of a scene says all that a prompt y says of it, an exact denoiser satisfies

    ε̂(x_α|y) = E[ ε̂(x_α|z) | x_α, y ].

A trained one does so only roughly: without a word it extracts less from the picture than it could, so the word seems to
add what the picture already shows. A lone noun is then credited with more than −ln p(y), and a noun implied by its
adjective with more than nothing. The remedy is regression. The denoiser trained so far, ε̄, is held fixed; its
prediction for the fullest caption of a scene is the target of the learning denoiser's prediction for a shorter prompt:

    L = ‖ ε̂(x_α|y) − ε̄(x_α|z) ‖² / d.

The noise itself as target would have the same mean, but a thousand times the variance of a word's effect. At log-SNRs
above a cycle's `plain`, where the picture shows what its caption says, z is the empty caption, the only one that ε̄ was
trained with there at length; in the last cycle `plain` is 1.25. An observer who knows all of a scene but its noun
confuses it with the likeliest other noun with probability Φ(−½ e^{α/2} ‖Δx‖), where Δx is the change of the latent: 6 %
at log-SNR −1, 1.4 % at 0, 0.05 % at 1.25 (60 scenes of one thing). An exact denoiser would therefore need no noun
there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.config.settings import TrainScenesConsistency
from infodecomp.scenes.captions import (
    CONSISTENT,
    describe,
    fullest_caption,
    lose_noun,
    training_prompt,
    with_article,
)
from infodecomp.scenes.model import build_scheduler
from infodecomp.scenes.swaps import plain_caption
from infodecomp.scenes.world import Scene, sample_scene, scene_rng
from infodecomp.training.batches import (
    Batch,
    Sample,
    collate,
    draw_level,
    draw_noise,
    noised_latents,
    predicted_noise,
    sample_numbers,
    token_ids,
    training_logsnr,
)
from infodecomp.training.cycles import Pace, cycle_of
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.recorded_denoiser import RecordedDenoiser
from infodecomp.training.state import train
from infodecomp.training.workers import Worker

FOCUSED = 0.85
# Added to the seed of the recipe, so that these scenes are others than those that the denoiser has learnt from.
STREAM = 3_000_000_019


@dataclass(frozen=True)
class ConsistencyCycle(Pace):
    """A cycle in which most noise levels, `FOCUSED` of them, lie between two log-SNRs.

    plain: log-SNR above which the teacher reads nothing.
    """

    between: tuple[float, float]
    plain: float


# First where words carry most information; then where a picture shows most of it; then where it shows the nouns.
CYCLES = (
    ConsistencyCycle(share=40, rate=1.0, hold=0.0, warm_up=100, between=(-1.5, 2.5), plain=2.5),
    ConsistencyCycle(share=15, rate=0.5, hold=0.0, warm_up=100, between=(0.0, 5.0), plain=2.5),
    ConsistencyCycle(share=11, rate=1.0, hold=0.0, warm_up=100, between=(-0.5, 3.0), plain=1.25),
)


@dataclass(frozen=True)
class ConsistencyRecipe:
    """How the denoiser is made consistent. The learning rate is a peak, of which each cycle uses a share."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    ema: float
    hide_padding: float
    cycles: tuple[ConsistencyCycle, ...] = CYCLES

    @classmethod
    def of(cls, settings: TrainScenesConsistency) -> ConsistencyRecipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(
            seed=settings.seed,
            steps=settings.training.steps,
            batch=settings.training.batch,
            learning_rate=settings.training.learning_rate,
            ema=settings.training.ema,
            hide_padding=settings.training.hide_padding,
        )


def new_state(recipe: ConsistencyRecipe, unet: UNet2DConditionModel, text: CLIPTextModel) -> DenoiserState:
    """The denoiser as trained so far; the text tower stays as it is."""
    optimizer = torch.optim.AdamW(
        [{"params": list(unet.parameters()), "scale": recipe.learning_rate}], betas=(0.9, 0.99), weight_decay=0.0
    )
    return DenoiserState(unet, text.requires_grad_(False), optimizer)


@dataclass(frozen=True)
class TaughtBatch:
    """What the denoiser is asked, and the same with the captions that its teacher reads."""

    asked: Batch
    taught: Batch


class TaughtBatches:
    """Draws batches; every random choice of sample k comes from the stream of scene k."""

    def __init__(self, recipe: ConsistencyRecipe, tokenizer: CLIPTokenizer) -> None:
        self.recipe, self.tokenizer = recipe, tokenizer
        self.logsnr = training_logsnr()

    def batch(self, step: int, rank: int, ranks: int) -> TaughtBatch:
        """The share of worker `rank` in the batch of a step."""
        numbers = sample_numbers(step, self.recipe.batch, rank, ranks)
        samples, captions = zip(*(self._sample(step, number) for number in numbers), strict=True)
        asked = collate(samples, numbers, self.tokenizer, self.recipe.hide_padding)
        told = token_ids(self.tokenizer, list(captions))
        return TaughtBatch(asked, replace(asked, ids=told, readable=torch.ones_like(told, dtype=torch.bool)))

    def _sample(self, step: int, number: int) -> tuple[Sample, str]:
        """What the denoiser is asked, and the caption that its teacher reads."""
        cycle = cycle_of(step, self.recipe.steps, self.recipe.cycles)
        rng = scene_rng(STREAM + self.recipe.seed, "train", number)
        scene = sample_scene(rng)
        position = draw_level(rng, self.logsnr, FOCUSED, cycle.between)
        fullest = fullest_caption(scene, rng)
        prompt = asked_prompt(scene, fullest, rng)
        caption = "" if self.logsnr[position] > cycle.plain else fullest
        return Sample(scene, position, prompt, draw_noise(rng)), caption


def asked_prompt(scene: Scene, fullest: str, rng: np.random.Generator) -> str:
    """A prompt that says no more than the fullest caption; a tenth of them are that caption, so that it is retained.

    A phrase loses its noun as often whatever the scene, or its loss would reveal the number of things.
    """
    chance = rng.random()
    if chance < 0.1:
        return fullest
    if chance < 0.3:
        thing = scene.things[rng.integers(len(scene.things))]
        phrase = with_article(describe(thing, adjective=True, size=bool(rng.random() < 0.2)))
        told = plain_caption(scene) if scene.kind == "pair" and rng.random() < 0.7 else phrase
        return told if rng.random() < 0.4 else lose_noun(told, scene, rng)
    return training_prompt(scene, rng, CONSISTENT)


def consistency_loss(
    state: DenoiserState,
    teacher: UNet2DConditionModel | RecordedDenoiser,
    vae: AutoencoderTiny,
    batch: TaughtBatch,
    alphas: torch.Tensor,
) -> torch.Tensor:
    """‖ε̂(x_α|y) − ε̄(x_α|z)‖² / d, the mean over the batch."""
    noisy = noised_latents(batch.asked, vae, alphas)
    with torch.no_grad():
        target = predicted_noise(teacher, state.text, noisy, batch.taught)
    return (predicted_noise(state.denoiser, state.text, noisy, batch.asked) - target).square().mean()


def train_consistency(
    recipe: ConsistencyRecipe,
    state: DenoiserState,
    teacher: UNet2DConditionModel,
    vae: AutoencoderTiny,
    batches: TaughtBatches,
    *,
    worker: Worker,
    report: Callable[[DenoiserState, float], None],
) -> None:
    """Train from `state.step` to `recipe.steps`; `report(state, mean loss)` is called on every worker after each step."""
    alphas, fixed = build_scheduler().alphas_cumprod, RecordedDenoiser(teacher)
    train(
        state,
        lambda step: batches.batch(step, worker.rank, worker.ranks),
        lambda batch: consistency_loss(state, fixed, vae, batch, alphas),
        steps=recipe.steps,
        cycles=recipe.cycles,
        ema=recipe.ema,
        worker=worker,
        report=report,
    )


def frozen_copy(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """The teacher: the denoiser as it is now, never to change."""
    teacher: UNet2DConditionModel = copy.deepcopy(unet).requires_grad_(False)
    return teacher
