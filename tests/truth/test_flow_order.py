"""The probability flow of Gaussians and their mixture, whose way from image to noise is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from infodecomp.estimator.condition import Condition
from infodecomp.flows.karras import KarrasPath, Solver
from tests.truth.problems import MixtureProblem, planar_mixture

RANGE = (-5.364, 7.069)  # log-SNR on which Stable Diffusion is trained
MOVES = (20, 40, 80, 160)


@pytest.fixture(scope="module")
def problem() -> MixtureProblem:
    mixture = planar_mixture()
    return replace(mixture, denoiser=replace(mixture.denoiser, logsnr_range=RANGE))


@pytest.fixture(scope="module")
def batch(problem: MixtureProblem) -> tuple[torch.Tensor, Condition, list[int]]:
    """Twelve points (12, 1, 1, 2), a prompt for each, and the components that they came from.

    The first six have the prompt that knows nothing, the others the one that names their component.
    """
    rng = np.random.default_rng(0)
    points, components = zip(*(problem.sample(rng) for _ in range(12)), strict=True)
    prompts = [problem.unknown if row < 6 else problem.label(components[row]) for row in range(12)]
    return torch.stack(points), Condition.stack(prompts), list(components)


@pytest.fixture(scope="module")
def noise(problem: MixtureProblem, batch: tuple[torch.Tensor, Condition, list[int]]) -> torch.Tensor:
    """Where the flow takes the points: by an adaptive solver of order 8, which does not share code with ours."""
    x, prompts, _ = batch

    def slope(sigma: float, flat: np.ndarray) -> np.ndarray:
        scaled = torch.from_numpy(flat).view_as(x) / math.sqrt(1 + sigma**2)
        logsnr = torch.full((len(x),), -2 * math.log(sigma), dtype=torch.float64)
        return problem.denoiser(scaled, logsnr, prompts).numpy().ravel()

    ends = [math.exp(-logsnr / 2) for logsnr in reversed(RANGE)]
    solution = solve_ivp(slope, ends, x.numpy().ravel(), method="DOP853", rtol=1e-10, atol=1e-12, t_eval=ends[1:])
    return torch.from_numpy(solution.y[:, -1]).view_as(x)


def order(error: Callable[[KarrasPath], torch.Tensor], problem: MixtureProblem, solver: Solver) -> float:
    """p of error ~ n^−p, fitted to the root mean square error over the numbers of moves n."""
    paths = [KarrasPath(problem.denoiser, solver, moves + 1) for moves in MOVES]
    errors = [float(error(path).square().mean().sqrt()) for path in paths]
    return -float(np.polyfit(np.log(MOVES), np.log(errors), 1)[0])


def test_the_flow_of_a_gaussian_is_known(
    problem: MixtureProblem, batch: tuple[torch.Tensor, Condition, list[int]], noise: torch.Tensor
) -> None:
    """x_k ~ N(μ, Σ + σ²I) at every σ, and along each axis of Σ the flow keeps the number of standard deviations."""
    x, _, components = batch
    low, high = (math.exp(-logsnr / 2) for logsnr in reversed(RANGE))
    for row in range(6, 12):
        mean, covariance = (a[components[row]] for a in (problem.denoiser.means, problem.denoiser.covariances))
        values, vectors = torch.linalg.eigh(covariance)
        scale = ((values + high**2) / (values + low**2)).sqrt()
        expected = mean + vectors @ (scale * (vectors.T @ (x[row].flatten() - mean)))
        assert torch.allclose(noise[row].flatten(), expected, atol=1e-7)
        walked = KarrasPath(problem.denoiser, "heun", 201).reverse(x[row : row + 1], batch[1][row : row + 1])
        assert torch.allclose(walked.flatten(), expected, atol=1e-2)


@pytest.mark.parametrize(("solver", "expected"), [("euler", 1), ("heun", 2)])
def test_each_way_has_the_order_of_its_solver(
    problem: MixtureProblem,
    batch: tuple[torch.Tensor, Condition, list[int]],
    noise: torch.Tensor,
    solver: Solver,
    expected: int,
) -> None:
    x, prompts, _ = batch
    assert order(lambda path: path.reverse(x, prompts) - noise, problem, solver) == pytest.approx(expected, abs=0.3)
    assert order(lambda path: path.generate(noise, prompts) - x, problem, solver) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(("solver", "expected"), [("euler", 1), ("heun", 3)])
def test_there_and_back_returns_to_the_start(
    problem: MixtureProblem,
    batch: tuple[torch.Tensor, Condition, list[int]],
    solver: Solver,
    expected: int,
) -> None:
    """Heun's leading error of one way, even in the move, is undone on the way back: one order is gained."""
    x, prompts, _ = batch

    def error(path: KarrasPath) -> torch.Tensor:
        return path.generate(path.reverse(x, prompts), prompts) - x

    assert order(error, problem, solver) == pytest.approx(expected, abs=0.3)
    assert error(KarrasPath(problem.denoiser, "heun", 100)).abs().max() < 1e-4


def test_another_prompt_leads_elsewhere(
    problem: MixtureProblem, batch: tuple[torch.Tensor, Condition, list[int]], noise: torch.Tensor
) -> None:
    """Points of a component end near another one when generated with its name."""
    x, _, components = batch
    others = [(component + 1) % 3 for component in components]
    labels = Condition.stack([problem.label(component) for component in others])
    edited = KarrasPath(problem.denoiser, "heun", 50).generate(noise, labels)
    assert bool((problem.denoiser.log_density(edited, labels) > problem.denoiser.log_density(x, labels))[6:].all())


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_other_rows_of_a_batch_do_not_change_a_trajectory(
    problem: MixtureProblem, batch: tuple[torch.Tensor, Condition, list[int]], solver: Solver
) -> None:
    x, prompts, _ = batch
    path = KarrasPath(problem.denoiser, solver, 20)
    together = path.generate(path.reverse(x, prompts), prompts)
    for rows in ([0], [11], [7, 2, 5]):
        apart = path.generate(path.reverse(x[rows], prompts[rows]), prompts[rows])
        assert torch.allclose(apart, together[rows], rtol=0, atol=1e-12)
