"""Gradients against closed forms: denoisers of Gaussian pixels, where everything is known by hand."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.information.gradient_maps import EVALUATIONS_A_DRAW
from infodecomp.models.gradients import WordDirection, direction_maps, directional_derivative, loss_gradients, loss_rows
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.seeds import generator
from infodecomp.validation.denoisers import GaussianField
from tests.conftest import ROOT

SHAPE = (2, 3, 4)
WIDE = Interval(low=-25.0, high=27.0, loc=1.0, scale=2.0)


def rng_tensor(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(generator(0, name).standard_normal(shape))


MEAN = rng_tensor("mean", *SHAPE)
SHIFT = rng_tensor("shift", *SHAPE)
VARIANCE = 0.3 + rng_tensor("variance", *SHAPE).square()
PROMPT, MOVED = (Condition.of(torch.stack([mean, VARIANCE])) for mean in (MEAN, MEAN - SHIFT))
X = rng_tensor("x", *SHAPE)


def draws(count: int, interval: Interval = WIDE, density: str = "logistic") -> Draws:
    return sample_draws(
        shape=SHAPE,
        steps=[count],
        density=density,
        design="stratified",
        antithetic_eps=True,
        interval=interval,
        rng=generator(0, "draws"),
    )


def maps_of(prompt: Condition, moved: Condition, used: Draws, batch_size: int = 64) -> torch.Tensor:
    derivative = partial(directional_derivative, GaussianField())
    (found,) = direction_maps(derivative, [WordDirection(X, moved, prompt, used)], [len(used)], batch_size)
    return found[len(used)]


def test_the_map_of_a_shifted_mean_is_pi_times_it_over_the_spread() -> None:
    """x_j ~ N(m, v), δ moves m: ∫ √(σ(α)σ(−α)) |δ|/(σ(α)v + σ(−α)) dα = π|δ|/√v; the channels of a pixel have one v."""
    variance = VARIANCE[:1].expand(SHAPE)
    prompt, moved = (Condition.of(torch.stack([mean, variance])) for mean in (MEAN, MEAN - SHIFT))
    exact = math.pi * SHIFT.norm(dim=0) / variance[0].sqrt()
    torch.testing.assert_close(maps_of(prompt, moved, draws(4000)), exact, rtol=2e-3, atol=0)


def difference(used: Draws, prompt: Condition, moved: Condition) -> torch.Tensor:
    """∫ E ‖ε̂(x_α | z) − ε̂(x_α | z − δ)‖ dα, whose first order the map is."""
    gap = estimate(GaussianField(), X, {"a": prompt, "b": moved}, [("b", "a")], used).gap["b", "a"]
    return (used.weight[:, None, None] * gap.sqrt()).mean(0)


def test_where_the_prediction_is_linear_in_the_prompt_the_map_is_the_difference_itself() -> None:
    used = draws(64)
    found = maps_of(PROMPT, MOVED, used)
    torch.testing.assert_close(found, difference(used, PROMPT, MOVED), rtol=1e-9, atol=0)


def test_elsewhere_it_is_its_first_order() -> None:
    """What is missed falls as the square of the step: by four when the step is halved."""
    used, step = draws(64), torch.stack([SHIFT, 0.5 * VARIANCE])

    def miss(size: float) -> float:
        moved = Condition.of(PROMPT.states - size * step)
        return float((maps_of(PROMPT, moved, used) - difference(used, PROMPT, moved)).abs().sum())

    assert miss(0.01) / miss(0.005) == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batches_do_not_show(batch_size: int) -> None:
    used = draws(20)
    found = maps_of(PROMPT, MOVED, used, batch_size)
    torch.testing.assert_close(found, maps_of(PROMPT, MOVED, used, 20), rtol=1e-12, atol=0)


def test_a_direction_costs_twice_the_arithmetic_of_the_pass_that_carries_it() -> None:
    """What evaluations are counted as; its time is longer (docs/gradients.md)."""
    model = LatentDiffusion.load(str(ROOT / "data/models/scenes"))
    x, logsnr = torch.zeros(2, *model.latent_shape), torch.zeros(2, dtype=torch.float64)
    text = Condition.stack(model.encode_prompts(["a dog", "a cat on a bed"]))
    with FlopCounterMode(display=False) as plain:
        model(x, logsnr, text)
    with FlopCounterMode(display=False) as carried:
        directional_derivative(model.differentiable, x, logsnr, text, Condition.of(torch.ones_like(text.states)))
    assert carried.get_total_flops() / plain.get_total_flops() == pytest.approx(EVALUATIONS_A_DRAW, rel=0.05)


def test_gradients_of_the_loss_are_those_of_the_log_density() -> None:
    """loss = −log p(x | m, v) + constant, so ∂/∂x = (x − m)/v, ∂/∂m = −(x − m)/v, ∂/∂v = ½(1/v − (x − m)²/v²)."""
    used = draws(6000)
    found = loss_gradients(partial(loss_rows, GaussianField()), X, PROMPT, used, 512)
    pull = (X - MEAN) / VARIANCE
    torch.testing.assert_close(found.latent, pull, rtol=0, atol=0.05)
    exact = torch.stack([-pull, 0.5 * (1 / VARIANCE - pull.square())])
    torch.testing.assert_close(found.states, exact, rtol=0, atol=0.08)


def test_only_the_cells_of_a_box_count() -> None:
    cells = torch.zeros(SHAPE[1:], dtype=torch.bool)
    cells[:, :2] = True
    used = draws(40)
    whole, part = (
        loss_gradients(partial(loss_rows, GaussianField()), X, PROMPT, used, 16, chosen) for chosen in (None, cells)
    )
    torch.testing.assert_close(part.latent[:, cells], whole.latent[:, cells])
    assert not part.latent[:, ~cells].any() and part.loss != whole.loss
    assert math.isfinite(part.loss)
