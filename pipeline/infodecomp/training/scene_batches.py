"""The scenes, noise levels and prompts from which a denoiser of the embedded world learns to predict noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from transformers import CLIPTokenizer

from infodecomp.scenes.captions import BINDING, training_prompt
from infodecomp.scenes.world import BINDING_KIND_SHARES, KIND_SHARES, sample_scene, scene_rng
from infodecomp.training.batches import (
    Batch,
    Sample,
    collate,
    draw_level,
    draw_noise,
    sample_numbers,
    training_logsnr,
)
from infodecomp.training.cycles import CYCLES, Cycle, cycle_of


@dataclass(frozen=True, kw_only=True)
class BatchRecipe:
    """What the batches of a training consist of."""

    seed: int
    steps: int
    batch: int
    bind_from: int  # between these two steps most scenes hold two things and most captions say which is where
    bind_until: int
    hide_padding: float  # share of prompts whose end and padding tokens are hidden, so that words are read at all
    silence: float  # share of prompts left empty where the scene is plain to see, so that the denoiser learns to look
    cycles: tuple[Cycle, ...] = CYCLES


class BatchMaker:
    """Draws batches; every random choice of sample k comes from the stream of scene k."""

    def __init__(self, recipe: BatchRecipe, tokenizer: CLIPTokenizer) -> None:
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
