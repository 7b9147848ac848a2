"""The closed-form denoisers against recorded exact values of independent problems."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.validation.denoisers import GaussianField, GaussianMixture
from tests.reference.recorded import read_recorded

RANGES = {"clip3_loc1_scale2": (-5.0, 7.0), "clip4_loc1_scale2": (-7.0, 9.0)}


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "estimator.npz")


def prompts(golden: dict[str, np.ndarray], name: str, component: int) -> tuple[Condition, Condition]:
    """The prompts "one of all" and "this one"."""
    logs = torch.from_numpy(golden[f"{name}/pi"]).log()
    label = torch.full_like(logs, -math.inf)
    label[component] = 0.0
    return Condition.of(logs), Condition.of(label)


def mixture(golden: dict[str, np.ndarray], name: str) -> GaussianMixture:
    return GaussianMixture(torch.from_numpy(golden[f"{name}/mu"]), torch.from_numpy(golden[f"{name}/cov"]))


@pytest.mark.parametrize("name", ["A", "A_fine", "B"])
def test_log_likelihood_ratios(golden: dict[str, np.ndarray], name: str) -> None:
    denoiser = mixture(golden, name)
    for x, component, expected in zip(
        golden[f"{name}/x"], golden[f"{name}/y"], golden[f"{name}/logratio"], strict=True
    ):
        point = torch.from_numpy(x).view(1, 1, 1, -1)
        unknown, label = prompts(golden, name, int(component))
        ours = denoiser.log_density(point, label[None]) - denoiser.log_density(point, unknown[None])
        assert float(ours) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("span", RANGES)
def test_estimates_over_a_range(golden: dict[str, np.ndarray], name: str, span: str) -> None:
    """i^s and i^o of a point over a cut range lie within four standard errors of their exact values."""
    denoiser, (low, high) = mixture(golden, name), RANGES[span]
    for k in range(4):
        x = torch.from_numpy(golden[f"{name}/x"][k]).view(1, 1, -1)
        unknown, label = prompts(golden, name, int(golden[f"{name}/y"][k]))
        draws = sample_draws(
            shape=(1, 1, x.numel()),
            steps=[4000],
            density="logistic",
            design="stratified",
            antithetic_eps=True,
            interval=Interval(low, high, 1.0, 2.0),
            rng=np.random.default_rng(k),
        )
        pair = ("unknown", "label")
        result = estimate(denoiser, x, {"unknown": unknown, "label": label}, [pair], draws, 1 << 14)
        for kind, ours in (("is", result.standard[pair]), ("io", result.orthogonal[pair])):
            assert abs(ours.total - golden[f"{name}/{kind}_{span}"][k]) < 4 * ours.total_error


def test_field(reference: Path) -> None:
    """x ~ N(m, λ) given the condition, N(0, λ + τ) without: log ratios of every pixel."""
    with np.load(reference / "golden" / "map.npz") as golden:
        lam, tau, mean, x, expected = (
            torch.from_numpy(golden[f"hw16/{key}"]).double() for key in ("lam", "tau", "m", "x", "logratio")
        )
    known = Condition.of(torch.stack([mean, lam]))
    marginal = Condition.of(torch.stack([torch.zeros_like(mean), lam + tau]))
    ours = GaussianField.log_density(x, known) - GaussianField.log_density(x, marginal)
    assert torch.allclose(ours, expected.sum(0), atol=1e-4)
