"""Training of the embedded model: it learns, it can stop and go on, and several workers do what one does."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTokenizer

from infodecomp.scenes.captions import GENERAL, MAX_TOKENS, REFINING
from infodecomp.scenes.model import build_autoencoder, build_scheduler, build_text_encoder, build_tokenizer
from infodecomp.scenes.parsing import ADJECTIVES, PLACES, SIDES
from infodecomp.scenes.world import CATEGORIES
from infodecomp.training.autoencoder import pictures, psnr, train_autoencoder
from infodecomp.training.batches import FOCUS, draw_level, readable_tokens, training_logsnr
from infodecomp.training.cycles import CYCLES, Cycle, cycle_of, cycle_starts, learning_rate_factor
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.samples import CAPTIONS, sample_sheet
from infodecomp.training.scene_batches import BatchMaker
from infodecomp.training.state import load_checkpoint, save_checkpoint, use_averages
from infodecomp.training.text import caption_targets, save_text, train_text
from infodecomp.training.unet import Recipe, denoising_loss, new_state, train_unet
from infodecomp.training.workers import ALONE, Worker

FIRST = Cycle(share=1, rate=1.0, hold=0.5, warm_up=200, focus=0.6, plain=1.0, prompts=GENERAL)

RECIPE = Recipe(
    seed=0,
    steps=6,
    batch=2,
    learning_rate=1e-3,
    text_learning_rate=2e-4,
    ema=0.999,
    bind_from=4,
    bind_until=100,
    hide_padding=0.5,
    silence=0.8,
    cycles=(FIRST,),
)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


@pytest.fixture(scope="module")
def vae() -> AutoencoderTiny:
    torch.manual_seed(0)
    return build_autoencoder(pictures(0, "train", 0, 30))


@pytest.fixture(scope="module")
def batches(tokenizer: CLIPTokenizer) -> BatchMaker:
    return BatchMaker(RECIPE, tokenizer)


def fresh(tokenizer: CLIPTokenizer, recipe: Recipe = RECIPE) -> DenoiserState:
    torch.manual_seed(1)
    return new_state(recipe, build_text_encoder(tokenizer))


def train(state: DenoiserState, vae: AutoencoderTiny, batches: BatchMaker) -> list[float]:
    losses: list[float] = []
    train_unet(RECIPE, state, vae, batches, worker=ALONE, report=lambda state, loss: losses.append(loss))
    return losses


def test_targets_stand_on_the_tokens_of_the_nouns() -> None:
    targets = caption_targets(["a red dog left of a teddy bear", "snow", "a zebra on the grass"])
    dog, bear, zebra = (CATEGORIES.index(name) for name in ("dog", "teddy bear", "zebra"))
    left, right, none = SIDES.index("left"), SIDES.index("right"), len(SIDES)
    category = torch.full((3, MAX_TOKENS), -100)
    category[0, 3], category[0, 8], category[2, 2] = dog, bear, zebra  # after the start token
    assert torch.equal(targets["category"], category)
    assert targets["adjective"][0, [3, 8]].tolist() == [ADJECTIVES.index("red"), len(ADJECTIVES)]
    assert targets["side"][0, [3, 8]].tolist() == [left, right] and targets["side"][2, 2] == none
    assert targets["end_category"][0].tolist()[left] == dog and targets["end_category"][0].tolist()[right] == bear
    assert set(targets["end_category"][1].tolist()) == {len(CATEGORIES)}
    assert targets["end_category"][2].tolist() == [len(CATEGORIES)] * len(SIDES) + [zebra]
    assert targets["end_place"].tolist() == [len(PLACES), PLACES.index("snow"), PLACES.index("grass")]
    assert targets["last_noun"].tolist() == [8, 0, 2]


def test_the_text_tower_learns(tmp_path: Path) -> None:
    losses: list[float] = []
    tower, tokenizer = train_text(seed=0, steps=12, batch=16, report=lambda step, loss: losses.append(loss))
    assert len(losses) == 12 and np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.85 * losses[0]
    save_text(tmp_path, tower, tokenizer)
    assert (tmp_path / "text_encoder" / "model.safetensors").is_file()
    assert CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")("a dog").input_ids == tokenizer("a dog").input_ids


def test_text_training_repeats() -> None:
    runs: list[list[float]] = []
    for _ in range(2):
        losses: list[float] = []
        train_text(seed=3, steps=2, batch=4, report=lambda step, loss, kept=losses: kept.append(loss))
        runs.append(losses)
    assert runs[0] == runs[1]


def test_the_decoder_learns_and_the_encoder_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infodecomp.training.autoencoder.PATCH_SCENES", 30)
    losses: list[float] = []
    trained = train_autoencoder(seed=0, steps=24, batch=2, report=lambda step, loss: losses.append(loss))
    assert len(losses) == 24 and np.isfinite(losses).all()
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:3])
    plain = build_autoencoder(pictures(0, "train", 0, 30))
    for name, weight in plain.encoder.state_dict().items():
        assert torch.equal(trained.encoder.state_dict()[name], weight)
    assert not any(parameter.requires_grad for parameter in trained.parameters())
    assert psnr(trained, pictures(0, "validation", 0, 4)) > psnr(plain, pictures(0, "validation", 0, 4))


def test_batches_depend_on_the_sample_numbers_only(batches: BatchMaker) -> None:
    whole = batches.batch(2, 0, 1)
    parts = [batches.batch(2, rank, 2) for rank in range(2)]
    assert whole.pictures.shape == (2, 64, 64, 3) and whole.eps.shape == (2, 8, 16, 16)
    assert whole.ids.shape == whole.readable.shape == (2, MAX_TOKENS)
    for name in ("pictures", "eps", "timesteps", "ids", "readable"):
        both = torch.stack([getattr(part, name) for part in parts], 1).flatten(0, 1)
        assert torch.equal(both, getattr(whole, name))
    assert not torch.equal(batches.batch(3, 0, 1).eps, whole.eps)
    assert int(whole.timesteps.min()) >= 0 and int(whole.timesteps.max()) < 1000


def test_binding_begins_and_ends_at_its_steps(batches: BatchMaker) -> None:
    """Sample k is scene k throughout; between the two steps, its kind and prompt follow the other shares."""
    never = BatchMaker(replace(RECIPE, bind_from=0, bind_until=0), batches.tokenizer)
    ended = BatchMaker(replace(RECIPE, bind_until=6), batches.tokenizer)
    for step in (3, 6, 7):
        assert torch.equal(ended.batch(step, 0, 1).ids, never.batch(step, 0, 1).ids)
    late = BatchMaker(replace(RECIPE, bind_from=9), batches.tokenizer)
    early, same = (maker.batch(3, 0, 1) for maker in (batches, late))
    assert torch.equal(early.ids, same.ids) and torch.equal(early.pictures, same.pictures)
    bound = [torch.equal(batches.batch(step, 0, 1).ids, late.batch(step, 0, 1).ids) for step in range(4, 9)]
    assert not all(bound)
    assert torch.equal(batches.batch(9, 0, 1).ids, late.batch(9, 0, 1).ids)


def test_timesteps_lean_towards_the_focus() -> None:
    logsnr = torch.logit(build_scheduler().alphas_cumprod.double()).numpy()
    rng = np.random.default_rng(0)
    count = 2000
    for focus in (0.0, 0.6, 1.0):
        drawn = logsnr[[999 - draw_level(rng, training_logsnr(), focus) for _ in range(count)]]
        inside = np.mean((drawn > FOCUS[0]) & (drawn < FOCUS[1]))
        length = (FOCUS[1] - FOCUS[0]) / (logsnr[0] - logsnr[-1])
        expected = focus + (1 - focus) * length
        assert abs(inside - expected) < 0.02 + 4 * np.sqrt(expected * (1 - expected) / count)
        if focus < 1:
            assert drawn.min() < -5 and drawn.max() > 6.5  # the whole schedule is covered


def test_prompts_fall_silent_where_the_scene_is_plain_to_see(batches: BatchMaker, tokenizer: CLIPTokenizer) -> None:
    assert batches._silence(0, FIRST) < 1e-3
    assert batches._silence(int(np.searchsorted(batches.logsnr, FIRST.plain)), FIRST) == pytest.approx(0.4, abs=0.01)
    assert batches._silence(999, FIRST) == pytest.approx(0.8, abs=1e-3)
    always = BatchMaker(replace(RECIPE, silence=1.0, batch=60), tokenizer)
    never = BatchMaker(replace(RECIPE, silence=0.0, batch=60), tokenizer)
    silenced, spoken = always.batch(0, 0, 1), never.batch(0, 0, 1)
    assert torch.equal(silenced.timesteps, spoken.timesteps)
    logsnr = torch.logit(build_scheduler().alphas_cumprod.double())[silenced.timesteps]
    empty, empty_anyway = ((b.ids[:, 1] == tokenizer.eos_token_id) for b in (silenced, spoken))
    assert empty[logsnr > FIRST.plain + 3].all() and int((logsnr > FIRST.plain + 3).sum()) > 3
    assert torch.equal(silenced.ids[~empty], spoken.ids[~empty])
    assert float(empty_anyway.float().mean()) < 0.35


def test_padding_is_hidden_in_its_share_but_never_a_word(tokenizer: CLIPTokenizer) -> None:
    prompts = ["a red dog", "", "dog", "two people"] * 50
    ids = tokenizer(prompts, padding="max_length", return_tensors="pt").input_ids
    readable = readable_tokens(ids, tokenizer.eos_token_id, range(200), RECIPE.hide_padding)
    words = ids != tokenizer.eos_token_id
    assert readable[words].all()
    assert readable[:, :2].all()  # the start token, and the first token of even an empty prompt
    hidden = ~readable[:, -1]
    assert abs(float(hidden.float().mean()) - 0.5) < 0.02
    assert torch.equal(~readable[hidden], ~words[hidden] & (torch.arange(MAX_TOKENS) > 1))
    assert readable[~hidden].all()


def test_the_learning_rate_rises_stays_and_falls() -> None:
    once = partial(learning_rate_factor, steps=1000, cycles=(replace(FIRST, hold=0.7),))
    assert once(0) == pytest.approx(1 / 200) and once(99) == pytest.approx(0.5)
    assert once(300) == once(699) == 1
    assert once(850) == pytest.approx(0.5) and once(999) == pytest.approx(1 / 300)


def test_in_another_cycle_the_learning_rate_rises_again_to_its_share() -> None:
    first = replace(FIRST, hold=0.7)
    cycles = (first, replace(FIRST, share=2, rate=0.4, hold=0.0))
    assert cycle_starts(3000, cycles) == [0, 1000, 3000]
    twice = partial(learning_rate_factor, steps=3000, cycles=cycles)
    assert [twice(step) for step in range(1000)] == [learning_rate_factor(k, 1000, (first,)) for k in range(1000)]
    assert twice(1000) == pytest.approx(0.4 / 200) and twice(1099) == pytest.approx(0.2)
    assert 0.35 < max(twice(step) for step in range(1000, 3000)) <= 0.4
    assert twice(2000) == pytest.approx(0.2) and twice(2999) == pytest.approx(0.4 / 2000)


def test_the_cycles_of_the_recipe_divide_any_number_of_steps() -> None:
    assert cycle_starts(29000, CYCLES) == [0, 18000, 27000, 29000]
    for steps in (1, 2, 3, 7, 100):
        starts = cycle_starts(steps, CYCLES)
        assert starts == sorted(starts) and (starts[0], starts[-1]) == (0, steps)
        assert all(learning_rate_factor(step, steps, CYCLES) > 0 for step in range(steps))
    assert [cycle_of(step, 29000, CYCLES) for step in (0, 17999, 18000, 26999, 27000, 28999)] == [
        one for one in CYCLES for _ in range(2)
    ]


def test_a_cycle_changes_what_is_asked_but_not_what_is_drawn(tokenizer: CLIPTokenizer) -> None:
    """In the second cycle levels lie in FOCUS more often, prompts are shorter, and more fall silent."""
    second = Cycle(share=1, rate=0.5, hold=0.0, warm_up=200, focus=0.9, plain=0.5, prompts=REFINING)
    one = BatchMaker(replace(RECIPE, batch=300, steps=2, bind_until=0), tokenizer)
    two = BatchMaker(replace(one.recipe, cycles=(FIRST, second)), tokenizer)
    assert torch.equal(one.batch(0, 0, 1).ids, two.batch(0, 0, 1).ids)
    before, after = (maker.batch(1, 0, 1) for maker in (one, two))
    assert torch.equal(before.pictures, after.pictures)
    logsnr = torch.logit(build_scheduler().alphas_cumprod.double())

    def share_in_focus(timesteps: torch.Tensor) -> float:
        drawn = logsnr[timesteps]
        return float(((drawn > FOCUS[0]) & (drawn < FOCUS[1])).double().mean())

    assert share_in_focus(after.timesteps) > share_in_focus(before.timesteps) + 0.08
    words = [(made.ids != tokenizer.eos_token_id).sum(1).double().mean() for made in (before, after)]
    assert words[1] < words[0]
    middle = int(np.searchsorted(one.logsnr, FIRST.plain))
    assert one._silence(middle, second) > one._silence(middle, FIRST) + 0.1


def test_stopping_and_going_on_is_as_if_it_had_not_stopped(
    tokenizer: CLIPTokenizer, vae: AutoencoderTiny, batches: BatchMaker, tmp_path: Path
) -> None:
    straight = fresh(tokenizer)
    losses = train(straight, vae, batches)
    assert len(losses) == 6 and np.isfinite(losses).all()

    class Killed(Exception):
        pass

    def kill(state: DenoiserState, loss: float) -> None:
        if state.step == 3:
            save_checkpoint(state, tmp_path)
            raise Killed

    with pytest.raises(Killed):
        train_unet(RECIPE, fresh(tokenizer), vae, batches, worker=ALONE, report=kill)
    continued = fresh(tokenizer)
    load_checkpoint(continued, tmp_path)
    assert continued.step == 3
    assert train(continued, vae, batches) == losses[3:]
    for name, parameter in straight.parameters().items():
        assert torch.equal(parameter, continued.parameters()[name]), name
        assert torch.equal(straight.averages[name], continued.averages[name]), name
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_the_denoiser_learns_a_batch(tokenizer: CLIPTokenizer, vae: AutoencoderTiny, batches: BatchMaker) -> None:
    """Five steps on one and the same batch lower its loss; the averages follow the weights."""
    recipe = replace(RECIPE, steps=5)
    state = fresh(tokenizer, recipe)
    one = batches.batch(0, 0, 1)

    class Same:
        def batch(self, step: int, rank: int, ranks: int) -> object:
            return one

    before = {name: parameter.detach().clone() for name, parameter in state.parameters().items()}
    monotone: list[float] = []
    train_unet(recipe, state, vae, Same(), worker=ALONE, report=lambda state, loss: monotone.append(loss))  # type: ignore[arg-type]
    assert np.isfinite(monotone).all() and monotone[-1] < monotone[0]
    moved = [name for name, parameter in state.parameters().items() if not torch.equal(parameter, before[name])]
    assert len(moved) == len(before)  # both networks learn, every weight of them
    name = "unet.conv_out.weight"
    assert not torch.equal(state.averages[name], state.parameters()[name])
    use_averages(state)
    assert torch.equal(state.averages[name], state.parameters()[name])


def test_workers_average_to_what_one_does(tokenizer: CLIPTokenizer, vae: AutoencoderTiny, batches: BatchMaker) -> None:
    """The mean of the gradients of ranks 0 and 1 of 2 is the gradient of rank 0 of 1."""
    state = fresh(tokenizer)
    alphas = build_scheduler().alphas_cumprod

    def gradients(rank: int, ranks: int) -> dict[str, torch.Tensor]:
        state.unet.zero_grad()
        state.text.zero_grad()
        denoising_loss(state, vae, batches.batch(0, rank, ranks), alphas).backward()
        return {name: p.grad.clone() for name, p in state.parameters().items() if p.grad is not None}

    whole = gradients(0, 1)
    halves = [gradients(rank, 2) for rank in range(2)]
    largest = max(float(gradient.abs().max()) for gradient in whole.values())
    assert largest > 0 and any(name.startswith("text.") for name in whole)
    for name, gradient in whole.items():
        mean = (halves[0][name] + halves[1][name]) / 2
        assert (mean - gradient).abs().max() < 1e-5 * largest, name


def test_a_sheet_of_samples(tokenizer: CLIPTokenizer, vae: AutoencoderTiny) -> None:
    state = fresh(tokenizer)
    sheet = sample_sheet(state.unet, state.text, tokenizer, vae, steps=2)
    assert sheet.shape == (64, 64 * len(CAPTIONS), 3) and sheet.dtype == np.uint8
    assert np.array_equal(sheet, sample_sheet(state.unet, state.text, tokenizer, vae, steps=2))


def test_what_others_draw_ahead_is_what_one_draws_itself(
    tokenizer: CLIPTokenizer, vae: AutoencoderTiny, batches: BatchMaker
) -> None:
    """Two processes draw for the one that trains: the same batches in the same order, and so the same weights."""
    alone = fresh(tokenizer)
    losses = train(alone, vae, batches)
    ahead, served = fresh(tokenizer), Worker(rank=0, ranks=1, device="cpu", drawing=2)
    found: list[float] = []
    train_unet(RECIPE, ahead, vae, batches, worker=served, report=lambda state, loss: found.append(loss))
    assert found == losses


@pytest.mark.gpu
def test_a_recorded_denoiser_learns_as_the_denoiser_itself(
    tokenizer: CLIPTokenizer, vae: AutoencoderTiny, batches: BatchMaker
) -> None:
    """On a GPU the second call replays the first: losses and gradients are those of the UNet, with other inputs too."""
    device, alphas = "cuda", build_scheduler().alphas_cumprod
    found: list[list[torch.Tensor]] = []
    for recorded in (True, False):
        torch.manual_seed(1)
        state = new_state(RECIPE, build_text_encoder(tokenizer), device)
        if not recorded:
            state.denoiser = state.unet  # type: ignore[assignment]
        there = copy.deepcopy(vae).to(device)
        for step in range(2):
            state.unet.zero_grad()
            state.text.zero_grad()
            loss = denoising_loss(state, there, batches.batch(step, 0, 1), alphas)
            loss.backward()
        found.append([loss.detach(), *(p.grad for p in state.parameters().values() if p.grad is not None)])
    assert len(found[0]) == len(found[1]) > 100
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-5 * float(other.abs().max()) + 1e-9)
