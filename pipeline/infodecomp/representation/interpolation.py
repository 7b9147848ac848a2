"""Codes and noises between those of two images, and codes with one dimension set to other values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch


def quarter_turn(first: torch.Tensor, second: torch.Tensor, share: float) -> torch.Tensor:
    """cos(πt/2)·a + sin(πt/2)·b: from a at t = 0 to b at t = 1 (Wang et al., ICML 2023).

    Of independent standard normal codes it is standard normal at every t, where a straight line has less variance.

    >>> quarter_turn(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5).tolist()
    [0.7071067690849304, 0.7071067690849304]
    """
    angle = math.pi * share / 2
    return math.cos(angle) * first + math.sin(angle) * second


def great_circle(first: torch.Tensor, second: torch.Tensor, share: float) -> torch.Tensor:
    """Spherical interpolation of tensors of one shape, sin((1 − t)θ)/sin θ·a + sin(tθ)/sin θ·b (Shoemake, 1985).

    θ is the angle between a and b as vectors. Keeps the length of noises, which are of nearly equal length. A straight line
    if they point the same way, where the formula has no value.

    >>> great_circle(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 1 / 3).tolist()
    [0.8660253882408142, 0.5]
    """
    a, b = first.double().flatten(), second.double().flatten()
    angle = float(torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1)))
    if math.sin(angle) < 1e-6:
        return (1 - share) * first + share * second
    return (math.sin((1 - share) * angle) * first + math.sin(share * angle) * second) / math.sin(angle)


def traversed(code: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    """The code with each dimension in turn set to each value: (d, values, d) from (d,).

    It shows what the decoder does when a dimension is set, which is not what the dimension tells: a value that does not go
    with the others belongs to no image.

    >>> traversed(torch.tensor([5.0, 6.0]), [0.0, 1.0]).tolist()
    [[[0.0, 6.0], [1.0, 6.0]], [[5.0, 0.0], [5.0, 1.0]]]
    """
    strips = code.repeat(len(code), len(values), 1)
    for dimension, strip in enumerate(strips):
        strip[:, dimension] = torch.tensor(values, dtype=code.dtype)
    return strips
