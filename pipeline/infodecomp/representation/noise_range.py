"""Where the information of a finite world lies on the log-SNR axis: the range of the integral."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from infodecomp.estimator.interval import Interval
from infodecomp.representation.exact_information import identity_values
from infodecomp.representation.finite_world import FiniteWorld

# Shares of the entropy ln K that the noised image may hold at the ends of the range.
_ENDS = (0.001, 0.999)
# Log-SNRs at which the curve is looked up, before the ends are found by interpolation.
_GRID = np.arange(-16.0, 16.01, 0.5)


def exact_interval(world: FiniteWorld, numbers: Sequence[int], seed: int) -> Interval:
    """The log-SNRs at which a noised image holds 0.1 % and 99.9 % of the entropy of the image.

    numbers: images of which the curve I(x_α; x) is the mean. Centre and scale are those of the logistic density with the
    same quartiles of information.

    >>> import torch
    >>> world = FiniteWorld(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), torch.tensor([[0], [1]]))
    >>> found = exact_interval(world, [0, 1] * 50, seed=0)
    >>> found.low < found.loc < found.high
    True
    """
    share = identity_values(world, numbers, _GRID, seed).mean(0) / math.log(len(world))
    low, first, middle, third, high = (_crossing(share, level) for level in (_ENDS[0], 0.25, 0.5, 0.75, _ENDS[1]))
    return Interval(low, high, middle, (third - first) / (2 * math.log(3)))


def _crossing(share: np.ndarray, level: float) -> float:
    """Where a rising curve passes a level; noise of its mean may make it dip, so the curve is first made monotone."""
    rising = np.maximum.accumulate(share)
    return round(float(np.interp(level, rising, _GRID)), 3)
