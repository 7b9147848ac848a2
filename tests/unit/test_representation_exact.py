"""Exact denoisers and exact information of a finite world against enumeration in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.uncertainty import mean_of_independent
from infodecomp.representation.descriptions import CodeDescription, Description, FactorDescription, known_parts
from infodecomp.representation.exact_denoiser import ExactDenoiser
from infodecomp.representation.exact_information import exact_values, identity_values, noised_values
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.quantities import KINDS, information_pairs, prompt_names
from infodecomp.runs.seeds import generator
from tests.truth.problems import draw

COUNT, CELLS, DIMENSIONS = 12, 4, 3
COPIES = 20


def _world() -> FiniteWorld:
    rng = np.random.default_rng(4)
    images = torch.from_numpy(rng.uniform(-1, 1, (COUNT, 1, 1, CELLS))).float()
    return FiniteWorld(images, torch.tensor([[k // 4, k % 4 // 2, k % 2] for k in range(COUNT)]))


def _codes(noise: float | np.ndarray) -> CodeDescription:
    means = np.random.default_rng(5).normal(size=(COUNT, DIMENSIONS))
    return CodeDescription(torch.from_numpy(means), torch.from_numpy(np.full(means.shape, noise)))


WORLD = _world()
FACTORS = FactorDescription(WORLD.attributes, ("shape", "colour", "place"))
NOISES = np.random.default_rng(6).uniform(0.2, 1.2, (COUNT, DIMENSIONS))
DESCRIPTIONS = {"factors": FACTORS, "code": _codes(0.5), "noises": _codes(NOISES), "no noise": _codes(0.0)}


def enumerated_likelihood(description: Description, condition: Condition, known: Sequence[int]) -> np.ndarray:
    """q(z_S | x_k) for every image, one at a time."""
    likely = np.ones(COUNT)
    for k in range(COUNT):
        for j in known:
            if isinstance(description, FactorDescription):
                start = sum(description.likelihood.levels[:j])
                likely[k] *= float(condition.states[start + int(WORLD.attributes[k, j])])
            else:
                assert isinstance(description, CodeDescription)
                value, mean = float(condition.states[j]), float(description.means[k, j])
                spread = float(description.deviations[k, j])
                if spread == 0:
                    likely[k] *= abs(value - mean) < 1e-6
                else:
                    likely[k] *= math.exp(-((value - mean) ** 2) / (2 * spread**2)) / spread
    return likely


def enumerated_posterior(x_alpha: np.ndarray, logsnr: float, likely: np.ndarray) -> np.ndarray:
    """p(x_k | x_α, known) by Bayes' rule."""
    power = 1 / (1 + math.exp(-logsnr))
    images = WORLD.images.double().flatten(1).numpy()
    density = [math.exp(-((x_alpha - math.sqrt(power) * one) ** 2).sum() / (2 * (1 - power))) for one in images]
    joint = np.array(density) * likely
    return joint / joint.sum()


def subsets() -> list[tuple[int, ...]]:
    return [known for size in range(DIMENSIONS + 1) for known in combinations(range(DIMENSIONS), size)]


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_denoiser_is_the_posterior_mean_for_every_subset(name: str) -> None:
    description = DESCRIPTIONS[name]
    denoiser = ExactDenoiser(WORLD, description.likelihood)
    rng = np.random.default_rng(7)
    for logsnr in (-3.0, 0.5, 2.5):
        number = int(rng.integers(COUNT))
        power = 1 / (1 + math.exp(-logsnr))
        image = WORLD.images[number].double().flatten().numpy()
        x_alpha = math.sqrt(power) * image + math.sqrt(1 - power) * rng.standard_normal(CELLS)
        masks = torch.tensor([[float(j in known) for j in range(DIMENSIONS)] for known in subsets()])
        conditions = description.conditions([number] * len(masks), masks, seed=0)
        rows = torch.from_numpy(x_alpha).float().view(1, 1, 1, -1).expand(len(masks), -1, -1, -1)
        found = denoiser(rows, torch.full((len(masks),), logsnr), conditions).flatten(1)
        for known, condition, eps_hat in zip(subsets(), conditions, found, strict=True):
            posterior = enumerated_posterior(x_alpha, logsnr, enumerated_likelihood(description, condition, known))
            mean = posterior @ WORLD.images.double().flatten(1).numpy()
            expected = (x_alpha - math.sqrt(power) * mean) / math.sqrt(1 - power)
            assert eps_hat.numpy() == pytest.approx(expected, abs=2e-5), (known, logsnr)


