"""What the estimator evaluates, in which batches, and that neither changes a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, Row, estimate, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws

SHAPE = (3, 4, 5)
PAIRS = [("empty", "word"), ("context", "full")]


class Counting:
    """A denoiser that depends on every input of its row alone, and remembers its calls."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.seen: list[tuple[float, ...]] = []

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.batches.append(len(x_alpha))
        self.seen += [tuple(row.tolist()) for row in condition.states]
        return torch.tanh(x_alpha * condition.states[:, 0, None, None, None] + logsnr[:, None, None, None] * 0.1)

    @property
    def evaluations(self) -> int:
        return sum(self.batches)


def make_draws(steps: Sequence[int] = (6, 12), seed: int = 0, *, antithetic: bool = False) -> Draws:
    return sample_draws(
        shape=SHAPE,
        steps=list(steps),
        density="logistic",
        design="stratified",
        antithetic_eps=antithetic,
        interval=Interval(-5.0, 7.0, 1.0, 2.0),
        rng=np.random.default_rng(seed),
    )


def make_prompts(**values: float) -> dict[str, Condition]:
    return {name: Condition.of(torch.tensor([value, 1.0])) for name, value in values.items()}


PROMPTS = make_prompts(empty=0.1, word=0.5, context=0.3, full=0.9)
X = torch.from_numpy(np.random.default_rng(1).normal(size=SHAPE).astype(np.float32))


def equal(one: Estimate, other: Estimate, tolerance: float = 0.0) -> None:
    assert one.gap.keys() == other.gap.keys() and one.error.keys() == other.error.keys()
    for kind in ("standard", "orthogonal", "nll"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        for key in mine:
            for field in ("map", "map_error", "total", "total_error"):
                a, b = np.asarray(getattr(mine[key], field)), np.asarray(getattr(theirs[key], field))
                assert np.abs(a - b).max() <= tolerance * max(1.0, np.abs(b).max())


def test_each_distinct_prompt_is_evaluated_once_a_draw() -> None:
    denoiser = Counting()
    result = estimate(denoiser, X, PROMPTS, PAIRS, make_draws())
    assert denoiser.evaluations == result.evaluations == 4 * 12
    assert len(set(denoiser.seen)) == 4


def test_a_prompt_that_two_pairs_share_is_evaluated_once() -> None:
    denoiser = Counting()
    result = estimate(denoiser, X, PROMPTS, [("empty", "word"), ("empty", "full")], make_draws())
    assert denoiser.evaluations == result.evaluations == 3 * 12


def test_equal_conditions_under_two_names_are_evaluated_once() -> None:
    denoiser = Counting()
    prompts = make_prompts(empty=0.1, word=0.5, context=0.1, full=0.5)
    result = estimate(denoiser, X, prompts, PAIRS, make_draws())
    assert denoiser.evaluations == result.evaluations == 2 * 12
    assert set(result.error) == {"empty", "word", "context", "full"}
    assert np.array_equal(result.standard[PAIRS[0]].map, result.standard[PAIRS[1]].map)
    assert result.at(6).evaluations == 2 * 6


def test_a_pair_of_equal_prompts_tells_nothing() -> None:
    prompts = make_prompts(empty=0.5, word=0.5)
    result = estimate(Counting(), X, prompts, [("empty", "word")], make_draws())
    assert result.evaluations == 12
    for quantity in (result.standard, result.orthogonal):
        assert not quantity["empty", "word"].map.any() and quantity["empty", "word"].total == 0


def test_prompts_that_no_pair_needs_are_not_evaluated() -> None:
    denoiser = Counting()
    result = estimate(denoiser, X, PROMPTS, [("empty", "word")], make_draws())
    assert denoiser.evaluations == 2 * 12
    assert set(result.error) == set(result.nll) == {"empty", "word"}


def test_without_pairs_only_the_likelihood_is_estimated() -> None:
    denoiser = Counting()
    result = estimate(denoiser, X, PROMPTS, [], make_draws())
    assert denoiser.evaluations == 4 * 12
    assert result.standard == {} and result.orthogonal == {} and result.curve == {}
    assert set(result.nll) == set(PROMPTS)
    with_pairs = estimate(Counting(), X, PROMPTS, PAIRS, make_draws())
    for name in PROMPTS:
        assert np.array_equal(result.nll[name].map, with_pairs.nll[name].map)


def test_an_unknown_prompt_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="caption"):
        estimate(Counting(), X, PROMPTS, [("empty", "caption")], make_draws())


@pytest.mark.parametrize("batch_size", [1, 7, 47, 48, 49, 1000])
def test_batches_are_filled_and_change_no_number(batch_size: int) -> None:
    denoiser = Counting()
    result = estimate(denoiser, X, PROMPTS, PAIRS, make_draws(), batch_size)
    assert max(denoiser.batches) <= batch_size
    assert all(size == batch_size for size in denoiser.batches[:-1])  # across draws and prompts
    equal(result, estimate(Counting(), X, PROMPTS, PAIRS, make_draws(), 48), tolerance=1e-6)


def test_batches_run_across_images() -> None:
    problems = [Problem(X * scale, PROMPTS, PAIRS, make_draws((3,), seed)) for seed, scale in enumerate((1, 2, 3))]
    denoiser = Counting()
    results = list(estimate_many(denoiser, problems, 10))
    assert denoiser.batches == [10, 10, 10, 6]
    for problem, result in zip(problems, results, strict=True):
        equal(result, estimate(Counting(), problem.x, PROMPTS, PAIRS, problem.draws), tolerance=1e-6)


