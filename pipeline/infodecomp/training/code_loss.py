"""Losses of a decoder that knows parts of a code, or of the image's factors, in nats.

With y the target and p(α) the density of noise levels, the loss of a draw is ½ e^α ‖x̂ − y‖² / p(α). Where y is the exact
posterior mean E[x | x_α, known], its mean over draws is Δ = ½ ∫ E‖ε̂ − ε̂*‖² dα, how far the decoder is from Bayes: its
optimum is zero. Where y is the image itself, it is that plus a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import STATES, Condition
from infodecomp.representation.codes import MASK
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.training.code_draws import CodeDraw, NoiseLevels


@dataclass(frozen=True, eq=False)
class ExactTarget:
    """Posterior means of a finite world. likelihood: of conditions under each image, as in `representation.likelihoods`."""

    world: FiniteWorld
    likelihood: Callable[[Condition], torch.Tensor]

    def means(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, conditions: Sequence[Condition]) -> list[torch.Tensor]:
        """E[x | x_α, known] for several conditions of the same noised images, each (n, C, H, W)."""
        with torch.no_grad():
            weights = self.world.log_weights(x_alpha, logsnr)
            return [self.world.mean((weights + self.likelihood(each)).softmax(1)) for each in conditions]


def predicted(
    decoder: torch.nn.Module, x_alpha: torch.Tensor, logsnr: torch.Tensor, conditions: Sequence[Condition]
) -> torch.Tensor:
    """x̂ of the same noised images under several conditions, one after another, float32 (views · n, C, H, W)."""
    views, known = len(conditions), Condition.cat(conditions)
    with torch.autocast(x_alpha.device.type, torch.bfloat16):
        clean: torch.Tensor = decoder(
            x_alpha.repeat(views, 1, 1, 1), logsnr.repeat(views), known.tensors[STATES], known.tensors[MASK]
        )
    return clean.float()


def nats(error: torch.Tensor, logsnr: torch.Tensor, levels: NoiseLevels) -> torch.Tensor:
    """½ e^α ‖error‖² / p(α) of each row, (n,). error: (n, C, H, W)."""
    return logsnr.exp() / 2 * error.square().flatten(1).sum(1) / levels.density(logsnr)


def exact_loss(
    decoder: torch.nn.Module,
    target: ExactTarget,
    conditions: Sequence[Condition],
    drawn: CodeDraw,
    levels: NoiseLevels,
) -> torch.Tensor:
    """The mean over draws and their conditions of the distance to exact posterior means, in nats."""
    x_alpha = noised(target.world.images[drawn.numbers], drawn.logsnr, drawn.eps)
    means = torch.cat(target.means(x_alpha, drawn.logsnr, conditions))
    error = predicted(decoder, x_alpha, drawn.logsnr, conditions) - means
    return nats(error, drawn.logsnr.repeat(len(conditions)), levels).mean()
