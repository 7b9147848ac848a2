"""Conditions as wholes: several named tensors are compared, stacked, selected, filled up and moved together."""

from __future__ import annotations

import pytest
import torch

from infodecomp.estimator.batching import padded
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.models.batch_size import BatchSize
from infodecomp.runs.seeds import generator


def condition(number: int) -> Condition:
    """As of a model with two towers: states, a pooled vector and a mask."""
    return Condition(
        {
            "states": torch.full((3, 2), float(number)),
            "pooled": torch.full((4,), number + 0.5),
            "mask": torch.tensor([True, True, number > 1]),
        }
    )


CONDITIONS = [condition(number) for number in range(3)]


@pytest.mark.parametrize("name", ["states", "pooled", "mask"])
def test_every_tensor_counts_in_a_comparison(name: str) -> None:
    one = condition(2)
    other = one.replaced({name: torch.zeros_like(one.tensors[name])})
    assert one.equal(condition(2)) and not one.equal(other) and not other.equal(one)
    assert not one.equal(Condition.of(one.states)) and not Condition.of(one.states).equal(one)


def test_rows_of_a_batch() -> None:
    batch = Condition.stack(CONDITIONS, [2, 0, 0, 1])
    assert (
        len(batch) == 4 and [row.equal(CONDITIONS[k]) for row, k in zip(batch, (2, 0, 0, 1), strict=True)] == [True] * 4
    )
    assert batch[torch.tensor([3, 0])].equal(Condition.stack(CONDITIONS, [1, 2]))
    assert batch[1:3].equal(CONDITIONS[0].expand(2))
    assert Condition.cat([batch[:2], batch[2:]]).equal(batch)
    assert Condition.stack(CONDITIONS).equal(Condition.stack(CONDITIONS, [0, 1, 2]))
    assert padded(batch, 6).equal(Condition.stack(CONDITIONS, [2, 0, 0, 1, 2, 2]))


def of_tokens(count: int, seed: int = 0) -> Condition:
    """States of some tokens, and their mask."""
    states = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return Condition({"states": states, "mask": torch.ones(count, dtype=torch.bool)})


def test_fewer_tokens_are_filled_up_and_masked() -> None:
    short, long = of_tokens(2), of_tokens(5, seed=1)
    batch = Condition.stack([short, long])
    assert batch.states.shape == (2, 5, 2) and batch.tensors["mask"].sum(1).tolist() == [2, 5]
    assert torch.equal(batch.states[0, :2], short.states) and not batch.states[0, 2:].any()
    assert Condition.cat([short.expand(1), long.expand(1)]).equal(batch)
    assert Condition.cat([batch, of_tokens(7).expand(2)]).states.shape == (4, 7, 2)
    difference = short.minus(long)
    assert torch.equal(difference.states[2:], -long.states[2:]) and difference.states.shape == (5, 2)
    with pytest.raises(ValueError, match="different numbers of tokens, and no mask"):
        Condition.stack([Condition.of(short.states), Condition.of(long.states)])


def test_a_row_alone_is_what_it_is_among_longer_ones() -> None:
    """Masked attention over the tokens, of one image for prompts of different lengths."""

    def model(x_alpha: torch.Tensor, logsnr: torch.Tensor, given: Condition) -> torch.Tensor:
        scores = given.states.sum(2).masked_fill(~given.tensors["mask"], -torch.inf)
        read = (scores.softmax(1)[:, :, None] * given.states).sum(1)
        return torch.tanh(x_alpha + read[:, :, None, None])

    prompts = [of_tokens(count, seed=count) for count in (1, 4, 9)]
    x, logsnr = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(3)
    together = model(x, logsnr, Condition.stack(prompts))
    for row, prompt in enumerate(prompts):
        alone = model(x[row : row + 1], logsnr[:1], prompt.expand(1))[0]
        torch.testing.assert_close(together[row], alone, rtol=0, atol=1e-6)


def test_the_hash_is_that_of_names_dtypes_shapes_and_values() -> None:
    one = of_tokens(3)
    others = [
        Condition({"state": one.states, "mask": one.tensors["mask"]}),
        one.replaced({"mask": one.tensors["mask"].to(torch.uint8)}),
        one.replaced({"states": one.states[None]}),
        one.replaced({"states": one.states + 1e-6}),
    ]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 5
    assert of_tokens(3).sha256 == one.sha256 and Condition.stack([one, one])[1].equal(one)


def test_only_floating_tensors_take_a_dtype_and_a_difference() -> None:
    half = condition(1).to("cpu", torch.float16)
    assert {name: tensor.dtype for name, tensor in half.tensors.items()} == {
        "states": torch.float16,
        "pooled": torch.float16,
        "mask": torch.bool,
    }
    difference = condition(2).minus(condition(0))
    assert set(difference.tensors) == {"states", "pooled"} and float(difference.tensors["pooled"][0]) == 2.0
    same = condition(1).to("cpu", torch.float32)
    assert same.states.dtype == torch.float32


def test_a_model_of_several_tensors_is_estimated_in_batches_and_halves() -> None:
    """Pooled vectors and masks arrive with the rows that they belong to, whatever shares a call."""

    def row(x_alpha: torch.Tensor, logsnr: torch.Tensor, given: Condition) -> torch.Tensor:
        tensors = given.tensors
        assert all(len(tensor) == len(x_alpha) for tensor in tensors.values())
        level = (tensors["states"].sum(2) * tensors["mask"]).sum(1) + tensors["pooled"].sum(1)
        return torch.tanh(x_alpha * level[:, None, None, None] + 0.1 * logsnr[:, None, None, None])

    size = BatchSize(5)

    def filled(x_alpha: torch.Tensor, logsnr: torch.Tensor, given: Condition) -> torch.Tensor:
        return size.run_filled(row, x_alpha, logsnr, given)

    prompts = {"empty": CONDITIONS[0], "word": CONDITIONS[1], "full": CONDITIONS[2]}
    draws = sample_draws(
        shape=(2, 3, 3),
        steps=[6],
        density="logistic",
        design="stratified",
        antithetic_eps=True,
        interval=Interval(-5.0, 7.0, 1.0, 2.0),
        rng=generator(0, "conditions"),
    )
    pairs = [("empty", "word"), ("word", "full")]
    x = torch.ones(2, 3, 3)
    whole, parts = (estimate(model, x, prompts, pairs, draws, rows) for model, rows in ((row, 100), (filled, 7)))
    for pair in pairs:
        torch.testing.assert_close(parts.gap[pair], whole.gap[pair])
    assert whole.evaluations == 18
