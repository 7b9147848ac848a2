"""Scores of caption options: what they are made of, what they cost, and when a race may stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, estimate, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.options import EMPTY, OptionEstimate, diffitm_scores
from infodecomp.estimator.racing import after_look, chance_to_overtake, freedom, looks
from infodecomp.estimator.sampling import sample_draws
from infodecomp.validation.denoisers import GaussianMixture

SHAPE = (1, 2, 2)
MEANS = torch.tensor([[2.0, 2, 0, 0], [0, 0, 2, 2], [1, -2, 1, -2]])
MIXTURE = GaussianMixture(MEANS, torch.full((3, 4), 0.3))
WEIGHTS = torch.full((3,), 1 / 3)
PROMPTS = {EMPTY: MIXTURE.prompt(weights=WEIGHTS)} | {
    name: MIXTURE.prompt(k, weights=WEIGHTS) for k, name in enumerate(("first", "second", "third"))
}
OPTIONS = ["second", "first", "third", "first"]


def make_draws(*steps: int, seed: int = 0, antithetic: bool = True) -> Draws:
    return sample_draws(
        shape=SHAPE,
        steps=steps,
        density="logistic",
        design="stratified",
        antithetic_eps=antithetic,
        interval=Interval(-7.0, 9.0, 1.0, 2.0),
        rng=np.random.default_rng(seed),
    )


def run(x: torch.Tensor, steps: int = 40, seed: int = 0) -> Estimate:
    pairs = [(EMPTY, name) for name in dict.fromkeys(OPTIONS)]
    return estimate(MIXTURE, x, PROMPTS, pairs, make_draws(steps, seed=seed))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    noise = torch.from_numpy(np.random.default_rng(3).normal(size=4)).float()
    return (MEANS[0] + 0.3**0.5 * noise).reshape(SHAPE)


def test_scores_are_those_of_the_estimator(x: torch.Tensor) -> None:
    estimated = run(x)
    scores = OptionEstimate.of(estimated, OPTIONS).scores
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
    scores = OptionEstimate.of(run(x), OPTIONS).scores
    for score in scores.values():
        assert score.value[1] == score.value[3] and score.error[1] == score.error[3]
    assert scores["i_s"].evaluations == scores["i_o"].evaluations == 40 * 4
    assert scores["neg_nll"].evaluations == 40 * 3


def test_without_the_empty_prompt_there_is_the_likelihood_only(x: torch.Tensor) -> None:
    prompts = {name: PROMPTS[name] for name in OPTIONS}
    estimated = estimate(MIXTURE, x, prompts, [], make_draws(40))
    scores = OptionEstimate.of(estimated, OPTIONS).scores
    assert set(scores) == {"neg_nll"} and scores["neg_nll"].evaluations == 120
    whole = OptionEstimate.of(run(x), OPTIONS).scores["neg_nll"]
    assert np.allclose(scores["neg_nll"].value, whole.value)


def test_i_s_and_likelihood_rank_alike_and_near_the_truth(x: torch.Tensor) -> None:
    scores = OptionEstimate.of(run(x, 400), OPTIONS).scores
    difference = scores["i_s"].value - scores["neg_nll"].value
    assert np.ptp(difference) < 1e-6
    truth = [float(MIXTURE.log_density(x[None], PROMPTS[name][None])) for name in OPTIONS]
    found = scores["i_s"].value - scores["i_s"].value[1]
    assert np.allclose(found, np.array(truth) - truth[1], rtol=0.03, atol=0.1)


def some(draws: Draws, x: torch.Tensor, names: Sequence[str] = OPTIONS) -> Estimate:
    """The estimate of some captions on given draws."""
    return estimate(MIXTURE, x, PROMPTS, [(EMPTY, name) for name in dict.fromkeys(names)], draws)


def test_draws_may_come_one_part_after_the_other(x: torch.Tensor) -> None:
    draws = make_draws(10, 20, 40)
    whole = OptionEstimate.of(some(draws, x), OPTIONS)
    parts = OptionEstimate.of(some(draws.between(0, 10), x), OPTIONS)
    for start, stop in ((10, 20), (20, 40)):
        parts = parts.extended(some(draws.between(start, stop), x))
    assert parts.counts == whole.counts == (40, 40, 40)
    for name, score in whole.scores.items():
        assert np.allclose(parts.scores[name].value, score.value, rtol=1e-6)
        assert np.allclose(parts.scores[name].error, score.error, rtol=1e-5)
        assert parts.scores[name].evaluations == score.evaluations


def test_a_caption_that_left_is_scored_against_the_one_that_led_it(x: torch.Tensor) -> None:
    draws = make_draws(20, 40)
    early = OptionEstimate.of(some(draws.first(20), x), OPTIONS)
    best, lead, lead_error = early.lead()
    third = early.wordings.index("third")
    assert early.wordings[best] == "first"
    raced = early.without({third}, best).extended(some(draws.between(20, 40), x, ["second", "first"]))
    whole = OptionEstimate.of(some(draws, x), OPTIONS).scores["i_s"]
    score = raced.scores["i_s"]
    assert raced.running == [0, 1] and raced.counts == (40, 40, 20)
    assert np.allclose(score.value[[0, 1, 3]], whole.value[[0, 1, 3]])
    assert score.value[2] == pytest.approx(whole.value[1] - lead[third])
    assert score.error[2] == pytest.approx(np.hypot(whole.error[1], lead_error[third]))
    assert score.evaluations == 20 * 4 + 20 * 3
    assert np.isnan(raced.lead()[1][third])
    assert np.isfinite(np.concatenate([one.value for one in raced.scores.values()])).all()


def test_a_caption_that_left_never_overtakes_its_leader(x: torch.Tensor) -> None:
    """The one that led it may itself be led later; the order stays a chain."""
    draws = make_draws(10, 20, 40)
    first = OptionEstimate.of(some(draws.first(10), x), OPTIONS).without({2}, 0)
    second = first.extended(some(draws.between(10, 20), x, ["second", "first"])).without({0}, 1)
    score = second.extended(some(draws.between(20, 40), x, ["first"])).scores["i_s"].value
    lead = {k: first.seen.error[:, k] for k in range(3)}
    behind = 0.5 * float((draws.first(10).weight * (lead[0] - lead[2])).mean())
    assert score[2] == pytest.approx(score[0] + behind)


def test_the_lead_is_a_paired_difference(x: torch.Tensor) -> None:
    estimated = run(x, 40)
    best, lead, error = OptionEstimate.of(estimated, OPTIONS).lead()
    assert OPTIONS[best] == "first" and lead[best] == 0 and error[best] == 0
    paired = estimate(MIXTURE, x, PROMPTS, [("second", "first")], make_draws(40)).standard["second", "first"]
    assert lead[0] == pytest.approx(paired.total, rel=1e-5) and error[0] == pytest.approx(paired.total_error, rel=1e-4)


def test_diffitm_is_minus_the_mean_norm(x: torch.Tensor) -> None:
    draws = Draws.held(
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


def test_the_chance_to_overtake_is_that_of_the_draws_to_come() -> None:
    """Against simulation: means of 10 and of 40 normal draws, where the truth is as unknown as it can be."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20000, 40)) + rng.uniform(-3, 3, size=(20000, 1))
    lead, error = values[:, :10].mean(1), values[:, :10].std(1, ddof=1) / 10**0.5
    chance = chance_to_overtake(np.abs(lead), error, freedom=9, drawn=10, budget=40)
    overtaken = values.mean(1) * np.sign(lead) < 0
    for low, high in ((0.002, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 0.5)):
        some = (chance >= low) & (chance < high)
        tolerance = 4 * (chance[some].mean() / some.sum()) ** 0.5
        assert overtaken[some].mean() == pytest.approx(chance[some].mean(), abs=tolerance)


