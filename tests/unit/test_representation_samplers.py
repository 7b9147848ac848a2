"""Samplers with the exact denoiser of a world of twelve images: what they make are images of it, and those of their code."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.representation.codes import factor_condition, nothing_known
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.interpolation import great_circle, quarter_turn, traversed
from infodecomp.representation.samplers import (
    Sampler,
    even_levels,
    initial_noise,
    move,
    published_levels,
    two_phase,
)
from infodecomp.representation.samples import nearest_images, reconstruction_scores, sample_scores
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator

SHAPE = (2, 4, 4)
LEVELS = (3, 4)
TABLE = torch.tensor([[a, b] for a in range(3) for b in range(4)])
LOGSNRS = even_levels(60, -8.0, 6.0)


@pytest.fixture(scope="module")
def world() -> FiniteWorld:
    images = torch.rand(12, *SHAPE, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    return FiniteWorld(images, TABLE)


@dataclass
class Exact:
    """The denoiser of a world whose condition is its known factors; it notes at which levels it was asked, and of what."""

    world: FiniteWorld
    logsnr_range: tuple[float, float] = (-float("inf"), float("inf"))
    asked: list[float] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    def __call__(self, x: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.asked.append(float(logsnr[0]))
        self.conditions.append(condition)
        signal, noise = (amplitude.view(-1, 1, 1, 1).float() for amplitude in signal_and_noise(logsnr))
        hot = factor_condition(self.world.attributes, torch.ones(2), LEVELS).states
        known = condition.states @ hot.T - condition.tensors["mask"].sum(1, keepdim=True)
        weights = self.world.log_weights(x, logsnr.float()) + 1e4 * known
        return (x - signal * self.world.mean(weights.softmax(1))) / noise


def known(numbers: torch.Tensor, *mask: float) -> Condition:
    return factor_condition(TABLE[numbers], torch.tensor(mask), LEVELS)


def rngs(count: int) -> list[np.random.Generator]:
    return [generator(0, sample, "samples") for sample in range(count)]


NOTHING = nothing_known(7, 2)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_are_images_of_the_world(world: FiniteWorld, eta: float) -> None:
    draws = rngs(240)
    sampler = Sampler(Exact(world), LOGSNRS, eta)
    samples = sampler.generate(initial_noise(draws, SHAPE), NOTHING.expand(240), draws)
    scores = sample_scores(
        nearest_images(world, samples), TABLE.numpy(), {"a": 3, "b": 4}, np.arange(12) < 3, threshold=0.02
    )
    assert scores.valid == 1
    assert scores.novelty == pytest.approx(0.25, abs=0.1)  # of 240 samples, the standard error is 0.03
    assert min(scores.coverage.values()) > 0.97


def test_a_code_decides_the_image(world: FiniteWorld) -> None:
    numbers, draws = torch.arange(12).repeat(2), rngs(24)
    sampler = Sampler(Exact(world), LOGSNRS)
    found = sampler.generate(initial_noise(draws, SHAPE), known(numbers, 1, 1))
    assert reconstruction_scores(world, numbers.numpy(), found, 0.02).right == 1
    found = sampler.generate(initial_noise(draws, SHAPE), known(numbers, 0, 1))
    scores = reconstruction_scores(world, numbers.numpy(), found, 0.02)
    assert scores.factors[1] == 1 and scores.factors[0] < 0.8 and scores.valid == 1


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_a_sample_depends_on_its_generator_alone(world: FiniteWorld, eta: float) -> None:
    sampler = Sampler(Exact(world), LOGSNRS, eta)

    def drawn(kept: slice) -> torch.Tensor:
        draws = rngs(6)[kept]
        return sampler.generate(initial_noise(draws, SHAPE), NOTHING.expand(len(draws)), draws)

    assert torch.allclose(drawn(slice(0, 6))[2:4], drawn(slice(2, 4)), atol=1e-5)


def test_reversed_and_generated_is_the_image(world: FiniteWorld) -> None:
    """Also without a code: then x_T alone carries the image, and it is far from noise of that image's code."""
    sampler = Sampler(Exact(world), even_levels(200, -8.0, 8.0))
    for condition in (NOTHING.expand(12), known(torch.arange(12), 1, 1)):
        noise = sampler.reverse(world.images, condition)
        assert torch.allclose(sampler.generate(noise, condition), world.images, atol=1e-3)
    other = sampler.generate(initial_noise(rngs(12), SHAPE), NOTHING.expand(12))
    assert (nearest_images(world, other).number != np.arange(12)).any()


