"""The estimator against a Gaussian mixture whose information is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from tests.truth.problems import MixtureProblem, draw, planar_mixture

PAIR = ("unknown", "label")
TRAINED = Interval(low=-7.0, high=9.0, loc=1.0, scale=2.0)


@pytest.fixture(scope="module")
def problem() -> MixtureProblem:
    return planar_mixture()


def run(problem: MixtureProblem, x: torch.Tensor, component: int, steps: int, seed: int, **design: object):
    prompts = {"unknown": problem.unknown, "label": problem.label(component)}
    draws = draw(x.shape, steps, seed, **design)
    return estimate(problem.denoiser, x, prompts, [PAIR], draws, batch_size=1 << 15)


@pytest.mark.parametrize("design", ["iid", "stratified", "sobol"])
@pytest.mark.parametrize("antithetic_eps", [False, True])
def test_pointwise_information_lies_within_its_standard_error(
    problem: MixtureProblem, design: str, antithetic_eps: bool
) -> None:
    rng = np.random.default_rng(1)
    deviations = []
    for image in range(12):
        x, component = problem.sample(rng)
        result = run(problem, x, component, 2000, image, design=design, antithetic_eps=antithetic_eps).standard[PAIR]
        deviations.append((result.total - problem.information(x, component)) / result.total_error)
    # Twelve independent standard normal deviations: none beyond 4, and a sensible mean square.
    assert np.abs(deviations).max() < 4
    assert np.mean(np.square(deviations)) < 3


def test_orthogonal_and_standard_agree_on_average(problem: MixtureProblem) -> None:
    """Over x ~ p(x) both estimators, and the exact pointwise values, have the mutual information as their mean."""
    rng = np.random.default_rng(2)
    standard, orthogonal, exact = [], [], []
    for image in range(400):
        x, component = problem.sample(rng)
        result = run(problem, x, component, 40, image)
        standard.append(result.standard[PAIR].total)
        orthogonal.append(result.orthogonal[PAIR].total)
        exact.append(problem.information(x, component))
    for estimates in (standard, orthogonal):
        difference = np.subtract(estimates, exact)
        assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(len(difference))
    assert np.mean(exact) > 0.3  # the problem has information to find


def test_orthogonal_is_never_negative(problem: MixtureProblem) -> None:
    x, component = problem.sample(np.random.default_rng(3))
    assert (run(problem, x, component, 20, 0).orthogonal[PAIR].map >= 0).all()


def test_conditional_information_obeys_the_chain_rule(problem: MixtureProblem) -> None:
    """i(x; y) = i(x; c) + i(x; y|c), with c: "not the third component", exact and from one run of the estimator."""
    rng = np.random.default_rng(4)
    x, component = problem.sample(rng)
    while component == 2:
        x, component = problem.sample(rng)
    prompts = {
        "empty": problem.unknown,
        "context": problem.denoiser.prompt(0, 1, weights=problem.weights),
        "full": problem.label(component),
    }
    pairs = [("empty", "context"), ("context", "full"), ("empty", "full")]
    result = estimate(problem.denoiser, x, prompts, pairs, draw(x.shape, 2000, 5), batch_size=1 << 15)
    context, conditional, full = (result.standard[pair].total for pair in pairs)
    assert context + conditional == pytest.approx(full, abs=1e-9)
    exact = problem.denoiser.log_density(x[None], prompts["full"][None]) - problem.denoiser.log_density(
        x[None], prompts["context"][None]
    )
    assert abs(conditional - float(exact)) < 4 * result.standard["context", "full"].total_error


def test_negative_log_likelihood(problem: MixtureProblem) -> None:
    x, component = problem.sample(np.random.default_rng(6))
    # Far out, noise that no prompt explains outweighs what a narrower range cuts off (1e-3 nats).
    narrower = Interval(low=-8.0, high=10.0, loc=1.0, scale=2.0)
    result = run(problem, x, component, 20_000, 7, interval=narrower).nll
    for name, prompt in (("unknown", problem.unknown), ("label", problem.label(component))):
        exact = -float(problem.denoiser.log_density(x[None], prompt[None]))
        assert abs(result[name].total - exact) < 4 * result[name].total_error
        assert result[name].total_error < 0.2


@pytest.fixture(scope="module")
def images(problem: MixtureProblem) -> list[tuple[torch.Tensor, int, Estimate]]:
    """Ten points with their component and a long run over the trained range, which is part of what i^o means."""
    rng = np.random.default_rng(8)
    points = [problem.sample(rng) for _ in range(10)]
    return [
        (x, component, run(problem, x, component, 400_000, 10_000, antithetic_eps=True, interval=TRAINED))
        for x, component in points
    ]


@pytest.mark.parametrize("design", ["iid", "stratified"])
@pytest.mark.parametrize("antithetic_eps", [False, True])
@pytest.mark.parametrize("kind", ["standard", "orthogonal"])
def test_coverage_of_95_percent_intervals(
    problem: MixtureProblem,
    images: list[tuple[torch.Tensor, int, Estimate]],
    design: str,
    antithetic_eps: bool,
    kind: str,
) -> None:
    """The interval total ± 1.96 standard errors covers the truth in 90–99 % of 200 seeds, 20 for each of ten points.

    2,000 draws: the integrand of one point in the plane is so skewed that the mean of fifty pairs is not yet normal.
    """
    covered = 0
    for seed in range(200):
        x, component, long_run = images[seed % 10]
        settings = {"design": design, "antithetic_eps": antithetic_eps, "interval": TRAINED}
        result = getattr(run(problem, x, component, 2000, seed, **settings), kind)[PAIR]
        covered += abs(result.total - getattr(long_run, kind)[PAIR].total) <= 1.96 * result.total_error
    assert 180 <= covered <= 198
