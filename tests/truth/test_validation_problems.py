"""The problems of the validation study against closed forms, quadrature and each other."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from infodecomp.config.validation import ValidationProblem
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.validation.gaussian import JointNormal
from infodecomp.validation.mixture import Mixture
from infodecomp.validation.points import LABEL, PAIR, REFERENCE, ClosedForm, integral
from infodecomp.validation.problems import PROBLEMS, dense, disc, problem, sparse
from tests.truth.problems import WIDE, draw

PUBLISHED = Interval(low=-5.0, high=7.0, loc=1.0, scale=2.0)
NORMAL = ["normal_1", "dense_5", "dense_25", "sparse_5", "sparse_25"]


def test_the_configuration_names_every_problem() -> None:
    assert tuple(PROBLEMS) == get_args(ValidationProblem)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "disc_64"])
def test_mean_log_ratio_is_the_mutual_information(name: str) -> None:
    """I(x; y) = E ln p(x|y)/p(x), over points drawn from the problem."""
    closed_form = problem(name)
    rng = np.random.default_rng(0)
    ratios = [closed_form.point(rng).log_ratio for _ in range(1500)]
    error = np.std(ratios) / np.sqrt(len(ratios))
    if np.isfinite(closed_form.information):
        assert abs(np.mean(ratios) - closed_form.information) < 4 * error
    assert np.mean(ratios) > 5 * error  # there is information to find


@pytest.mark.parametrize(("d", "correlation"), [(1, 0.75), (5, 0.5), (25, 0.5)])
def test_information_of_the_dense_normal(d: int, correlation: float) -> None:
    """Only the means of x and of y depend on each other; their correlation is dρ/(1 + (d − 1)ρ)."""
    between_means = d * correlation / (1 + (d - 1) * correlation)
    assert dense(d, correlation).information == pytest.approx(-0.5 * np.log(1 - between_means**2))


def test_information_of_the_sparse_normal() -> None:
    for d in (2, 5, 25):
        assert sparse(d, 2, 0.8).information == pytest.approx(-np.log(1 - 0.8**2))
    assert sparse(1, 1, 0.75).information == pytest.approx(0.41333929)


@pytest.mark.parametrize("name", [*NORMAL, "disc_16"])
def test_over_all_log_snrs_the_standard_information_is_the_log_ratio(name: str) -> None:
    closed_form, rng = problem(name), np.random.default_rng(1)
    for _ in range(3):
        point = closed_form.point(rng)
        assert closed_form.truth(point, WIDE).standard.sum() == pytest.approx(point.log_ratio, abs=1e-4)


@pytest.mark.parametrize("name", ["dense_5", "sparse_5"])
def test_over_points_the_orthogonal_information_is_the_mutual_information(name: str) -> None:
    closed_form, rng = problem(name), np.random.default_rng(2)
    totals = [closed_form.truth(closed_form.point(rng), WIDE).orthogonal.sum() for _ in range(300)]
    assert abs(np.mean(totals) - closed_form.information) < 4 * np.std(totals) / np.sqrt(300)


@pytest.mark.parametrize("name", ["normal_1", "dense_5", "sparse_25", "disc_16", "plane"])
def test_truth_is_what_many_draws_find(name: str) -> None:
    """Every pixel of both quantities within the published range, against the estimator itself."""
    closed_form = problem(name)
    point = closed_form.point(np.random.default_rng(3))
    truth = closed_form.truth(point, PUBLISHED)
    draws = draw(closed_form.shape, 4000, 4, antithetic_eps=True, interval=PUBLISHED)
    found = estimate(closed_form.denoiser, point.x, point.prompts, [PAIR], draws, 1000)
    for kind in ("standard", "orthogonal"):
        value, true = getattr(found, kind)[PAIR], getattr(truth, kind)
        informed = truth.orthogonal > 0
        assert np.abs((value.map - true)[informed] / value.map_error[informed]).max() < 5
        assert np.array_equal(value.map[~informed], true[~informed])  # no information, none found
        assert abs(value.total - true.sum()) < 4.5 * value.total_error


def test_a_correlated_normal_without_correlation_is_a_field() -> None:
    """Two implementations of the same problem agree: one coordinate at a time, and all together."""
    point = sparse(3, 2, 0.6).point(np.random.default_rng(5))
    whole = sparse(3, 2, 0.6).truth(point, PUBLISHED)
    for k, correlation in enumerate((0.6, 0.6, 0.0)):
        alone = JointNormal(np.array([[1.0, correlation], [correlation, 1.0]]), 1)
        prompts = {
            name: Condition.of(states[k, [0, 1 + k]].view(1, 2))
            for name, states in ((name, point.prompts[name].states) for name in (REFERENCE, LABEL))
        }
        one = alone.truth(type(point)(point.x[..., k : k + 1], prompts, 0.0), PUBLISHED)
        assert one.standard.item() == pytest.approx(whole.standard[0, k], abs=1e-9)
        assert one.orthogonal.item() == pytest.approx(whole.orthogonal[0, k], abs=1e-9)


def test_disc_tells_more_inside() -> None:
    field = disc(16)
    inside = (field.explained > 0.1).any(0)
    truth = field.truth(field.point(np.random.default_rng(6)), PUBLISHED)
    assert 0.1 < inside.mean() < 0.25
    assert truth.orthogonal[inside].min() > truth.orthogonal[~inside].max()


def test_integral_of_a_polynomial() -> None:
    found = integral(lambda a: np.stack([a**2, np.ones_like(a)], 1), Interval(-1.0, 3.0, 0.0, 1.0), nodes=4)
    assert found == pytest.approx([28 / 3, 4.0])


@pytest.mark.parametrize(("golden_name", "name"), [("A", "plane"), ("A_fine", "fine")])
def test_truth_of_the_plane_is_that_of_quadrature(reference: Path, golden_name: str, name: str) -> None:
    """Recorded values by quadrature over log-SNR and noise, over the range that clip 3 leaves."""
    closed_form: ClosedForm = problem(name)
    assert isinstance(closed_form, Mixture)
    with np.load(reference / "golden" / "estimator.npz") as golden:
        assert closed_form.information == pytest.approx(float(golden[f"{golden_name}/mi"][0]), abs=1e-7)
        for k in range(3):
            x, component = golden[f"{golden_name}/x"][k], int(golden[f"{golden_name}/y"][k])
            point = closed_form.at(torch.from_numpy(x).view(1, 1, -1), component)
            truth = closed_form.truth(point, PUBLISHED)
            assert point.log_ratio == pytest.approx(golden[f"{golden_name}/logratio"][k], abs=1e-8)
            assert truth.standard.sum() == pytest.approx(golden[f"{golden_name}/is_clip3_loc1_scale2"][k], abs=0.03)
            assert truth.orthogonal.sum() == pytest.approx(golden[f"{golden_name}/io_clip3_loc1_scale2"][k], abs=0.015)
