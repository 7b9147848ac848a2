"""Scores of caption options: what they are made of, what they cost, and when a race may stop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from pipeline.denoisers import GaussianMixture
from pipeline.estimates import Estimate
from pipeline.information import Problem, estimate, estimate_many
from pipeline.option_scores import EMPTY, OptionBlock, OptionEstimate, diffitm_scores
from pipeline.racing import critical_value, decided, freedom
from pipeline.sampling import Draws, Interval, sample_draws

SHAPE = (1, 2, 2)
MEANS = torch.tensor([[2.0, 2, 0, 0], [0, 0, 2, 2], [1, -2, 1, -2]])
MIXTURE = GaussianMixture(MEANS, torch.full((3, 4), 0.3))
WEIGHTS = torch.full((3,), 1 / 3)
PROMPTS = {EMPTY: MIXTURE.prompt(weights=WEIGHTS)} | {
    name: MIXTURE.prompt(k, weights=WEIGHTS) for k, name in enumerate(("first", "second", "third"))
}
OPTIONS = ["second", "first", "third", "first"]


def make_draws(steps: int, seed: int, *, antithetic: bool = True) -> Draws:
    return sample_draws(
        shape=SHAPE,
        steps=[steps],
        density="logistic",
        design="stratified",
        antithetic_eps=antithetic,
        interval=Interval(-7.0, 9.0, 1.0, 2.0),
        rng=np.random.default_rng(seed),
    )


def run(x: torch.Tensor, steps: int = 40, seed: int = 0) -> Estimate:
    pairs = [(EMPTY, name) for name in dict.fromkeys(OPTIONS)]
    return estimate(MIXTURE, x, PROMPTS, pairs, make_draws(steps, seed))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    noise = torch.from_numpy(np.random.default_rng(3).normal(size=4)).float()
    return (MEANS[0] + 0.3**0.5 * noise).reshape(SHAPE)


def test_scores_are_those_of_the_estimator(x: torch.Tensor) -> None:
    estimated = run(x)
    scores = OptionEstimate((OptionBlock.of(estimated, OPTIONS),)).scores
    assert set(scores) == {"i_o", "i_s", "neg_nll"}
    for position, option in enumerate(OPTIONS):
        expected = {
            "i_o": estimated.orthogonal[EMPTY, option],
            "i_s": estimated.standard[EMPTY, option],
            "neg_nll": estimated.nll[option],
        }
        for name, one in expected.items():
            sign = -1 if name == "neg_nll" else 1
            assert scores[name].value[position] == pytest.approx(sign * one.total, rel=1e-5, abs=1e-5)
            assert scores[name].error[position] == pytest.approx(one.total_error, rel=1e-4, abs=1e-6)


def test_options_that_read_the_same_score_the_same_and_cost_once(x: torch.Tensor) -> None:
    scores = OptionEstimate((OptionBlock.of(run(x), OPTIONS),)).scores
    for score in scores.values():
        assert score.value[1] == score.value[3] and score.error[1] == score.error[3]
    assert scores["i_s"].evaluations == scores["i_o"].evaluations == 40 * 4
    assert scores["neg_nll"].evaluations == 40 * 3


def test_without_the_empty_prompt_there_is_the_likelihood_only(x: torch.Tensor) -> None:
    prompts = {name: PROMPTS[name] for name in OPTIONS}
    estimated = estimate(MIXTURE, x, prompts, [], make_draws(40, 0))
    scores = OptionEstimate((OptionBlock.of(estimated, OPTIONS),)).scores
    assert set(scores) == {"neg_nll"} and scores["neg_nll"].evaluations == 120
    whole = OptionEstimate((OptionBlock.of(run(x), OPTIONS),)).scores["neg_nll"]
    assert np.allclose(scores["neg_nll"].value, whole.value)


def test_i_s_and_likelihood_rank_alike_and_near_the_truth(x: torch.Tensor) -> None:
    scores = OptionEstimate((OptionBlock.of(run(x, 400), OPTIONS),)).scores
    difference = scores["i_s"].value - scores["neg_nll"].value
    assert np.ptp(difference) < 1e-6
    truth = [float(MIXTURE.log_density(x[None], PROMPTS[name][None])) for name in OPTIONS]
    found = scores["i_s"].value - scores["i_s"].value[1]
    assert np.allclose(found, np.array(truth) - truth[1], rtol=0.03, atol=0.1)


def test_blocks_are_averaged_and_errors_shrink(x: torch.Tensor) -> None:
    blocks = tuple(OptionBlock.of(run(x, 20, seed), OPTIONS) for seed in range(4))
    singles = [OptionEstimate((block,)).scores for block in blocks]
    together = OptionEstimate(blocks).scores
    for name in together:
        assert np.allclose(together[name].value, np.mean([one[name].value for one in singles], 0))
        quadratic = np.sqrt(np.sum(np.square([one[name].error for one in singles]), 0)) / 4
        assert np.allclose(together[name].error, quadratic)
        assert together[name].evaluations == sum(one[name].evaluations for one in singles)


def test_the_lead_is_a_paired_difference(x: torch.Tensor) -> None:
    estimated = run(x, 40)
    best, lead, error = OptionEstimate((OptionBlock.of(estimated, OPTIONS),)).lead()
    assert OPTIONS[best] == "first" and lead[best] == 0 and error[best] == 0
    paired = estimate(MIXTURE, x, PROMPTS, [("second", "first")], make_draws(40, 0)).standard["second", "first"]
    assert lead[0] == pytest.approx(paired.total, rel=1e-5) and error[0] == pytest.approx(paired.total_error, rel=1e-4)


def test_diffitm_is_minus_the_mean_norm(x: torch.Tensor) -> None:
    draws = Draws(
        torch.linspace(4, -4, 9).double(),
        torch.ones(9).double(),
        torch.from_numpy(np.random.default_rng(0).normal(size=(9, *SHAPE)).astype(np.float32)),
        stratified=True,
    )
    prompts = {name: PROMPTS[name] for name in OPTIONS}
    estimated = next(estimate_many(MIXTURE, [Problem(x, prompts, [], draws)], 7))
    scores = diffitm_scores(estimated, OPTIONS)
    for position, option in enumerate(OPTIONS):
        norms = estimated.error[option].double().sum((1, 2)).sqrt()
        assert scores.value[position] == pytest.approx(-float(norms.mean()))
    assert scores.evaluations == 27 and np.isfinite(scores.error).all() and (scores.error > 0).all()
    assert int(np.argmax(scores.value)) in (1, 3)


def test_critical_value_is_two_sided_and_shares_the_error() -> None:
    assert critical_value(error=0.05, looks=1, options=2, freedom=10**6) == pytest.approx(1.96, abs=0.01)
    assert critical_value(error=0.01, looks=4, options=5, freedom=7) == pytest.approx(student.isf(0.01 / 32, 7))
    assert critical_value(error=0.01, looks=4, options=1, freedom=7) == 0


def test_freedom_counts_second_differences(x: torch.Tensor) -> None:
    one = OptionEstimate((OptionBlock.of(run(x, 20), OPTIONS),))
    three = OptionEstimate(tuple(OptionBlock.of(run(x, 20, seed), OPTIONS) for seed in range(3)))
    assert freedom(one) == int(8 / 1.94) and freedom(three) == int(24 / 1.94)


def test_a_clear_case_is_decided_and_an_open_one_is_not(x: torch.Tensor) -> None:
    distinct = np.array([0, 1, 2, 1])
    clear = OptionEstimate((OptionBlock.of(run(x, 40), OPTIONS),))
    assert decided(clear, error=0.01, looks=4, distinct=distinct)
    between = ((MEANS[0] + MEANS[1]) / 2).reshape(SHAPE)
    open_case = OptionEstimate((OptionBlock.of(run(between, 40), OPTIONS),))
    assert not decided(open_case, error=0.01, looks=4, distinct=distinct)
    same = OptionEstimate((OptionBlock.of(run(between, 40), ["first", "first"]),))
    assert decided(same, error=0.01, looks=4, distinct=np.array([0, 0]))


def test_races_stop_on_the_wrong_option_no_more_often_than_stated() -> None:
    """Images half-way between two options with a small lead for one: every stop is a risk."""
    wrong = stops = 0
    toward = torch.tensor([0.05, 0.05, -0.05, -0.05])
    picture = ((MEANS[0] + MEANS[1]) / 2 + toward).reshape(SHAPE)
    options = ["first", "second"]
    for seed in range(200):
        blocks: list[OptionBlock] = []
        for look in range(3):
            draws = make_draws(20, 1000 * seed + look)
            blocks.append(OptionBlock.of(estimate(MIXTURE, picture, PROMPTS, [], draws), options))
            raced = OptionEstimate(tuple(blocks))
            if decided(raced, error=0.1, looks=3, distinct=np.array([0, 1])):
                stops += 1
                wrong += raced.lead()[0] != 0
                break
    assert stops > 5 and wrong <= 0.1 * 200
