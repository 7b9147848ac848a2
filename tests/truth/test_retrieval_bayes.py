"""Choosing a label by i^s is Bayes' decision, as far as the standard error of the paired difference says so.

All labels are equally likely, so Bayes takes the one with the greatest log p(x|y); the reference prompt is `empty`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count, islice

import numpy as np
import pytest
import torch

from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.validation.denoisers import GaussianMixture
from tests.truth.problems import MixtureProblem, draw

LABELS = tuple(f"label {number}" for number in range(5))
PAIRS = [("empty", label) for label in LABELS] + list(combinations(LABELS, 2))
DIMENSIONS = 8
DRAWS = 200


@dataclass(frozen=True)
class Case:
    """One x with the exact log p(x|y) of every label and the estimates of one run."""

    exact: np.ndarray  # (M,)
    result: Estimate

    @property
    def information(self) -> np.ndarray:
        """i^s of every label against `empty`, (M,)."""
        return np.array([self.result.standard["empty", label].total for label in LABELS])

    def clear(self, errors: float) -> bool:
        """Whether Bayes' label leads the second by more than so many standard errors of their paired difference."""
        second, best = (int(label) for label in np.argsort(self.exact)[-2:])
        gap = self.exact[best] - self.exact[second]
        return bool(gap > errors * self.result.standard[pair_of(second, best)].total_error)

    @property
    def right(self) -> bool:
        """Whether i^s takes Bayes' label."""
        return bool(self.information.argmax() == self.exact.argmax())


def pair_of(first: int, second: int) -> tuple[str, str]:
    return LABELS[min(first, second)], LABELS[max(first, second)]


@pytest.fixture(scope="module")
def problem() -> MixtureProblem:
    """Labels of two kinds that differ in details, as the captions of a case do: of some x Bayes is sure, of some not."""
    rng = np.random.default_rng(0)
    kind = np.array([0, 0, 0, 1, 1])
    means = rng.normal(size=(2, DIMENSIONS))[kind] + 0.15 * rng.normal(size=(len(LABELS), DIMENSIONS))
    roots = np.eye(DIMENSIONS) * rng.uniform(0.5, 1.0, (2, 1, DIMENSIONS))
    roots = roots + 0.1 * np.tril(rng.normal(size=(2, DIMENSIONS, DIMENSIONS)), -1)
    roots = roots[kind] * rng.uniform(0.85, 1.15, (len(LABELS), DIMENSIONS, 1))
    covariances = torch.from_numpy(roots @ roots.transpose(0, 2, 1))
    weights = torch.full((len(LABELS),), 1 / len(LABELS), dtype=torch.float64)
    return MixtureProblem(GaussianMixture(torch.from_numpy(means), covariances), weights)


def run(problem: MixtureProblem, x: torch.Tensor, seed: int) -> Estimate:
    prompts = {"empty": problem.unknown} | {label: problem.label(number) for number, label in enumerate(LABELS)}
    return estimate(problem.denoiser, x, prompts, PAIRS, draw(x.shape, DRAWS, seed, antithetic_eps=True), 1 << 14)


def log_likelihoods(problem: MixtureProblem, x: torch.Tensor) -> np.ndarray:
    return np.array([float(problem.denoiser.log_density(x[None], problem.label(k)[None])) for k in range(len(LABELS))])


def endless_cases(problem: MixtureProblem) -> Iterator[Case]:
    rng = np.random.default_rng(1)
    for seed in count():
        x, _ = problem.sample(rng)
        yield Case(log_likelihoods(problem, x), run(problem, x, seed))


@pytest.fixture(scope="module")
def cases(problem: MixtureProblem) -> list[Case]:
    return list(islice(endless_cases(problem), 800))


def test_argmax_of_i_s_is_the_bayes_decision(cases: list[Case]) -> None:
    clear = [case for case in cases if case.clear(4)][:500]
    assert len(clear) == 500
    assert np.mean([case.right for case in clear]) >= 0.99


def test_doubtful_cases_are_the_wrong_ones(cases: list[Case]) -> None:
    """Where the lead is within one standard error, i^s often takes another label, yet beats chance."""
    doubtful = [case for case in cases if not case.clear(1)]
    assert len(doubtful) > 40
    assert 1 / len(LABELS) < np.mean([case.right for case in doubtful]) < 0.9


def test_differences_are_log_likelihood_ratios_within_their_standard_errors(cases: list[Case]) -> None:
    deviations = []
    for case in cases[:200]:
        for first, second in combinations(range(len(LABELS)), 2):
            paired = case.result.standard[LABELS[first], LABELS[second]]
            difference = case.information[second] - case.information[first]
            assert difference == pytest.approx(paired.total, abs=1e-9)
            deviations.append((difference - (case.exact[second] - case.exact[first])) / paired.total_error)
    assert 0.90 <= np.mean(np.abs(deviations) <= 1.96) <= 0.99
    assert np.mean(np.square(deviations)) == pytest.approx(1, abs=0.5)


def test_only_the_paired_error_is_the_spread_of_a_difference(problem: MixtureProblem) -> None:
    """Shared noise and the shared `empty` cancel in a difference; the errors of its two sides do not know that."""
    rng = np.random.default_rng(2)
    spread, paired, combined = [], [], []
    for image in range(8):
        x, _ = problem.sample(rng)
        best, second = (int(label) for label in np.argsort(log_likelihoods(problem, x))[:-3:-1])
        runs = [run(problem, x, 1000 * image + seed).standard for seed in range(50)]
        pair = pair_of(second, best)
        spread.append(np.std([result[pair].total for result in runs], ddof=1))
        paired.append(np.mean([result[pair].total_error for result in runs]))
        sides = [[result["empty", LABELS[k]].total_error for result in runs] for k in (best, second)]
        combined.append(np.mean(np.hypot(*sides)))
    assert np.median(np.divide(paired, spread)) == pytest.approx(1, abs=0.15)
    assert np.median(np.divide(combined, spread)) > 2


def test_i_s_and_negative_nll_rank_alike_and_err_differently(cases: list[Case]) -> None:
    """i^s(y) = NLL(empty) − NLL(y): the first term is common to all labels, and its noise is in neither difference."""
    for case in cases[:50]:
        neg_nll = np.array([-case.result.nll[label].total for label in LABELS])
        assert case.information - neg_nll == pytest.approx(case.result.nll["empty"].total, abs=1e-9)
        errors = [case.result.standard["empty", label].total_error for label in LABELS]
        assert min(case.result.nll[label].total_error for label in LABELS) > 2 * max(errors)