def test_the_denoiser_is_asked_where_x_is(world: FiniteWorld) -> None:
    forward, backward = Exact(world), Exact(world)
    Sampler(forward, LOGSNRS).generate(torch.zeros(1, *SHAPE), NOTHING.expand(1))
    assert forward.asked == list(LOGSNRS)
    code = known(torch.tensor([3]), 1, 1)
    Sampler(backward, LOGSNRS).reverse(world.images[3:4], code)
    assert backward.asked == list(LOGSNRS[:0:-1])
    assert all(condition.equal(code) for condition in backward.conditions)  # never the code of a noised image


@pytest.mark.parametrize("split", [0, 20, 59])
def test_the_second_phase_has_the_code_of_the_first(world: FiniteWorld, split: int) -> None:
    first, second = Exact(world), Exact(world)
    draws, seen = rngs(16), []

    def encode(predicted: torch.Tensor) -> Condition:
        seen.append(nearest_images(world, predicted).number)
        return known(torch.from_numpy(seen[-1]), 1, 1)

    found = two_phase(
        Sampler(first, LOGSNRS), Sampler(second, LOGSNRS), split, initial_noise(draws, SHAPE), NOTHING, encode
    )
    assert (first.asked, second.asked) == (list(LOGSNRS[: split + 1]), list(LOGSNRS[split:]))
    assert all(condition.equal(NOTHING.expand(16)) for condition in first.conditions)
    assert (nearest_images(world, found).number == seen[0]).all()


def test_published_two_phase_takes_codes_of_the_prior(world: FiniteWorld) -> None:
    numbers = torch.arange(12)
    sampler = Sampler(Exact(world), LOGSNRS)
    noise = initial_noise(rngs(12), SHAPE)
    found = two_phase(sampler, sampler, 10, noise, NOTHING, known(numbers, 1, 1))
    assert (nearest_images(world, found).number == numbers.numpy()).all()


@pytest.mark.parametrize(("split", "levels"), [(60, LOGSNRS), (-1, LOGSNRS), (3, LOGSNRS[1:])])
def test_phases_that_do_not_fit(world: FiniteWorld, split: int, levels: tuple[float, ...]) -> None:
    first, second = Sampler(Exact(world), levels), Sampler(Exact(world), LOGSNRS)
    with pytest.raises(InputError, match="the split lies between 0 and their moves"):
        two_phase(first, second, split, torch.zeros(1, *SHAPE), NOTHING, NOTHING.expand(1))


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_moves_are_those_of_diffusers(eta: float) -> None:
    scheduler = DDIMScheduler(1000, 1e-5, 1e-2, clip_sample=False)
    scheduler.set_timesteps(20)
    table = published_levels(1000)[::-1]
    x, eps, noise = (torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(k)) for k in range(3))
    expected = scheduler.step(eps, 500, x, eta=eta, variance_noise=noise).prev_sample
    assert torch.allclose(move(x, eps, table[500], table[450], eta, noise), expected, atol=1e-5)
    ancestral = DDPMScheduler(1000, 1e-5, 1e-2, clip_sample=False)
    if eta == 1:
        sure = move(x, eps, table[500], table[499], eta, torch.zeros_like(x))
        mean = ancestral.step(eps, 500, x, generator=torch.Generator().manual_seed(9)).prev_sample
        added = torch.randn(x.shape, generator=torch.Generator().manual_seed(9)) * ancestral._get_variance(500).sqrt()
        assert torch.allclose(sure + added, mean, atol=1e-5)


def test_between_codes() -> None:
    first, second = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    for share in (0.0, 0.3, 1.0):
        assert float(quarter_turn(first, second, share).std()) == pytest.approx(1, abs=0.05)
        assert float(great_circle(first, second, share).norm()) == pytest.approx(4000**0.5, rel=0.03)
    for path in (quarter_turn, great_circle):
        assert torch.allclose(path(first, second, 0.0), first, atol=1e-6)
        assert torch.allclose(path(first, second, 1.0), second, atol=1e-6)
    assert torch.allclose(great_circle(first, 2 * first, 0.5), 1.5 * first)
    strips = traversed(torch.zeros(3), [-1.0, 1.0])
    assert strips.shape == (3, 2, 3) and strips.abs().sum() == 6 and strips[2, 0].tolist() == [0, 0, -1]


def test_samples_that_are_no_images(world: FiniteWorld) -> None:
    scores = sample_scores(
        nearest_images(world, torch.zeros(5, *SHAPE)), TABLE.numpy(), {"a": 3, "b": 4}, np.arange(12) < 3
    )
    assert scores.valid == 0 and np.isnan(scores.novelty) and np.isnan(list(scores.coverage.values())).all()
    assert scores.valid_error == 0
