"""Consistency: prompts tell no more than the teacher's caption, the loss falls to what words really tell, runs go on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel

from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.scenes.captions import fullest_caption, lose_noun, tint_words
from infodecomp.scenes.model import build_scheduler
from infodecomp.scenes.world import BACKGROUNDS, IMPLIED, NUMBERS, plural, sample_scene, scene_rng
from infodecomp.training.batches import Batch, noised_latents, training_logsnr
from infodecomp.training.consistency import (
    CYCLES,
    STREAM,
    ConsistencyRecipe,
    TaughtBatch,
    TaughtBatches,
    asked_prompt,
    consistency_loss,
    frozen_copy,
    new_state,
    train_consistency,
)
from infodecomp.training.cycles import learning_rate_factor
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.state import load_checkpoint, save_checkpoint, use_averages
from infodecomp.training.workers import ALONE

RECIPE = ConsistencyRecipe(seed=0, steps=4, batch=4, learning_rate=1e-4, ema=0.999, hide_padding=0.5)
FIRST_STEPS = (0, 2, 3)  # of its cycles


@pytest.fixture(scope="module")
def model(repository: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(repository / "data/models/scenes"))


@pytest.fixture
def batches(model: LatentDiffusion) -> TaughtBatches:
    return TaughtBatches(RECIPE, model.pipeline.tokenizer)


def networks(model: LatentDiffusion) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """Copies to train: the model itself serves other tests."""
    unet = frozen_copy(model.denoiser).requires_grad_(True)
    return unet, model.pipeline.text_encoder


def test_the_fullest_caption_names_all_that_a_scene_shows() -> None:
    kinds = set()
    for number in range(60):
        rng = scene_rng(0, "train", number)
        scene = sample_scene(rng)
        words = f" {fullest_caption(scene, rng)} "
        kinds.add(scene.kind)
        assert f" {BACKGROUNDS[scene.background]} " in words
        for category in scene.categories:
            assert f" {plural(category) if scene.kind == 'same' else category} " in words
            assert category not in IMPLIED or f" {IMPLIED[category]} " in words
        assert all(f" {tint} " in words for tint in tint_words(scene))
        if scene.kind == "same":
            assert f" {NUMBERS[len(scene.things)]} " in words
        if scene.relation:
            assert f" {scene.relation} " in words
    assert kinds == {"one", "pair", "same"}


def test_a_noun_is_lost_and_nothing_else() -> None:
    scene = sample_scene(np.random.default_rng(3), kind="pair")
    first, second = scene.categories
    shorter = {lose_noun(f"a red {first} above a {second}", scene, np.random.default_rng(k)) for k in range(20)}
    assert shorter == {f"a red above a {second}", f"a red {first} above a"}


def test_prompts_tell_no_more_than_the_fullest_caption() -> None:
    """Each word of a prompt names something that the caption tells, whatever the wording."""
    wording = {"a", "an", "the", "and", "next", "there", "is", "_", "on", "to", "of"}
    inverse = {"left": "right", "right": "left", "above": "below", "below": "above"}
    prompts = []
    for number in range(300):
        rng = scene_rng(0, "train", number)
        scene = sample_scene(rng)
        fullest = fullest_caption(scene, rng)
        prompts.append(asked_prompt(scene, fullest, rng))
        told = {*fullest.split(), *(inverse.get(word, word) for word in fullest.split())} | wording
        told |= {
            thing.size_word for thing in scene.things if thing.size_word and scene.kind == "same"
        }  # three are small
        told |= {word for category in scene.categories for word in f"{category} {plural(category)}".split()}
        assert set(prompts[-1].split()) <= told, (prompts[-1], fullest)
    assert 0.1 < np.mean([prompt == "" for prompt in prompts]) < 0.25


def test_teachers_read_nothing_where_the_picture_is_plain(batches: TaughtBatches) -> None:
    many = TaughtBatches(replace(RECIPE, batch=60), batches.tokenizer)
    for cycle, step in zip(CYCLES, FIRST_STEPS, strict=True):
        taught = many.batch(step, 0, 1).taught
        logsnr = torch.from_numpy(training_logsnr()[999 - taught.timesteps.numpy()])
        empty = taught.ids[:, 1] == batches.tokenizer.eos_token_id
        assert torch.equal(empty, logsnr > cycle.plain)
        assert empty.any() and not empty.all() and taught.readable.all()


def test_levels_move_on_to_where_the_picture_shows_most(batches: TaughtBatches) -> None:
    cycles = [(cycle.between, step) for cycle, step in zip(CYCLES, FIRST_STEPS, strict=True)]
    many = TaughtBatches(replace(RECIPE, batch=80), batches.tokenizer)
    for (low, high), step in cycles:
        logsnr = training_logsnr()[999 - many.batch(step, 0, 1).taught.timesteps.numpy()]
        assert np.mean((logsnr > low) & (logsnr < high)) > 0.75
    assert learning_rate_factor(2, 4, CYCLES) == pytest.approx(0.5 / 100)


def test_samples_follow_from_their_numbers_alone(batches: TaughtBatches) -> None:
    whole, parts = batches.batch(1, 0, 1), [batches.batch(1, rank, 2) for rank in range(2)]
    for side in ("asked", "taught"):
        for name in ("pictures", "eps", "timesteps", "ids", "readable"):
            both = torch.stack([getattr(getattr(part, side), name) for part in parts], 1).flatten(0, 1)
            assert torch.equal(both, getattr(getattr(whole, side), name))
    scene = sample_scene(scene_rng(STREAM + RECIPE.seed, "train", 4))
    again = TaughtBatches(RECIPE, batches.tokenizer).batch(1, 0, 1)
    assert torch.equal(again.asked.eps, whole.asked.eps) and scene != sample_scene(scene_rng(RECIPE.seed, "train", 4))


def test_a_denoiser_agrees_with_itself_where_it_reads_the_same(model: LatentDiffusion, batches: TaughtBatches) -> None:
    unet, text = networks(model)
    state = new_state(RECIPE, unet, text)
    drawn = batches.batch(0, 0, 1)
    same = TaughtBatch(drawn.taught, drawn.taught)
    alphas, teacher, vae = build_scheduler().alphas_cumprod, frozen_copy(unet), model.pipeline.vae
    assert float(consistency_loss(state, teacher, vae, same, alphas).detach()) == 0
    assert float(consistency_loss(state, teacher, vae, drawn, alphas).detach()) > 0
    assert {name.split(".")[0] for name in state.parameters()} == {"unet"}  # the text tower stays


def test_the_mean_of_what_more_words_say_is_learnt(model: LatentDiffusion) -> None:
    """One noised latent, two captions, one prompt: the prediction moves to the mean of the teacher's two."""
    unet, text = networks(model)
    recipe = replace(RECIPE, steps=12, learning_rate=3e-4)
    state, teacher = new_state(recipe, unet, text), frozen_copy(unet)
    tokenizer = model.pipeline.tokenizer
    rng = np.random.default_rng(0)
    one = torch.from_numpy(rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)).expand(2, -1, -1, -1)
    eps = torch.from_numpy(rng.standard_normal((1, 8, 16, 16), dtype=np.float32)).expand(2, -1, -1, -1)

    def asked(prompts: list[str]) -> Batch:
        ids = tokenizer(prompts, padding="max_length", max_length=18, return_tensors="pt").input_ids
        return Batch(one, eps, torch.tensor([500, 500]), ids, torch.ones_like(ids, dtype=torch.bool))

    pair = TaughtBatch(asked(["", ""]), asked(["a red dog on the grass", "a blue chair on the snow"]))

    class Same:
        def batch(self, step: int, rank: int, ranks: int) -> TaughtBatch:
            return pair

    def predictions(network: UNet2DConditionModel, batch: Batch) -> torch.Tensor:
        noisy = noised_latents(batch, model.pipeline.vae, build_scheduler().alphas_cumprod)
        with torch.no_grad():
            states = text(input_ids=batch.ids).last_hidden_state
            predicted: torch.Tensor = network(noisy, 500, encoder_hidden_states=states).sample
        return predicted

    mean = predictions(teacher, pair.taught).mean(0)
    before = float((predictions(unet, pair.asked)[0] - mean).square().mean())
    losses: list[float] = []
    keep = partial(lambda kept, state, loss: kept.append(loss), losses)
    train_consistency(recipe, state, teacher, model.pipeline.vae, Same(), worker=ALONE, report=keep)  # type: ignore[arg-type]
    after = float((predictions(unet, pair.asked)[0] - mean).square().mean())
    assert after < before / 2 and losses[-1] < losses[0]
    assert torch.equal(predictions(teacher, pair.taught).mean(0), mean)


