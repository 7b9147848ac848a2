"""A trained decoder and the exact denoiser as one, so that the estimator sees both on the same draws.

A tensor `exact` of a condition says which of the two predicts. The squared distance of the two predictions for the same
prompt is then the i^o of a pair of prompts: Δ = ½ ∫ E‖ε̂_θ − ε̂*‖² dα.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict

EXACT = "exact"


def by_model(condition: Condition) -> Condition:
    """The condition for the trained decoder; one prompt."""
    return Condition({**condition.tensors, EXACT: torch.tensor(False)})


def by_exact(condition: Condition) -> Condition:
    """The condition for the exact denoiser; one prompt."""
    return Condition({**condition.tensors, EXACT: torch.tensor(True)})


@dataclass(frozen=True)
class BesideExact:
    """Predicts by `exact` where the condition says so, and by `model` elsewhere.

    >>> both = BesideExact(lambda x, logsnr, known: 0 * x, lambda x, logsnr, known: 0 * x + 1)
    >>> prompt = Condition.of(torch.zeros(1))
    >>> batch = Condition.stack([by_model(prompt), by_exact(prompt)])
    >>> both(torch.full((2, 1, 1, 1), 5.0), torch.zeros(2), batch).flatten().tolist()
    [0.0, 1.0]
    """

    model: Predict
    exact: Predict

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ (B, C, h, w)."""
        exact = condition.tensors[EXACT]
        known = Condition({name: tensor for name, tensor in condition.tensors.items() if name != EXACT})
        eps_hat = torch.empty_like(x_alpha)
        for denoiser, rows in ((self.model, ~exact), (self.exact, exact)):
            if rows.any():
                eps_hat[rows] = denoiser(x_alpha[rows], logsnr[rows], known[rows])
        return eps_hat