def test_looks_stand_at_the_steps_and_half_way_between() -> None:
    assert looks([12, 24, 48, 96]) == (12, 18, 24, 36, 48, 72, 96)
    assert looks([10, 20]) == (10, 14, 20)  # even, for pairs
    assert looks([6]) == (6,) and looks([4, 5]) == (4, 5)


def test_an_estimate_half_way_between_two_steps_is_right_on_the_average(x: torch.Tensor) -> None:
    """The 30 first of 20 + 20 stratified draws: no bias, and a standard error that covers what it should."""
    found = []
    for seed in range(150):
        some_draws = make_draws(20, 40, antithetic=False, seed=seed).first(30)
        estimated = OptionEstimate.of(some(some_draws, x), OPTIONS)
        _, lead, error = estimated.lead()
        found.append((lead[0], error[0]))
    truth = [float(MIXTURE.log_density(x[None], PROMPTS[name][None])) for name in ("first", "second")]
    lead, error = np.array(found).T
    assert abs(lead.mean() - (truth[0] - truth[1])) < 4 * lead.std() / 150**0.5 + 0.02 * abs(truth[0] - truth[1])
    covered = np.abs(lead - lead.mean()) < 2 * error
    assert covered.mean() > 0.88


def test_captions_that_cannot_be_told_apart_keep_half_a_chance() -> None:
    chance = chance_to_overtake(np.array([0.0, 2.0]), np.array([0.0, 0.0]), freedom=4, drawn=10, budget=20)
    assert list(chance) == [0.5, 0]


