"""Prompts of a call are projected once each: how often, that predictions stay the same, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import Tap
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.shared_prompts import SharedPrompts, distinct_rows
from tests.unit.small_model import small_model

ROWS = 6


@pytest.fixture(scope="module")
def model() -> LatentDiffusion:
    return small_model()


@pytest.fixture(scope="module")
def texts(model: LatentDiffusion) -> Condition:
    return Condition.stack(model.encode_prompts(["a dog on a bed", "a bed", "", "a cat"]))


def inputs(condition: Condition) -> tuple[torch.Tensor, torch.Tensor, Condition]:
    x = torch.randn(len(condition), 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return x, torch.linspace(-3, 3, len(condition)), condition


class Counting:
    """Stands in the place of a layer's forward, as libraries that wrap layers do, and keeps the rows of its calls."""

    def __init__(self, forward: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.forward, self.rows = forward, list[int]()

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        self.rows.append(len(states))
        return self.forward(states)


def test_each_prompt_is_projected_once_by_itself(texts: Condition) -> None:
    model = small_model()
    layer = model.denoiser.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    counting = layer.to_k.forward = Counting(layer.to_k.forward)
    model(*inputs(texts[[0, 1, 0, 0, 1, 2]]))
    assert counting.rows == [1, 1, 1]
    assert layer.to_k.forward is counting
    assert "forward" not in vars(layer.to_v)


@pytest.mark.parametrize("prompts", [[0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 1, 2], [3, 2, 1, 0, 2, 3]])
def test_predictions_are_those_without_sharing(model: LatentDiffusion, texts: Condition, prompts: list[int]) -> None:
    arguments = inputs(texts[prompts])
    plain = model.differentiable(*arguments)
    assert torch.allclose(model(*arguments), plain, atol=1e-6)


def test_a_row_does_not_depend_on_the_prompts_of_the_others(model: LatentDiffusion, texts: Condition) -> None:
    x, logsnr, condition = inputs(texts[[0, 0, 0, 0, 0, 0]])
    alone = model(x, logsnr, condition)
    for others in ([0, 1, 2, 3, 1, 2], [0, 3, 3, 0, 3, 3]):
        assert torch.equal(model(x, logsnr, texts[others])[0], alone[0])


def test_attention_is_recorded_of_every_row(model: LatentDiffusion, texts: Condition) -> None:
    arguments = inputs(texts[[0, 1, 0, 0, 1, 2]])

    def recorded(predict: Callable[..., torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
        with model.recording() as recorder:
            recorder.expect([Tap(row, row, [1, 2, 3]) for row in range(ROWS)])
            with torch.inference_mode():
                predict(*arguments)
            return {row: recorder.pop(row).layers for row in range(ROWS)}

    shared, plain = recorded(model), recorded(model.differentiable)
    for row in range(ROWS):
        assert shared[row].keys() == plain[row].keys() and shared[row]
        for name, sums in shared[row].items():
            assert torch.allclose(sums, plain[row][name], atol=1e-6)


def test_other_states_are_left_alone(model: LatentDiffusion, texts: Condition) -> None:
    """Even where they equal the text's: a layer that changes the text first, or looks at the image."""
    prompts = SharedPrompts(model.denoiser)
    projection = prompts.projections[-1]
    counting = projection.forward = Counting(projection.forward)
    width = projection.in_features
    states = torch.ones(ROWS, 3, width)
    try:
        with prompts.of(states):
            projection(states.clone())
            projection(states)
    finally:
        del projection.forward
    assert counting.rows == [ROWS, 1]


def test_a_call_that_fails_leaves_the_layers_as_they_were(model: LatentDiffusion, texts: Condition) -> None:
    prompts = SharedPrompts(model.denoiser)
    with pytest.raises(ZeroDivisionError), prompts.of(texts.states):
        _ = 1 / 0
    assert prompts.projections and all("forward" not in vars(one) for one in prompts.projections)


@pytest.mark.parametrize(
    ("rows", "first", "of_row"),
    [
        ([[1.0, 2.0]], [0], [0]),
        ([[1.0, 2.0], [1.0, 2.0]], [0], [0, 0]),
        ([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [-1.0, 2.0], [2.0, 1.0]], [0, 1, 3], [0, 1, 0, 2, 1]),
        ([[float("nan")], [float("nan")], [0.0]], [0, 1, 2], [0, 1, 2]),
    ],
)
def test_distinct_rows(rows: list[list[float]], first: list[int], of_row: list[int]) -> None:
    """Also when they have the same numbers in another order, or with another sign."""
    found, index = distinct_rows(torch.tensor(rows))
    assert found == first and index.tolist() == of_row
