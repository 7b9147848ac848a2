"""Pixel-wise mutual information from a denoiser: the estimator of the method, and nothing else.

For an image x, prompts y and a reference prompt r, with ε̂(x_α|·) the denoiser's prediction of the noise, at pixel j and
summed over channels (Kong et al., ICLR 2024, Eq. 2 and 6):

    standard     i^s_j = ½ ∫ E_ε [ (ε − ε̂(x_α|r))²_j − (ε − ε̂(x_α|y))²_j ] dα
    orthogonal   i^o_j = ½ ∫ E_ε [ (ε̂(x_α|r) − ε̂(x_α|y))²_j ] dα
    NLL          n_j   = ½ ∫ E_ε [ (ε − ε̂(x_α|y))²_j − C·σ(α) ] dα + (C/2)·ln 2πe

MI is (empty, word), CMI is (context, full). Values are in nats; the image's value is the sum over pixels. All prompts of an
image see the same (α, ε), and each distinct prompt is evaluated once a draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from pipeline.channel import noised
from pipeline.estimates import Estimate, Pair
from pipeline.sampling import Draws


@dataclass(frozen=True)
class Problem:
    """One image to estimate. x: (C, h, w); prompts: name → embedding; pairs: (reference, conditioned) names."""

    x: torch.Tensor
    prompts: Mapping[str, torch.Tensor]
    pairs: Sequence[Pair]
    draws: Draws

    @cached_property
    def evaluated(self) -> dict[str, str]:
        """Name → the name under which it is evaluated: equal embeddings share one, unneeded prompts have none."""
        needed = list(dict.fromkeys(name for pair in self.pairs for name in pair)) or list(self.prompts)
        chosen: dict[str, str] = {}
        for name in needed:
            twin = (other for other in chosen.values() if torch.equal(self.prompts[other], self.prompts[name]))
            chosen[name] = next(twin, name)
        return chosen

    @property
    def distinct(self) -> list[str]:
        """The prompts that the denoiser sees."""
        return list(dict.fromkeys(self.evaluated.values()))


@dataclass(frozen=True)
class Row:
    """One denoiser evaluation: which problem, draw and prompt it belongs to."""

    problem: int
    draw: int
    prompt: str


def estimate(
    denoiser: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    prompts: Mapping[str, torch.Tensor],
    pairs: Sequence[Pair],
    draws: Draws,
    batch_size: int = 64,
) -> Estimate:
    """Estimate the information that prompts give about one image.

    denoiser(x_α (B, C, h, w), α (B,), embeddings (B, …)) → ε̂ (B, C, h, w). x: (C, h, w). Without pairs, only the NLL of all
    prompts is estimated; with pairs, prompts that no pair names are not evaluated.
    """
    return next(estimate_many(denoiser, [Problem(x, prompts, pairs, draws)], batch_size))


def estimate_many(
    denoiser: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    problems: Iterable[Problem],
    batch_size: int,
    before_call: Callable[[Sequence[Row]], None] | None = None,
) -> Iterator[Estimate]:
    """Estimate several images, in order, with batches that run across draws, prompts and images.

    `problems` is read only as far as the next batch needs. `before_call(rows)` is told which evaluation each row of the
    coming call is. An estimate is yielded as soon as its last draw is done, so that a caller can store it.
    """
    for batch in _batches(problems, batch_size):
        if before_call is not None:
            before_call([row for row, _ in batch])
        predictions = denoiser(*_inputs(batch))  # (B, C, h, w)
        for (row, sums), prediction in zip(batch, predictions, strict=True):
            sums.add(row, prediction)
            if sums.complete:
                yield sums.estimate()


def _batches(problems: Iterable[Problem], batch_size: int) -> Iterator[list[tuple[Row, _Sums]]]:
    """All rows, image after image and draw after draw, in lists of at most `batch_size`."""
    batch: list[tuple[Row, _Sums]] = []
    for number, problem in enumerate(problems):
        sums = _Sums(problem)
        for draw in range(len(problem.draws)):
            for prompt in problem.distinct:
                batch.append((Row(number, draw, prompt), sums))
                if len(batch) == batch_size:
                    yield batch
                    batch = []
    if batch:
        yield batch


def _inputs(batch: Sequence[tuple[Row, _Sums]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = torch.stack([sums.problem.x for _, sums in batch])
    logsnr = torch.stack([sums.problem.draws.logsnr[row.draw] for row, sums in batch]).to(x)
    eps = torch.stack([sums.problem.draws.eps[row.draw] for row, sums in batch]).to(x)
    prompts = torch.stack([sums.problem.prompts[row.prompt] for row, sums in batch])
    return noised(x, logsnr, eps), logsnr, prompts


class _Sums:
    """Collects the predictions of one image; a draw's predictions are dropped as soon as all its prompts are in."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        size = (len(problem.draws), *problem.x.shape[1:])
        dtype = torch.promote_types(problem.x.dtype, torch.float32)
        self.error = {name: torch.empty(size, dtype=dtype) for name in problem.distinct}
        self.gap = {pair: torch.empty(size, dtype=dtype) for pair in problem.pairs}
        self.open: dict[str, torch.Tensor] = {}
        self.done = 0

    @property
    def complete(self) -> bool:
        return self.done == len(self.problem.draws)

    def add(self, row: Row, prediction: torch.Tensor) -> None:
        prediction = prediction.detach().to(self.error[row.prompt].dtype)
        eps = self.problem.draws.eps[row.draw].to(prediction)
        self.error[row.prompt][row.draw] = (eps - prediction).square().sum(0)
        self.open[row.prompt] = prediction
        if len(self.open) < len(self.error):
            return
        for pair in self.gap:
            first, second = (self.open[self.problem.evaluated[name]] for name in pair)
            self.gap[pair][row.draw] = (first - second).square().sum(0)
        self.open = {}
        self.done += 1

    def estimate(self) -> Estimate:
        error = {name: self.error[twin] for name, twin in self.problem.evaluated.items()}
        return Estimate(self.problem.draws, self.problem.x.shape[0], error, self.gap)