def test_freedom_counts_what_the_error_is_the_mean_of() -> None:
    assert freedom(make_draws(20)) == 10 / 1.94
    assert freedom(make_draws(20, antithetic=False)) == 20 / 1.94
    assert freedom(make_draws(4)) == pytest.approx(2 / 1.94)
    assert freedom(make_draws(2)) == 1
    assert freedom(replace(make_draws(20, antithetic=False), stratified=False)) == 19


def test_a_clear_case_is_decided_and_an_open_one_is_not(x: torch.Tensor) -> None:
    clear = after_look(OptionEstimate.of(run(x, 40), OPTIONS), error=0.01, budget=80)
    assert [clear.wordings[k] for k in clear.running] == ["first"]
    between = ((MEANS[0] + MEANS[1]) / 2).reshape(SHAPE)
    # Without pairs of ±ε, which in this mixture leave no noise at all in the difference of two captions.
    noisy = some(make_draws(40, antithetic=False), between)
    open_case = after_look(OptionEstimate.of(noisy, OPTIONS), error=1e-4, budget=80)
    assert [open_case.wordings[k] for k in open_case.running] == ["second", "first"]  # "third" has no chance
    same = after_look(OptionEstimate.of(run(between, 40), ["first", "first"]), error=0.01, budget=80)
    assert same.running == [0]


def test_nobody_leaves_a_race_whose_numbers_are_not_finite() -> None:
    broken = OptionEstimate.of(run(torch.full(SHAPE, torch.nan), 40), OPTIONS)
    assert after_look(broken, error=0.5, budget=80).running == [0, 1, 2]
    assert np.isnan(broken.scores["i_s"].value).all()


def test_races_end_on_another_caption_than_the_budget_no_more_often_than_stated() -> None:
    """Images around the middle between two captions, some of them clear and some not."""
    wrong = stops = 0
    options = ["first", "second"]
    toward = torch.tensor([1.0, 1, -1, -1])
    for seed in range(200):
        share = np.random.default_rng(seed).uniform(-0.5, 0.5)
        picture = ((MEANS[0] + MEANS[1]) / 2 + share * toward).reshape(SHAPE)
        draws = make_draws(10, 20, 80, seed=seed, antithetic=False)
        whole = OptionEstimate.of(some(draws, picture, options), options)
        for look in (10, 20):
            raced = after_look(
                OptionEstimate.of(some(draws.first(look), picture, options), options), error=0.05, budget=80
            )
            if len(raced.running) == 1:
                stops += 1
                wrong += raced.running[0] != whole.lead()[0]
                break
    assert stops > 50 and wrong <= 0.05 * 200