def test_order_of_images_changes_nothing() -> None:
    """Bit for bit, at a batch size that splits images differently in the two orders."""
    problems = [Problem(X * scale, PROMPTS, PAIRS, make_draws((4,), seed)) for seed, scale in enumerate((1, 2, 3))]
    forward = list(estimate_many(Counting(), problems, 5))
    backward = list(estimate_many(Counting(), problems[::-1], 5))
    for one, other in zip(forward, backward[::-1], strict=True):
        equal(one, other)


def test_an_estimate_comes_as_soon_as_it_is_complete() -> None:
    read = []

    def problems():
        for number in range(4):
            read.append(number)
            yield Problem(X, PROMPTS, PAIRS, make_draws((3,), number))

    stream = estimate_many(Counting(), problems(), 12)
    next(stream)
    assert read == [0]  # the second image has not been asked for
    assert len(list(stream)) == 3


@pytest.mark.parametrize("antithetic", [False, True])
def test_a_nested_estimate_is_the_estimate_from_its_draws(antithetic: bool) -> None:
    draws = make_draws((6, 12, 24), antithetic=antithetic)
    whole = estimate(Counting(), X, PROMPTS, PAIRS, draws)
    for count in (6, 12, 24):
        part = whole.at(count)
        equal(part, estimate(Counting(), X, PROMPTS, PAIRS, draws.first(count)), tolerance=1e-6)
        assert part.evaluations == 4 * count


def test_before_call_sees_every_row_in_the_order_of_the_batch() -> None:
    problems = [Problem(X, PROMPTS, [("empty", "word")], make_draws((3,), seed)) for seed in range(2)]
    denoiser, batches = Counting(), list[list[Row]]()

    def before_call(rows: Sequence[Row]) -> None:
        assert len(batches) == len(denoiser.batches)  # before, not after
        batches.append(list(rows))

    list(estimate_many(denoiser, problems, 5, before_call))
    assert [len(batch) for batch in batches] == denoiser.batches == [5, 5, 2]
    rows = [row for batch in batches for row in batch]
    assert rows == [Row(p, d, name) for p in range(2) for d in range(3) for name in ("empty", "word")]
    assert denoiser.seen == [tuple(PROMPTS[row.prompt].states.tolist()) for row in rows]


def test_values_follow_the_definitions() -> None:
    """Maps, totals and the curve against a direct computation of Eq. 2 and 6."""
    draws = make_draws((24,))
    result = estimate(Counting(), X, PROMPTS, PAIRS, draws)
    signal, noise = torch.sigmoid(draws.logsnr).sqrt(), torch.sigmoid(-draws.logsnr).sqrt()
    mixed = signal[:, None, None, None] * X + noise[:, None, None, None] * draws.eps[:]
    mixed = mixed.float()
    predicted = {name: Counting()(mixed, draws.logsnr.float(), PROMPTS[name].expand(24)).double() for name in PROMPTS}
    weight = draws.weight[:, None, None]
    for first, second in PAIRS:
        errors = [(draws.eps[:] - predicted[name]).square().sum(1) for name in (first, second)]
        standard = 0.5 * (errors[0] - errors[1])
        orthogonal = 0.5 * (predicted[first] - predicted[second]).square().sum(1)
        for found, expected in ((result.standard, standard), (result.orthogonal, orthogonal)):
            assert np.allclose(found[first, second].map, (weight * expected).mean(0), atol=1e-5)
            assert found[first, second].total == pytest.approx(float((weight * expected).mean(0).sum()), abs=1e-4)
        curve = result.curve[first, second]
        order = np.argsort(draws.logsnr.numpy())
        assert np.array_equal(curve.logsnr, draws.logsnr.numpy()[order])
        assert np.allclose(curve.standard, standard.sum((1, 2)).numpy()[order], atol=1e-4)
        assert np.allclose(curve.orthogonal, orthogonal.sum((1, 2)).numpy()[order], atol=1e-4)
    gaussian = 3 * torch.sigmoid(draws.logsnr)[:, None, None]
    error = (draws.eps[:] - predicted["full"]).square().sum(1)
    expected = (weight * 0.5 * (error - gaussian)).mean(0) + 1.5 * np.log(2 * np.pi * np.e)
    assert np.allclose(result.nll["full"].map, expected, atol=1e-5)


def test_the_image_value_is_the_sum_over_pixels() -> None:
    result = estimate(Counting(), X, PROMPTS, PAIRS, make_draws())
    for found in (*result.standard.values(), *result.orthogonal.values(), *result.nll.values()):
        assert found.map.shape == SHAPE[1:] and found.map.dtype == np.float64
        assert found.total == pytest.approx(found.map.sum(), rel=1e-9)
        assert np.array_equal(np.asarray(found), found.map) and np.asarray(found, dtype=np.float32).dtype == np.float32


def test_independent_draws_have_the_textbook_standard_error() -> None:
    draws = make_draws((12,))
    loose = Draws(draws.logsnr, draws.weight, draws.eps)
    result = estimate(Counting(), X, PROMPTS, PAIRS, loose)
    values = (loose.weight * 0.5 * result.gap["empty", "word"].double().sum((1, 2))).numpy()
    expected = values.std(ddof=1) / np.sqrt(12)
    assert result.orthogonal["empty", "word"].total_error == pytest.approx(expected, rel=1e-9)


def test_two_draws_have_no_standard_error() -> None:
    result = estimate(Counting(), X, PROMPTS, PAIRS, make_draws((2,)))
    assert np.isnan(result.standard["empty", "word"].total_error)
    assert np.isfinite(result.standard["empty", "word"].total)