def test_a_killed_run_goes_on_as_if_it_had_not(model: LatentDiffusion, batches: TaughtBatches, tmp_path: Path) -> None:
    def fresh() -> tuple[DenoiserState, UNet2DConditionModel]:
        unet, text = networks(model)
        return new_state(RECIPE, unet, text), frozen_copy(unet)

    def trained(state: DenoiserState, teacher: UNet2DConditionModel) -> list[float]:
        losses: list[float] = []
        keep = partial(lambda kept, state, loss: kept.append(loss), losses)
        train_consistency(RECIPE, state, teacher, model.pipeline.vae, batches, worker=ALONE, report=keep)
        return losses

    class Killed(Exception):
        pass

    def kill(state: DenoiserState, loss: float) -> None:
        if state.step == 2:
            save_checkpoint(state, tmp_path)
            raise Killed

    straight, teacher = fresh()
    losses = trained(straight, teacher)
    assert len(losses) == 4 and np.isfinite(losses).all()
    stopped, teacher = fresh()
    with pytest.raises(Killed):
        train_consistency(RECIPE, stopped, teacher, model.pipeline.vae, batches, worker=ALONE, report=kill)
    continued, teacher = fresh()
    load_checkpoint(continued, tmp_path)
    assert trained(continued, teacher) == losses[2:]
    use_averages(straight)
    use_averages(continued)
    for name, parameter in straight.parameters().items():
        assert torch.equal(parameter, continued.parameters()[name]), name
