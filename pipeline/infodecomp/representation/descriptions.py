"""What describes an image to a decoder: its true factors, or a code. A description has parts, any of which may be known.

Each part alone, all of them, and all but one make the pairs of prompts that are estimated:

    nothing → all             I(x; z)
    nothing → only k          I(x; z_k)
    without k → all           I(x; z_k | z_rest)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.representation.codes import code_condition, factor_condition
from infodecomp.representation.likelihoods import CodeLikelihood, FactorLikelihood, Likelihood
from infodecomp.runs.seeds import generator


class Description(Protocol):
    """parts: their names."""

    @property
    def parts(self) -> tuple[str, ...]: ...

    @property
    def likelihood(self) -> Likelihood:
        """How likely each image is to be described so."""
        ...

    def conditions(self, numbers: Sequence[int], masks: torch.Tensor, seed: int) -> Condition:
        """What is known of images: a batch of a condition each. masks: of 0 and 1, (B, parts) or (parts,)."""
        ...


@dataclass(frozen=True, eq=False)
class FactorDescription:
    """The true factors of an image. attributes: int64 (K, J); parts: names of the factors."""

    attributes: torch.Tensor
    parts: tuple[str, ...]

    @cached_property
    def likelihood(self) -> FactorLikelihood:
        """Images with the known factors are equally likely, and others impossible."""
        return FactorLikelihood(self.attributes)

    def conditions(self, numbers: Sequence[int], masks: torch.Tensor, seed: int) -> Condition:
        """One-hot vectors of the known factors; the seed changes nothing."""
        return factor_condition(self.attributes[list(numbers)], masks, self.likelihood.levels)


@dataclass(frozen=True, eq=False)
class CodeDescription:
    """A code z = μ(x) + τ(x)·n with independent normal noise n. means, deviations: float64 (K, a)."""

    means: torch.Tensor
    deviations: torch.Tensor

    @property
    def parts(self) -> tuple[str, ...]:
        """Dimensions by number."""
        return tuple(f"z{k}" for k in range(self.means.shape[1]))

    @cached_property
    def likelihood(self) -> CodeLikelihood:
        """q(z_S | x_k)."""
        return CodeLikelihood(self.means, self.deviations)

    def codes(self, numbers: Sequence[int], seed: int, draw: int = 0) -> torch.Tensor:
        """Sampled codes, float64 (B, a): the noise of an image is always the same for a seed and a number of draw."""
        size, chosen = self.means.shape[1], list(numbers)
        noise = np.stack([generator(seed, "code", number, draw).standard_normal(size) for number in chosen])
        return self.means[chosen] + self.deviations[chosen] * torch.from_numpy(noise)

    def conditions(self, numbers: Sequence[int], masks: torch.Tensor, seed: int) -> Condition:
        """Sampled codes with their masks, float32."""
        return code_condition(self.codes(numbers, seed).float(), masks.float())


def known_parts(parts: int) -> torch.Tensor:
    """Masks of the prompts, (1 + 1 + 2·parts, parts): nothing, all, each part alone, each without one part."""
    eye = torch.eye(parts)
    return torch.cat([torch.zeros(1, parts), torch.ones(1, parts), eye, 1 - eye])
