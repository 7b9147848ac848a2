"""Pixel maps against a linear-Gaussian field whose information is known at every pixel."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.validation.denoisers import GaussianField
from tests.truth.problems import FieldProblem, disc_field, draw

PAIR = ("marginal", "conditional")
PUBLISHED = Interval(low=-5.0, high=7.0, loc=1.0, scale=2.0)


def run(problem: FieldProblem, steps: int, seed: int, **design: object):
    prompts = {"marginal": problem.marginal, "conditional": problem.conditional}
    draws = draw(problem.x.shape, steps, seed, **design)
    return estimate(GaussianField(), problem.x, prompts, [PAIR], draws, batch_size=256)


@pytest.mark.parametrize("antithetic_eps", [False, True])
def test_map_lies_within_its_standard_errors(antithetic_eps: bool) -> None:
    problem = disc_field(16)
    result = run(problem, 1000, 0, antithetic_eps=antithetic_eps).standard[PAIR]
    deviations = (result.map - problem.information) / result.map_error
    assert 0.8 < np.sqrt(np.mean(deviations**2)) < 1.2
    assert np.abs(deviations).max() < 5.5
    assert abs(result.total - problem.information.sum()) < 4 * result.total_error


def test_orthogonal_map_finds_the_disc() -> None:
    problem = disc_field(16)
    heat = run(problem, 50, 1).orthogonal[PAIR].map
    informed = problem.marginal.minus(problem.conditional).states[1].mean(0).numpy() > 0.1
    assert heat[informed].min() > heat[~informed].max()


@pytest.mark.parametrize("antithetic_eps", [False, True])
def test_coverage_at_pixels_and_of_the_total(antithetic_eps: bool) -> None:
    problem = disc_field(8)
    totals, pixels = [], []
    for seed in range(200):
        result = run(problem, 60, seed, antithetic_eps=antithetic_eps).standard[PAIR]
        totals.append(abs(result.total - problem.information.sum()) <= 1.96 * result.total_error)
        pixels.append(np.abs(result.map - problem.information) <= 1.96 * result.map_error)
    assert 0.90 <= np.mean(totals) <= 0.99
    assert 0.90 <= np.mean(pixels) <= 0.99


@pytest.mark.slow
def test_stratified_total_errs_a_fifth_of_independent_draws() -> None:
    """d = 16,384, 50 draws, the published range: strata remove what log-SNR explains, nearly all of the error."""
    problem = disc_field(64)
    reference = np.mean([run(problem, 400, seed, interval=PUBLISHED).standard[PAIR].total for seed in (91, 92, 93)])
    error = {
        design: np.sqrt(
            np.mean(
                [
                    (run(problem, 50, seed, design=design, interval=PUBLISHED).standard[PAIR].total - reference) ** 2
                    for seed in range(16)
                ]
            )
        )
        for design in ("iid", "stratified")
    }
    assert error["stratified"] <= error["iid"] / 5
