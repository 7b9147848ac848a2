"""What is known of an image as a condition: a code, or factors, with a mask of the parts that are known.

A part that is not known is zero in both tensors, so that a model cannot read it. Nothing known is the empty prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from infodecomp.estimator.condition import STATES, Condition

MASK = "mask"


def code_condition(code: torch.Tensor, mask: torch.Tensor) -> Condition:
    """The code z ⊙ m with its mask m; one image (dimensions,) or a batch (B, dimensions), mask of 0 and 1 that broadcasts.

    >>> known = code_condition(torch.tensor([0.5, -2.0]), torch.tensor([1.0, 0.0]))
    >>> known.states.tolist(), known.tensors["mask"].tolist()
    ([0.5, 0.0], [1.0, 0.0])
    """
    masked = torch.where(mask > 0, code, torch.zeros_like(code))
    return Condition({STATES: masked, MASK: mask.to(masked).expand_as(masked).contiguous()})


def factor_condition(factors: torch.Tensor, mask: torch.Tensor, levels: Sequence[int]) -> Condition:
    """Known factors: one-hot vectors side by side, zero where a factor is not known, and the mask over factors.

    factors: int64 (..., J), each below its entry of `levels`. mask: of 0 and 1, broadcasts to (..., J).

    >>> known = factor_condition(torch.tensor([1, 2]), torch.tensor([1.0, 0.0]), (2, 3))
    >>> known.states.tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0]
    """
    mask = mask.float().expand(factors.shape)
    hot = [torch.nn.functional.one_hot(factors[..., j], n) * mask[..., j, None] for j, n in enumerate(levels)]
    return Condition({STATES: torch.cat(hot, -1), MASK: mask.contiguous()})


def nothing_known(states: int, parts: int) -> Condition:
    """The condition of one image of which nothing is known: `states` numbers and a mask of `parts`, all zero."""
    return Condition({STATES: torch.zeros(states), MASK: torch.zeros(parts)})
