"""Evaluate a denoiser on the draws and prompts of images, and collect squared errors and gaps.

All prompts of an image share the same (α, ε), and each distinct prompt is evaluated once per draw. Batches run across draws,
prompts and images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import SupportsInt

import torch

from infodecomp.estimator.batching import batches
from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.prompt_pairs import PromptPair


@dataclass(frozen=True)
class Problem:
    """One image to estimate. x: (C, h, w); prompts: name → condition; pairs: (reference, conditioned) names."""

    x: torch.Tensor
    prompts: Mapping[str, Condition]
    pairs: Sequence[PromptPair]
    draws: Draws

    @cached_property
    def evaluated(self) -> dict[str, str]:
        """Name → the name under which it is evaluated; equal conditions share one; prompts that no pair uses have none."""
        needed = list(dict.fromkeys(name for pair in self.pairs for name in pair)) or list(self.prompts)
        chosen: dict[str, str] = {}
        for name in needed:
            twin = (other for other in chosen.values() if self.prompts[other].equal(self.prompts[name]))
            chosen[name] = next(twin, name)
        return chosen

    @property
    def distinct(self) -> list[str]:
        """The prompts that the denoiser sees."""
        return list(dict.fromkeys(self.evaluated.values()))


@dataclass(frozen=True)
class Row:
    """One denoiser evaluation: its problem, draw and prompt."""

    problem: int
    draw: int
    prompt: str


def estimate(
    denoiser: Predict,
    x: torch.Tensor,
    prompts: Mapping[str, Condition],
    pairs: Sequence[PromptPair],
    draws: Draws,
    batch_size: SupportsInt = 64,
) -> Estimate:
    """Estimate the information that prompts carry about one image.

    denoiser(x_α (B, C, h, w), α (B,), B conditions) → ε̂ (B, C, h, w). x: (C, h, w). Without pairs, only the NLL of all
    prompts is estimated; with pairs, only the prompts of the pairs are evaluated.

    >>> import numpy as np
    >>> from infodecomp.estimator.interval import Interval
    >>> from infodecomp.estimator.sampling import sample_draws
    >>> draws = sample_draws(
    ...     shape=(1, 1, 1),
    ...     steps=[6],
    ...     density="logistic",
    ...     design="stratified",
    ...     antithetic_eps=True,
    ...     interval=Interval(-5.0, 7.0, loc=1.0, scale=2.0),
    ...     rng=np.random.default_rng(0),
    ... )
    >>> prompts = {"": Condition.of(torch.zeros(1)), "dog": Condition.of(torch.ones(1))}
    >>> def denoiser(x_alpha, logsnr, condition):
    ...     return condition.states[:, :, None, None].expand_as(x_alpha)
    >>> found = estimate(denoiser, torch.zeros(1, 1, 1), prompts, [("", "dog")], draws)
    >>> found.orthogonal["", "dog"].map.shape, found.evaluations
    ((1, 1), 12)
    """
    return next(estimate_many(denoiser, [Problem(x, prompts, pairs, draws)], batch_size))


def estimate_many(
    denoiser: Predict,
    problems: Iterable[Problem],
    batch_size: SupportsInt,
    before_call: Callable[[Sequence[Row]], None] | None = None,
) -> Iterator[Estimate]:
    """Estimate several images, in order, with batches that run across draws, prompts and images.

    `problems` is read lazily. `before_call(rows)` receives the evaluations of the coming call, one per row. An estimate is
    yielded as soon as its last draw is done, so that a caller can store it.

    >>> draws = Draws.held(torch.zeros(2), torch.ones(2), torch.zeros(2, 1, 1, 1))
    >>> prompts = {"": Condition.of(torch.zeros(1)), "dog": Condition.of(torch.ones(1))}
    >>> problem = Problem(torch.zeros(1, 1, 1), prompts, [("", "dog")], draws)
    >>> def denoiser(x_alpha, logsnr, condition):
    ...     return condition.states[:, :, None, None].expand_as(x_alpha)
    >>> [found.evaluations for found in estimate_many(denoiser, [problem, problem], batch_size=3)]
    [4, 4]
    """
    for batch in _batches(problems, batch_size):
        if before_call is not None:
            before_call([row for part in batch for row in part.rows()])
        x_alpha, logsnr, conditions = zip(*(part.inputs() for part in batch), strict=True)
        predictions = denoiser(torch.cat(x_alpha), torch.cat(logsnr), Condition.cat(conditions))  # (B, C, h, w)
        for part, of_part in zip(batch, predictions.split([len(part.index) for part in batch]), strict=True):
            part.sums.add(of_part)
            if part.sums.complete:
                yield part.sums.estimate()


def _batches(problems: Iterable[Problem], batch_size: SupportsInt) -> Iterator[list[_Part]]:
    """All evaluations, image by image and draw by draw, in batches of at most `batch_size` rows."""
    sums = ((number, _Sums(problem)) for number, problem in enumerate(problems))
    work = ((one, len(one[1].problem.draws) * len(one[1].problem.distinct)) for one in sums)
    for batch in batches(work, batch_size):
        yield [_Part(number, sums, torch.arange(rows.start, rows.stop)) for (number, sums), rows in batch]


@dataclass(frozen=True)
class _Part:
    """The rows of one image in a batch. Evaluation i of an image is prompt i mod P of draw ⌊i/P⌋."""

    problem: int
    sums: _Sums
    index: torch.Tensor

    def rows(self) -> list[Row]:
        names = self.sums.problem.distinct
        return [Row(self.problem, i // len(names), names[i % len(names)]) for i in self.index.tolist()]

    def inputs(self) -> tuple[torch.Tensor, torch.Tensor, Condition]:
        problem, draws = self.sums.problem, self.sums.problem.draws
        draw, prompt = self.index // len(problem.distinct), self.index % len(problem.distinct)
        logsnr, eps = draws.logsnr[draw].to(problem.x), draws.eps[draw].to(problem.x)
        condition = Condition.stack([problem.prompts[name] for name in problem.distinct], prompt)
        return noised(problem.x, logsnr, eps), logsnr, condition


class _Sums:
    """Squared errors and gaps of one image; the predictions of a draw are dropped once all its prompts are there."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        size = (len(problem.draws), *problem.x.shape[1:])
        self.dtype = torch.promote_types(problem.x.dtype, torch.float32)
        self.error = {name: torch.empty(size, dtype=self.dtype) for name in problem.distinct}
        self.gap = {pair: torch.empty(size, dtype=self.dtype) for pair in problem.pairs}
        self.waiting = torch.empty((0, *problem.x.shape), dtype=self.dtype)
        self.done = 0

    @property
    def complete(self) -> bool:
        return self.done == len(self.problem.draws)

    def add(self, predictions: torch.Tensor) -> None:
        names = self.problem.distinct
        self.waiting = torch.cat([self.waiting, predictions.detach().cpu().to(self.dtype)])
        ready = len(self.waiting) // len(names)
        if ready == 0:
            return
        by_draw = self.waiting[: ready * len(names)].unflatten(0, (ready, len(names)))  # (draws, P, C, h, w)
        self.waiting = self.waiting[ready * len(names) :]
        eps_hat = dict(zip(names, by_draw.unbind(1), strict=True))
        kept = slice(self.done, self.done + ready)
        eps = self.problem.draws.eps[kept].to(self.dtype)
        for name in names:
            self.error[name][kept] = (eps - eps_hat[name]).square().sum(1)
        for pair in self.gap:
            reference, conditioned = (eps_hat[self.problem.evaluated[name]] for name in pair)
            self.gap[pair][kept] = (reference - conditioned).square().sum(1)
        self.done += ready

    def estimate(self) -> Estimate:
        error = {name: self.error[twin] for name, twin in self.problem.evaluated.items()}
        return Estimate(self.problem.draws, self.problem.x.shape[0], error, self.gap)
