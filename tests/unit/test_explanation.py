"""Gradients through a generation: finite differences, boxes, checkpointing, and integrals that add up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from infodecomp.attribution.boxes import box_cells
from infodecomp.attribution.generated import Walk, explain, target_sum
from infodecomp.estimator.channel import trained_logsnr
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.figures import saliency_overlay
from infodecomp.flows.ddim import Ddim
from infodecomp.flows.generation import Sampler, Start
from infodecomp.models.channels import VariancePreserving
from infodecomp.models.ddim_schedule import ddim_schedule
from infodecomp.models.gradients import directional_derivative, integrated_gradients, loss_gradients, loss_rows, reduced
from infodecomp.runs.seeds import generator
from tests.unit.small_model import small_model

STEPS, SIDE, SCALE = 4, 6, 2  # latents of 6 x 6, pictures twice as large


def random(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(generator(0, name).standard_normal(shape))


WEIGHTS = random("weights", 3, 5)


def predict(x: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
    """Smooth, and every pixel by itself; the text says by how much."""
    push = torch.tanh(torch.einsum("btw,cw->bc", condition.states, WEIGHTS))[:, :, None, None]
    return torch.tanh(x * push + 0.1 * logsnr[:, None, None, None].to(x))


def decode(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x).repeat_interleave(SCALE, 2).repeat_interleave(SCALE, 3)


def encode(pixels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(pixels, SCALE) * 1.5


def path() -> Ddim:
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1)
    table = trained_logsnr(scheduler.alphas_cumprod.double())
    model = SimpleNamespace(ddim_schedule=lambda steps: ddim_schedule(scheduler, steps, table))
    return Ddim(model, STEPS)


def walk_of(last: int = STEPS, *, given: bool = False, repaint: bool = False, checkpointing: bool = False) -> Walk:
    """A generation in float64."""
    sampler = Sampler(path(), Condition.of(random("empty", 4, 5)), guidance=2.5, strength=0.8 if given else 1.0)
    pixels = random("pixels", 1, 3, SIDE * SCALE, SIDE * SCALE) if given else None
    mask = torch.zeros(1, 1, SIDE, SIDE).double()
    mask[..., :3] = 1
    start = Start(
        random("noise", 1, 3, SIDE, SIDE), Condition.of(random("text", 1, 4, 5)), None, mask if repaint else None
    )
    full = start if pixels is None else replace(start, image=encode(pixels))
    trajectory = torch.cat(list(sampler.trajectory(predict, full)))
    steps = len(trajectory) - 1
    return Walk(sampler, predict, decode, encode, start, trajectory, min(last, steps), pixels, checkpointing)


@pytest.mark.parametrize("kind", ["text", "last", "image", "inpainting"])
def test_gradients_are_finite_differences(kind: str) -> None:
    options = {
        "text": {},
        "last": {"last": 2},
        "image": {"given": True},
        "inpainting": {"given": True, "repaint": True},
    }
    walk, box = walk_of(**options[kind]), (2, 0, 9, 5)
    inputs = tuple(value.clone().requires_grad_() for value in walk.inputs)
    gradients = torch.autograd.grad(target_sum(walk.picture(*inputs), box).sum(), inputs)
    for place in (0, 1):
        direction, step = random("direction", *inputs[place].shape), 1e-5

        def moved(size: float, place: int = place, direction: torch.Tensor = direction) -> torch.Tensor:
            values = list(walk.inputs)
            values[place] = values[place] + size * direction
            return target_sum(walk.picture(*values), box)[0]

        slope = (moved(step) - moved(-step)) / (2 * step)
        assert float(slope) == pytest.approx(float((gradients[place] * direction).sum()), rel=1e-6)
    assert walk.from_pixels == (kind in ("image", "inpainting"))


def test_the_walk_ends_in_the_picture_that_was_made() -> None:
    for walk in (walk_of(), walk_of(last=1), walk_of(given=True), walk_of(given=True, repaint=True)):
        torch.testing.assert_close(walk.picture(*walk.inputs), decode(walk.trajectory[-1:]))


def test_a_box_on_the_left_changes_when_the_left_changes() -> None:
    """Columns come first: x0, y0, x1, y1. Every pixel of this model depends on its own noise alone."""
    walk, left, top = walk_of(), (0, 0, 6, 12), (0, 0, 12, 6)
    picture = walk.picture(*walk.inputs)
    changed = picture.clone()
    changed[:, :, :, :6] += 1
    assert target_sum(changed, left) > target_sum(picture, left)
    assert target_sum(changed, (6, 0, 12, 12)) == target_sum(picture, (6, 0, 12, 12))
    of_left, of_top = (one.cells for one in explain(walk, [left, top], "max", "max"))
    assert (of_left[:, :3] > 0).all() and not of_left[:, 3:].any()
    assert (of_top[:3] > 0).all() and not of_top[3:].any()


def test_the_frame_is_drawn_around_the_box_that_is_explained() -> None:
    cells, box = np.zeros((4, 4)), (0, 4, 6, 16)
    drawn = [
        np.asarray(saliency_overlay.draw(np.zeros((16, 16, 3), dtype=np.uint8), cells, "cividis", frame)).astype(int)
        for frame in (None, box)
    ]
    rows, columns = np.nonzero((drawn[0] != drawn[1]).any(axis=2))
    factor = drawn[0].shape[0] // 16
    assert (columns.min(), columns.max()) == (0, 6 * factor - 1)
    assert (rows.min(), rows.max()) == (4 * factor, 16 * factor - 1)


def test_cells_that_a_box_touches() -> None:
    cells = box_cells((0, 4, 5, 8), 16, (4, 4))
    assert cells.nonzero().tolist() == [[1, 0], [1, 1]]


def test_boxes_of_one_walk_are_those_of_walks_of_their_own() -> None:
    walk, boxes = walk_of(), [None, (0, 0, 4, 4), (5, 3, 9, 12)]
    for box, found in zip(boxes, explain(walk, boxes, "grad_x_input", "mean"), strict=True):
        (alone,) = explain(walk, [box], "grad_x_input", "mean")
        torch.testing.assert_close(found.tokens, alone.tokens)
        torch.testing.assert_close(found.cells, alone.cells)


def test_checkpointing_changes_nothing() -> None:
    boxes = [None, (0, 0, 4, 4)]
    for plain, twice in zip(
        explain(walk_of(), boxes, "max", "max"), explain(walk_of(checkpointing=True), boxes, "max", "max"), strict=True
    ):
        torch.testing.assert_close(plain.tokens, twice.tokens)
        torch.testing.assert_close(plain.cells, twice.cells)


def test_integrated_gradients_add_up() -> None:
    walk = walk_of()
    parts = integrated_gradients(
        lambda *values: target_sum(walk.picture(*values), None), walk.inputs, walk.baselines, 60
    )
    whole, nothing = (target_sum(walk.picture(*values), None) for values in (walk.inputs, walk.baselines))
    assert float(sum(part.sum() for part in parts)) == pytest.approx(float(whole - nothing), rel=1e-3)
    (found,) = explain(walk, [None], "integrated", "max", points=60)
    torch.testing.assert_close(found.tokens.double(), parts[0][0].sum(-1).abs(), rtol=1e-5, atol=1e-6)
    (plain,) = explain(walk, [None], "max", "max")
    torch.testing.assert_close(found.cells, plain.cells)


def test_reductions() -> None:
    gradient, inputs = torch.tensor([[3.0, -4.0]]), torch.tensor([[1.0, 2.0]])
    expected = {"grad_x_input": 73**0.5, "max": 4, "mean": 3.5, "min": 3, "integrated": 1}
    found = {name: reduced(gradient, inputs, name, -1).item() for name in expected}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_derivative_of_a_prediction_along_a_direction(prediction: str) -> None:
    model = small_model()
    model.family.channel = VariancePreserving(model.logsnr_table, prediction)
    x, logsnr = torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(0)), torch.tensor([-1.0, 2.0])
    prompts = (["a cow", "snow on a bus"], ["a", "a bus"])
    z, other = (Condition.stack(model.encode_prompts(both)) for both in prompts)
    found = directional_derivative(model.differentiable, x, logsnr, z, z.minus(other))
    step = 0.05 * z.minus(other).states
    ahead, back = (model(x, logsnr, Condition.of(z.states + sign * step)) for sign in (1, -1))
    torch.testing.assert_close(found, (ahead - back) / 0.1, rtol=0, atol=0.02 * float(found.abs().max()))


def test_the_loss_of_a_diffusion_model_by_finite_differences() -> None:
    model = small_model()
    x, z = model.encode_pixels(torch.rand(1, 3, 16, 16)).clone(), model.encode_prompts(["a cow on snow"])[0].states
    draws = sample_draws(
        shape=(4, 8, 8),
        steps=[6],
        density="logistic",
        design="stratified",
        antithetic_eps=True,
        interval=Interval(-4, 6, 1, 2),
        rng=generator(0, "draws"),
    )
    found = loss_gradients(partial(loss_rows, model.differentiable), x, Condition.of(z), draws, 4)

    def loss(x: torch.Tensor, z: torch.Tensor) -> float:
        return loss_gradients(partial(loss_rows, model.differentiable), x, Condition.of(z), draws, 6).loss

    for place, gradient in enumerate((found.latent, found.states)):
        # Along the gradient itself, where rounding to float32 matters least.
        direction = (gradient / gradient.norm()).float()
        step = 3e-2
        ahead, back = ([x, z], [x, z])
        ahead[place], back[place] = ahead[place] + step * direction, back[place] - step * direction
        slope = (loss(*ahead) - loss(*back)) / (2 * step)
        assert slope == pytest.approx(float(gradient.norm()), rel=0.02)
