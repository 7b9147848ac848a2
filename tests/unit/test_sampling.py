"""Designs and densities for log-SNRs and noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infodecomp.estimator.densities import logistic_shares
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws, unit_points

INTERVAL = Interval(low=-4.0, high=7.0, loc=1.0, scale=2.0)
DESIGNS = ["iid", "stratified", "midpoint", "sobol"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def draws(density: str = "logistic", design: str = "stratified", **others: object) -> Draws:
    settings = {"shape": (2, 3, 4), "steps": [20, 40], "antithetic_eps": False, "interval": INTERVAL, "rng": rng()}
    return sample_draws(density=density, design=design, **{**settings, **others})  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [[50, 100, 200], [1, 2, 4, 8], [7, 21, 84], [30]])
@pytest.mark.parametrize("seed", range(5))
def test_every_prefix_has_one_point_in_each_stratum(steps: list[int], seed: int) -> None:
    points = unit_points("stratified", steps, rng(seed))
    assert len(points) == steps[-1] and points.min() >= 0 and points.max() < 1
    for count in steps:
        strata = np.floor(points[:count] * count).astype(int)
        assert sorted(strata) == list(range(count))


def test_points_within_a_stratum_are_uniform() -> None:
    places = np.concatenate([unit_points("stratified", [4, 8], rng(seed))[4:] * 8 % 1 for seed in range(500)])
    assert abs(places.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(places))
    assert abs(places.var() - 1 / 12) < 0.01


def test_other_designs() -> None:
    assert np.allclose(unit_points("midpoint", [4], rng()), [0.125, 0.375, 0.625, 0.875])
    independent = unit_points("iid", [10, 1000], rng())
    assert len(independent) == 1000 and np.bincount((independent * 100).astype(int), minlength=100).max() > 13
    sobol = unit_points("sobol", [16, 64], rng())
    for count in (16, 32, 64):  # each power of two fills its strata
        assert sorted((sobol[:count] * count).astype(int)) == list(range(count))
    assert len(unit_points("sobol", [100], rng())) == 100
    assert len(unit_points("sobol", [1], rng())) == 1


@pytest.mark.parametrize("design", ["iid", "stratified", "sobol"])
def test_points_follow_their_generator(design: str) -> None:
    one, again, other = (unit_points(design, [8, 16], rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize("density", ["logistic", "uniform"])
@pytest.mark.parametrize("design", DESIGNS)
def test_weights_integrate(density: str, design: str) -> None:
    """The mean of w is the length of the interval, and the mean of w·f the integral of f."""
    sample = draws(density, design, steps=[4096], shape=(1, 1, 1))
    slack = 0.03 if design == "iid" else 1e-3
    assert float(sample.weight.mean()) == pytest.approx(11, rel=slack)
    bump = torch.exp(-0.5 * (sample.logsnr - 1) ** 2)
    assert float((sample.weight * bump).mean()) == pytest.approx(np.sqrt(2 * np.pi), rel=2 * slack)
    assert sample.logsnr.min() >= -4 and sample.logsnr.max() <= 7
    assert sample.logsnr.dtype == sample.weight.dtype == torch.float64 and sample.eps[:].dtype == torch.float32


@pytest.mark.parametrize("density", ["logistic", "uniform", "grid"])
def test_antithetic_pairs(density: str) -> None:
    sample = draws(density, antithetic_eps=True)
    assert len(sample) == 40 and sample.eps.shape == (40, 2, 3, 4) and sample.antithetic
    assert torch.equal(sample.eps[::2], -sample.eps[1::2])
    assert torch.equal(sample.logsnr[::2], sample.logsnr[1::2])
    assert torch.equal(sample.weight[::2], sample.weight[1::2])
    assert len(torch.unique(sample.logsnr)) == 20


def test_antithetic_draws_are_nested_too() -> None:
    sample = draws("uniform", steps=[20, 40, 80], antithetic_eps=True)
    for count in (20, 40, 80):
        points = (sample.first(count).logsnr.numpy()[::2] + 4) / 11
        assert sorted(np.floor(points * count / 2).astype(int)) == list(range(count // 2))


@pytest.mark.parametrize("antithetic", [True, False])
@pytest.mark.parametrize("design", ["iid", "stratified", "sobol"])
def test_extendable_draws_begin_every_longer_run(design: str, antithetic: bool) -> None:
    settings = {"design": design, "antithetic_eps": antithetic}
    short, long = (draws(steps=steps, extendable=True, **settings) for steps in ([20, 40], [20, 40, 80]))
    for name in ("logsnr", "weight", "eps"):
        assert torch.equal(getattr(long.first(40), name)[:], getattr(short, name)[:])
    plain = draws(steps=[20, 40], **settings)
    assert not torch.equal(plain.eps[:], short.eps[:])  # draws of their own


def test_first_keeps_the_prefix_and_what_is_known_of_it() -> None:
    sample = draws(antithetic_eps=True)
    part = sample.first(20)
    assert len(part) == 20 and part.antithetic and part.stratified
    assert torch.equal(part.logsnr, sample.logsnr[:20]) and torch.equal(part.weight, sample.weight[:20])
    assert torch.equal(part.eps[:], sample.eps[:20])


@pytest.mark.parametrize(("density", "design", "expected"), [("logistic", "iid", False), ("grid", "iid", True)])
def test_whether_neighbours_come_from_neighbouring_strata(density: str, design: str, expected: bool) -> None:
    assert draws(density, design).stratified is expected
    assert draws().stratified


def test_noise_is_standard_normal_and_of_the_latents_shape() -> None:
    eps = draws(shape=(4, 16, 12), steps=[64]).eps[:]
    assert eps.shape == (64, 4, 16, 12)
    count = eps.numel()
    assert abs(float(eps.mean())) < 4 / np.sqrt(count) and abs(float(eps.var()) - 1) < 4 * np.sqrt(2 / count)
    assert not torch.equal(eps[0], eps[1])


def test_shares_turn_means_over_another_density_into_means_over_the_logistic() -> None:
    found, plain = (draws(density, "midpoint", steps=[20_000], shape=(1, 1, 1)) for density in ("uniform", "logistic"))
    shares = logistic_shares(found, INTERVAL)
    assert float(shares.mean()) == pytest.approx(1, abs=1e-6)
    assert float((shares * found.logsnr).mean()) == pytest.approx(float(plain.logsnr.mean()), abs=1e-5)
    assert logistic_shares(plain, INTERVAL).numpy() == pytest.approx(np.ones(20_000))
