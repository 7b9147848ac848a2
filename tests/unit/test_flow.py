"""The Karras form of the flow, and the one way to ask for any sampler."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from infodecomp.flows.karras import KarrasPath, Solver, euler_move, heun_move, karras_sigmas
from infodecomp.flows.path import Sampler, make_path
from infodecomp.validation.denoisers import GaussianField
from tests.unit.field_model import field_model, gaussian, prompt


def test_the_schedule_falls_from_end_to_end() -> None:
    sigmas = karras_sigmas(10, 0.03, 14.6)
    assert len(sigmas) == 10 and sigmas == sorted(sigmas, reverse=True)
    assert (sigmas[0], sigmas[-1]) == pytest.approx((14.6, 0.03), rel=1e-12)
    assert karras_sigmas(2, 0.03, 14.6, 3.0) == pytest.approx([14.6, 0.03], rel=1e-12)


def test_rho_spaces_the_schedule() -> None:
    """rho 1 spaces σ itself evenly; a larger one puts more levels at low noise."""
    assert karras_sigmas(5, 1.0, 9.0, 1.0) == pytest.approx([9.0, 7.0, 5.0, 3.0, 1.0])
    assert karras_sigmas(5, 1.0, 9.0, 7.0)[2] < karras_sigmas(5, 1.0, 9.0, 3.0)[2] < 5.0


def test_one_move_each() -> None:
    """On dx/dσ = x, exactly: 1 + h for Euler and 1 + h + h²/2 for Heun."""
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    assert float(euler_move(lambda x, _: x, one, 1.0, 1.5)) == pytest.approx(1.5)
    assert float(heun_move(lambda x, _: x, one, 1.0, 1.5)) == pytest.approx(1.625)
    assert float(heun_move(lambda x, _: x, one, 1.0, 0.5)) == pytest.approx(0.625)


def test_heun_asks_at_both_ends_of_a_move() -> None:
    asked: list[float] = []

    def slope(x: torch.Tensor, sigma: float) -> torch.Tensor:
        asked.append(sigma)
        return torch.full_like(x, sigma)  # dx/dσ = σ: exact for the trapezium

    moved = heun_move(slope, torch.zeros(1, 1, 1, 1), 2.0, 1.0)
    assert asked == [2.0, 1.0] and float(moved) == pytest.approx(-1.5)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_model_is_given_the_variance_preserving_latent(solver: Solver) -> None:
    """The exact denoiser of N(0, 1) predicts ε̂ = σ x_k/(1 + σ²), on which √(1 + σ²) grows as the flow does."""
    path = KarrasPath(GaussianField((-5.0, 7.0)), solver, 400)
    x = gaussian((2, 1, 4, 3))
    low, high = path.sigmas[-1], path.sigmas[0]
    assert (low, high) == pytest.approx((math.exp(-3.5), math.exp(2.5)))
    expected = x * math.sqrt((1 + high**2) / (1 + low**2))
    assert (path.reverse(x, prompt(0.0, 1.0)) / expected - 1).abs().max() < {"euler": 2e-2, "heun": 1e-4}[solver]


@pytest.mark.parametrize(("sampler", "evaluations"), [("heun", 18), ("euler", 9), ("ddim", 10)])
def test_each_sampler_tells_its_evaluations_and_announces_them(sampler: Sampler, evaluations: int) -> None:
    field, told = field_model(), list[int]()
    path = make_path(sampler, field, 10)  # type: ignore[arg-type]
    noise = path.reverse(gaussian((2, 1, 4, 3)), prompt())
    upward = list(field.calls)
    path.generate(noise, prompt(), before_call=lambda: told.append(len(field.calls)))
    assert path.evaluations == evaluations == len(upward)
    assert upward == sorted(upward, reverse=True)  # towards noise
    assert told == list(range(evaluations, 2 * evaluations))
    assert len(field.calls) == 2 * evaluations


@pytest.mark.parametrize("sampler", get_args(Sampler))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_sampler_returns_to_the_start(sampler: Sampler, dtype: torch.dtype) -> None:
    x = (0.3 + 0.6**0.5 * gaussian((2, 1, 4, 3))).to(dtype)
    path = make_path(sampler, field_model(), 100)  # type: ignore[arg-type]
    noise = path.reverse(x, prompt().to("cpu", dtype))
    assert noise.dtype == dtype and (noise - x).abs().max() > 0.2
    back = path.generate(noise, prompt().to("cpu", dtype))
    assert back.dtype == dtype
    assert (back - x).abs().max() < {"heun": 1e-3, "euler": 0.2, "ddim": 0.03}[sampler]


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_narrow_data_arrive_as_noise_only_if_they_start_with_some(sampler: Sampler) -> None:
    """Of N(μ, v) with v far below the lowest σ²: √(v + σ²) grows to the highest σ; a sample without noise stays small."""
    variance = 1e-6
    path = make_path(sampler, field_model(), 500)  # type: ignore[arg-type]
    known = prompt(0.3, variance, rows=100)
    x = 0.3 + variance**0.5 * gaussian((100, 1, 4, 3))
    given = path.noise * gaussian((100, 1, 4, 3), seed=1)
    bare, noised = path.reverse(x, known), path.reverse(x + given, known)
    assert float(noised.std()) == pytest.approx(path.spread, rel=0.3 if sampler == "ddim" else 0.1)
    assert float(bare.std()) < 0.1 * path.spread


def test_without_noise_at_its_end_a_path_gives_none() -> None:
    assert make_path("ddim", field_model(set_alpha_to_one=True), 10).noise == 0.0  # type: ignore[arg-type]


def test_rho_reaches_the_schedule() -> None:
    path = make_path("heun", field_model(), 5, rho=1.0)  # type: ignore[arg-type]
    assert isinstance(path, KarrasPath)
    gaps = [a - b for a, b in zip(path.sigmas, path.sigmas[1:], strict=False)]
    assert gaps == pytest.approx([gaps[0]] * 4)


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_row_that_is_not_finite_spoils_no_other(sampler: Sampler) -> None:
    x = gaussian((3, 1, 4, 3))
    x[1, 0, 2, 1] = math.nan
    path = make_path(sampler, field_model(), 6)  # type: ignore[arg-type]
    back = path.generate(path.reverse(x, prompt(rows=3)), prompt(rows=3))
    assert back[1].isnan().any()
    clean = path.generate(path.reverse(x[::2], prompt(rows=2)), prompt(rows=2))
    assert torch.allclose(back[::2], clean, atol=1e-12)
