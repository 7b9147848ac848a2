"""What a decoder may know of a training image: its factors, a code whose encoder is fixed, or nothing.

Each says how wide the condition's two tensors are, makes the condition of a draw, and how likely conditions are under every
image of a finite world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from infodecomp.estimator.condition import STATES, Condition
from infodecomp.representation.codes import MASK, code_condition, factor_condition
from infodecomp.representation.likelihoods import CodeLikelihood, FactorLikelihood, Likelihood
from infodecomp.training.code_distances import NOTHING


class Knowledge(Protocol):
    """states, parts: widths of a condition's tensors. likelihood: of conditions under every image of a finite world."""

    @property
    def states(self) -> int: ...

    @property
    def parts(self) -> int: ...

    @property
    def likelihood(self) -> Likelihood: ...

    def known(self, numbers: torch.Tensor, noise: torch.Tensor, mask: torch.Tensor) -> Condition:
        """What a mask leaves known of images. numbers: (n,). noise: (n, parts), standard normal. mask: (n, parts)."""
        ...


@dataclass(frozen=True, eq=False)
class KnownFactors:
    """The true factors, int64 (K, J)."""

    attributes: torch.Tensor
    likelihood: FactorLikelihood = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "likelihood", FactorLikelihood(self.attributes))

    @property
    def states(self) -> int:
        """One number a value of each factor."""
        return sum(self.likelihood.levels)

    @property
    def parts(self) -> int:
        """The number of factors."""
        return len(self.likelihood.levels)

    def known(self, numbers: torch.Tensor, noise: torch.Tensor, mask: torch.Tensor) -> Condition:
        """One-hot vectors of the known factors; they are not noisy."""
        return factor_condition(self.attributes[numbers], mask, self.likelihood.levels)


@dataclass(frozen=True, eq=False)
class KnownCode:
    """A code with independent Gaussian noise; means, deviations: (K, a), of every image."""

    means: torch.Tensor
    deviations: torch.Tensor
    likelihood: CodeLikelihood = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "likelihood", CodeLikelihood(self.means, self.deviations))

    @property
    def states(self) -> int:
        """Dimensions of the code."""
        return self.means.shape[1]

    @property
    def parts(self) -> int:
        """Dimensions of the code."""
        return self.means.shape[1]

    def known(self, numbers: torch.Tensor, noise: torch.Tensor, mask: torch.Tensor) -> Condition:
        """z = μ + σ n, masked."""
        return code_condition(self.means[numbers] + self.deviations[numbers] * noise, mask)


@dataclass(frozen=True)
class KnownNothing:
    """Neither."""

    states: int = 0
    parts: int = 0

    @property
    def likelihood(self) -> Likelihood:
        """No image is more likely than another."""
        return lambda condition: condition.states.new_zeros(len(condition), 1)

    def known(self, numbers: torch.Tensor, noise: torch.Tensor, mask: torch.Tensor) -> Condition:
        """A condition of no numbers."""
        return Condition({STATES: noise, MASK: mask})


def judged_conditions(
    knowledge: Knowledge, numbers: torch.Tensor, noise: torch.Tensor, names: Sequence[str]
) -> dict[str, Condition]:
    """The conditions whose distance from Bayes is measured: nothing, everything, and the first parts alone, by name."""
    parts = knowledge.parts
    masks = {NOTHING: torch.zeros(parts)}
    if parts:
        masks |= {"all": torch.ones(parts), **dict(zip(names, torch.eye(parts), strict=False))}
    return {name: knowledge.known(numbers, noise, mask.to(noise).expand(noise.shape)) for name, mask in masks.items()}
