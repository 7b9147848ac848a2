"""Make the noise of large latents and read it through in batches, as the estimator does: inputs, then errors.

python benchmarks/read_noise.py DRAWS CHANNELS HEIGHT WIDTH    0 draws: import alone, for comparison
"""

from __future__ import annotations

import sys

import torch

from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.runs.seeds import generator

BATCH = 16


def main(count: int, channels: int, height: int, width: int) -> None:
    """Make and read `count` draws."""
    if not count:
        return
    draws = sample_draws(
        shape=(channels, height, width),
        steps=[count],
        density="logistic",
        design="stratified",
        antithetic_eps=True,
        interval=Interval(low=-5.0, high=7.0, loc=1.0, scale=2.0),
        rng=generator(0, "noise"),
    )
    for start in range(0, count, BATCH):
        for rows in (torch.arange(start, min(start + BATCH, count)), slice(start, start + BATCH)):
            assert len(draws.eps[rows]) == min(BATCH, count - start)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
