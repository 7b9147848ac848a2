"""How likely what is known of an image is under every image of a finite world: ln q(known | x_k), for a batch of conditions.

A likelihood maps a batch of B conditions to float32 (B, K), up to a constant for each row. Nothing known is a row of zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.representation.codes import MASK

Likelihood = Callable[[Condition], torch.Tensor]

# The logarithm of a probability that is zero: finite, so that a combination that no image has still leaves the nearest ones.
IMPOSSIBLE = -1e4


@dataclass(frozen=True, eq=False)
class FactorLikelihood:
    """Known factors: 0 for the images that agree with all of them, and for others `IMPOSSIBLE` a factor.

    attributes: int64 (K, J). Conditions are those of `codes.factor_condition`.

    >>> from infodecomp.representation.codes import factor_condition
    >>> likelihood = FactorLikelihood(torch.tensor([[0, 0], [0, 1], [1, 1]]))
    >>> known = factor_condition(torch.tensor([[0, 1]]), torch.tensor([1.0, 0.0]), likelihood.levels)
    >>> likelihood(known).tolist()
    [[0.0, 0.0, -10000.0]]
    """

    attributes: torch.Tensor

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The number of values of each factor."""
        return tuple((self.attributes.amax(0) + 1).tolist())

    @cached_property
    def _values(self) -> torch.Tensor:
        hot = [torch.nn.functional.one_hot(self.attributes[:, j], n) for j, n in enumerate(self.levels)]
        return torch.cat(hot, 1).float()

    def __call__(self, condition: Condition) -> torch.Tensor:
        """0 or a multiple of `IMPOSSIBLE`, (B, K)."""
        agreeing = condition.states.float() @ self._values.T
        return (agreeing - condition.tensors[MASK].float().sum(1, keepdim=True)).mul_(-IMPOSSIBLE)


@dataclass(frozen=True, eq=False)
class CodeLikelihood:
    """Known dimensions of a code from an encoder with independent Gaussian noise, q(z|x_k) = Π_j N(z_j; μ_kj, τ_kj²).

    means, deviations: float64 (K, a). Where all deviations are zero the code is a function of the image: images with the
    known values have 0, and others `IMPOSSIBLE` a dimension. Conditions are those of `codes.code_condition`.

    >>> from infodecomp.representation.codes import code_condition
    >>> likelihood = CodeLikelihood(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [1.0]]))
    >>> known = likelihood(code_condition(torch.tensor([[1.0]]), torch.ones(1)))
    >>> round((known[0, 1] - known[0, 0]).item(), 4)
    0.5
    """

    means: torch.Tensor
    deviations: torch.Tensor

    @property
    def deterministic(self) -> bool:
        """Whether the code is a function of the image."""
        return not bool(self.deviations.any())

    @cached_property
    def _terms(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What multiplies m, m z and m z² in ln q, each (a, K) float64."""
        means, precision = self.means.double(), self.deviations.double().square().reciprocal()
        constant = -(means.square() * precision - precision.log()) / 2
        return constant.T, (means * precision).T, -precision.T / 2

    def __call__(self, condition: Condition) -> torch.Tensor:
        """ln q(z_S | x_k) without the constant of the normal density, (B, K)."""
        code, mask = condition.states.double(), condition.tensors[MASK].double()
        if self.deterministic:
            return self._agreement(code, mask)
        constant, linear, square = self._terms
        logs = mask @ constant + (mask * code) @ linear + (mask * code.square()) @ square
        return (logs - logs.amax(1, keepdim=True)).float()

    def _agreement(self, code: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(len(code), len(self.means))
        # Conditions are float32, so values are compared as such.
        for j, means in enumerate(self.means.float().T):
            found += IMPOSSIBLE * (mask[:, j : j + 1] * (code[:, j : j + 1].float() != means))
        return found