def test_rows_that_share_an_image_share_its_weights() -> None:
    calls = []

    class Counting(FiniteWorld):
        def log_weights(self, x_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
            calls.append(len(x_alpha))
            return super().log_weights(x_alpha, logsnr)

    denoiser = ExactDenoiser(Counting(WORLD.images, WORLD.attributes), FACTORS.likelihood)
    x_alpha = torch.randn(3, 1, 1, CELLS, generator=torch.Generator().manual_seed(0))[[0, 0, 1, 1, 2]]
    logsnr = torch.tensor([0.0, 0.0, 1.0, 2.0, 2.0])
    conditions = FACTORS.conditions([0, 1, 2, 3, 4], torch.tensor([1.0, 0.0, 1.0]), seed=0)
    together = denoiser(x_alpha, logsnr, conditions)
    assert calls == [4]
    alone = torch.cat([denoiser(x_alpha[k : k + 1], logsnr[k : k + 1], conditions[k : k + 1]) for k in range(5)])
    assert torch.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_values_are_those_of_enumeration(name: str) -> None:
    description, numbers = DESCRIPTIONS[name], [3, 7, 8]
    found = exact_values(WORLD, description, numbers, seed=1)
    prompts = known_parts(DIMENSIONS)
    for row, number in enumerate(numbers):
        ratio = {}
        for prompt in prompts:
            known = tuple(prompt.nonzero().flatten().tolist())
            condition = description.conditions([number], prompt, seed=1)[0]
            likely = enumerated_likelihood(description, condition, known)
            ratio[known] = math.log(likely[number] / likely.mean())
            same = (WORLD.attributes == WORLD.attributes[number]).numpy()
            of_factors = [math.log(likely[same[:, j]].mean() / likely.mean()) for j in range(DIMENSIONS)]
            if known == (0, 1, 2):
                assert found.factor_whole[row] == pytest.approx(of_factors, abs=1e-5)
            if len(known) == 1:
                assert found.factor_alone[row, :, known[0]] == pytest.approx(of_factors, abs=1e-5)
        whole = ratio[0, 1, 2]
        assert found.whole[row] == pytest.approx(whole, abs=1e-5)
        assert found.alone[row] == pytest.approx([ratio[(j,)] for j in range(DIMENSIONS)], abs=1e-5)
        rests = [ratio[tuple(k for k in range(DIMENSIONS) if k != j)] for j in range(DIMENSIONS)]
        assert found.given_rest[row] == pytest.approx([whole - rest for rest in rests], abs=1e-5)
        assert found.total_correlation[row] == pytest.approx(sum(ratio[(j,)] for j in range(3)) - whole, abs=1e-5)
        assert found.dual_total_correlation[row] == pytest.approx(sum(rests) - 2 * whole, abs=1e-5)


@pytest.mark.parametrize("name", ["factors", "noises"])
def test_values_of_a_noised_image(name: str) -> None:
    description, logsnrs = DESCRIPTIONS[name], np.array([-2.0, 1.0])
    found = noised_values(WORLD, description, [5, 9], logsnrs, seed=2)
    prompts = known_parts(DIMENSIONS)
    assert found.shape == (2, 2, len(prompts))
    for row, number in enumerate((5, 9)):
        eps = generator(2, "exact", number).standard_normal((1, 1, CELLS)).flatten()
        for column, logsnr in enumerate(logsnrs):
            power = 1 / (1 + math.exp(-logsnr))
            x_alpha = math.sqrt(power) * WORLD.images[number].double().flatten().numpy() + math.sqrt(1 - power) * eps
            weights = enumerated_posterior(x_alpha, logsnr, np.ones(COUNT))
            identity = identity_values(WORLD, [number], logsnrs, seed=2)[0, column]
            assert identity == pytest.approx(math.log(weights[number] * COUNT), abs=1e-4)
            for place, prompt in enumerate(prompts):
                known = tuple(prompt.nonzero().flatten().tolist())
                condition = description.conditions([number], prompt, seed=2)[0]
                likely = enumerated_likelihood(description, condition, known)
                value = math.log((weights * likely).sum() / likely.mean())
                assert found[row, column, place] == pytest.approx(value, abs=1e-4)


def test_of_a_code_without_noise_the_value_is_its_entropy() -> None:
    description = DESCRIPTIONS["no noise"]
    found = exact_values(WORLD, description, range(COUNT), seed=0)
    assert found.whole == pytest.approx(np.full(COUNT, math.log(COUNT)))
    assert found.given_rest == pytest.approx(np.zeros((COUNT, DIMENSIONS)), abs=1e-6)
    high = noised_values(WORLD, description, range(COUNT), np.array([9.0]), seed=0)
    assert high[:, 0, 1] == pytest.approx(np.full(COUNT, math.log(COUNT)), abs=1e-4)


@pytest.mark.parametrize("name", ["factors", "code"])
def test_the_estimator_finds_the_exact_information(name: str) -> None:
    """Both estimators with the exact denoiser, over the range of the exact curve's ends, for every prompt pair."""
    description, interval = DESCRIPTIONS[name], Interval(-8.0, 8.0, 0.0, 2.0)
    numbers = np.tile(np.arange(COUNT), COPIES)
    names, masks = prompt_names(description.parts), known_parts(DIMENSIONS)
    pairs = list(information_pairs(description.parts).values())
    # Each copy of an image has its own code.
    problems = (
        Problem(
            WORLD.images[number],
            dict(zip(names, description.conditions([number] * len(masks), masks, seed=place), strict=True)),
            pairs,
            draw((1, 1, CELLS), 6, place, interval=interval),
        )
        for place, number in enumerate(numbers)
    )
    estimates = list(estimate_many(ExactDenoiser(WORLD, description.likelihood), problems, 512))
    ends = np.array([interval.low, interval.high])
    exact = np.concatenate([noised_values(WORLD, description, range(COUNT), ends, seed=seed) for seed in range(COPIES)])
    within = exact[:, 1] - exact[:, 0]  # (n, prompts)
    for kind in KINDS:
        for reference, conditioned in pairs:
            integrands = [one.integrand((reference, conditioned), kind).sum((1, 2)) for one in estimates]
            weighted = [(one.draws.weight * values).mean() for one, values in zip(estimates, integrands, strict=True)]
            mean = mean_of_independent(torch.stack(weighted))
            true = within[:, names.index(conditioned)] - within[:, names.index(reference)]
            error = math.hypot(float(mean.error), true.std() / math.sqrt(len(true)))
            assert abs(float(mean.value) - true.mean()) < 3.2 * error, (kind, reference, conditioned)
