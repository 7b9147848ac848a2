"""Gradients of a diffusion model with respect to its text, and to the image or noise that it starts from.

**The gradient map of a word** is how far the prediction of every cell moves when the caption's condition z moves along what
the word adds to it, δ = z_full − z_context:

    gradient_j = ∫ E_ε ‖ Σ_t ∂ε̂_j(x_α | z)/∂z_t · δ_t ‖ dα,   z = z_full,   the norm over the channels of cell j

That is gradient × (input − baseline) of every cell at once, by one pass in forward mode. It is the first order of the
difference whose halved square i^o of `full` against `context` integrates; squares localise objects less well
(docs/gradients.md).

**The scalar target** is the denoising loss of an image,

    loss = ½ mean over draws of w(α)·Σ_j (ε − ε̂(x_α | z))²_j,   the NLL up to a constant,

over all cells or those of a box, differentiated by z and by the latent x. Targets at the end of a generation are in
`infodecomp.attribution.generated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, SupportsInt

import torch
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from infodecomp.estimator.batching import batches
from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import STATES, Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.information import half_error

Reduction = Literal["grad_x_input", "max", "mean", "min", "integrated"]

# The cost, in forward passes, of a backward pass, and of carrying a direction along a forward pass.
BACKWARD, DIRECTION = 2, 2


def reduced(gradient: torch.Tensor, inputs: torch.Tensor, reduction: Reduction, axis: int) -> torch.Tensor:
    """One number for each token or cell, never negative: the gradient reduced over `axis`, the width or the channels.

    grad_x_input: ‖g ⊙ input‖₂; max, mean, min: of |g|. integrated: |Σ g|, where `gradient` holds
    integrated gradients, which include the input already.
    """
    if reduction == "grad_x_input":
        return (gradient * inputs).norm(dim=axis)
    if reduction == "integrated":
        return gradient.sum(axis).abs()
    size = gradient.abs()
    of_size: dict[str, Callable[[int], torch.Tensor]] = {"max": size.amax, "mean": size.mean, "min": size.amin}
    return of_size[reduction](axis)


def integrated_gradients(
    forward: Callable[..., torch.Tensor],
    inputs: tuple[torch.Tensor, ...],
    baselines: tuple[torch.Tensor, ...],
    points: int,
) -> tuple[torch.Tensor, ...]:
    """(input − baseline) ⊙ ∫₀¹ ∂ forward/∂ input on the straight line between them (Sundararajan et al., 2017), by captum.

    forward: inputs, a batch of one each → (1,). The results sum to forward(inputs) − forward(baselines), up to the error of
    a Gauss-Legendre rule of `points` points, which are evaluated one by one.
    """
    from captum.attr import IntegratedGradients  # takes a second to import

    found: Any = IntegratedGradients(forward).attribute(
        inputs, baselines=baselines, n_steps=points, internal_batch_size=1
    )
    return tuple(value.detach() for value in found)


def directional_derivative(
    denoiser: Predict,
    x_alpha: torch.Tensor,
    logsnr: torch.Tensor,
    condition: Condition,
    direction: Condition,
) -> torch.Tensor:
    """Σ ∂ε̂/∂z · δ at every cell, (B, C, h, w), by one pass in forward mode.

    denoiser: differentiable. condition, direction: z and δ, batches; δ has the floating tensors of z.
    """
    # Of torch's attention kernels, only this one supports forward mode.
    with torch.no_grad(), forward_ad.dual_level(), sdpa_kernel(SDPBackend.MATH):
        moving = {
            name: forward_ad.make_dual(condition.tensors[name], along) for name, along in direction.tensors.items()
        }
        found = denoiser(x_alpha, logsnr, condition.replaced(moving))
        tangent = forward_ad.unpack_dual(found).tangent
        return torch.zeros_like(found) if tangent is None else tangent


@dataclass(frozen=True)
class WordDirection:
    """The inputs of one map. x: (C, h, w); context, full: the conditions of both prompts."""

    x: torch.Tensor
    context: Condition
    full: Condition
    draws: Draws


def direction_maps(
    derivative: Callable[[torch.Tensor, torch.Tensor, Condition, Condition], torch.Tensor],
    words: Iterable[WordDirection],
    steps: Iterable[int],
    batch_size: SupportsInt,
) -> Iterator[dict[int, torch.Tensor]]:
    """Number of draws → the map (h, w), float64, for each word in turn: the mean over draws of w(α)·‖…‖.

    Batches run across draws and words, which are read only as needed. derivative(x_α, α, z, δ) is
    `directional_derivative` of a denoiser.
    """
    counts, waiting = tuple(steps), list[torch.Tensor]()
    for batch in batches(((word, len(word.draws)) for word in words), batch_size):
        x_alpha, logsnr, full, context = zip(*(_rows(word, rows) for word, rows in batch), strict=True)
        prompts = Condition.cat([*full, *context])  # of one number of tokens
        z, contexts = prompts[: len(prompts) // 2], prompts[len(prompts) // 2 :]
        found = derivative(torch.cat(x_alpha), torch.cat(logsnr), z, z.minus(contexts))
        lengths = found.cpu().double().norm(dim=1)  # (B, h, w)
        for (word, rows), part in zip(batch, lengths.split([len(rows) for _, rows in batch]), strict=True):
            waiting.append(part)
            if rows.stop == len(word.draws):
                integrand = word.draws.weight[:, None, None] * torch.cat(waiting)
                waiting = []
                yield {count: integrand[:count].mean(0) for count in counts}


def _rows(word: WordDirection, rows: range) -> tuple[torch.Tensor, torch.Tensor, Condition, Condition]:
    """x_α, α, z_full and z_context of some draws of a word."""
    kept = slice(rows.start, rows.stop)
    logsnr = word.draws.logsnr[kept].to(word.x)
    x_alpha = noised(word.x, logsnr, word.draws.eps[kept].to(word.x))
    return x_alpha, logsnr, word.full.expand(len(rows)), word.context.expand(len(rows))


@dataclass(frozen=True)
class LossGradients:
    """The denoising loss of one image, and its gradients by z's states, (tokens, width), and by x, (C, h, w). float64."""

    loss: float
    states: torch.Tensor
    latent: torch.Tensor


def loss_gradients(
    row_gradients: Callable[..., torch.Tensor],
    x: torch.Tensor,
    condition: Condition,
    draws: Draws,
    batch_size: SupportsInt,
    cells: torch.Tensor | None = None,
) -> LossGradients:
    """Gradients of the denoising loss at these draws, in batches.

    row_gradients: `loss_rows` of a denoiser. x: (C, h, w); condition: z; cells: (h, w) bool, the cells that count
    (None: all).
    """
    counted = torch.ones(x.shape[1:]) if cells is None else cells.to(x)
    states = condition.states
    total = torch.zeros(1 + states.numel() + x.numel(), dtype=torch.float64)
    for batch in batches([(draws, len(draws))], batch_size):
        part = draws.between(batch[0][1].start, batch[0][1].stop)
        rows = len(part)
        found = row_gradients(
            x.expand(rows, *x.shape),
            condition.expand(rows),
            counted.expand(rows, *counted.shape),
            *(column.to(x) for column in (part.logsnr, part.weight, part.eps[:])),
        )
        total += found.cpu().double().sum(0)
    loss, of_states, of_latent = (total / len(draws)).split([1, states.numel(), x.numel()])
    return LossGradients(loss.item(), of_states.view(states.shape), of_latent.view(x.shape))


def loss_rows(
    denoiser: Predict,
    x: torch.Tensor,
    condition: Condition,
    counted: torch.Tensor,
    logsnr: torch.Tensor,
    weight: torch.Tensor,
    eps: torch.Tensor,
) -> torch.Tensor:
    """For each row, the loss of its draw and the gradients by the states of z and by x, concatenated.

    x, eps: (B, C, h, w); condition: z, a batch; counted: (B, h, w), 1 for cells that count; logsnr, weight: (B,).
    Returns (B, 1 + tokens·width + C·h·w).
    """
    x, states = x.clone().requires_grad_(), condition.states.clone().requires_grad_()
    with torch.enable_grad():
        losses = loss_of_draws(denoiser, x, condition.replaced({STATES: states}), counted, logsnr, weight, eps)
        of_states, of_latent = torch.autograd.grad(losses.sum(), (states, x))
    return torch.cat([losses.detach()[:, None], of_states.flatten(1), of_latent.flatten(1)], 1)


def loss_of_draws(
    denoiser: Predict,
    x: torch.Tensor,
    condition: Condition,
    counted: torch.Tensor,
    logsnr: torch.Tensor,
    weight: torch.Tensor,
    eps: torch.Tensor,
) -> torch.Tensor:
    """½ w(α)·Σ_j (ε − ε̂)²_j of each row, (B,), differentiable; shapes as for `loss_rows`."""
    error = (eps - denoiser(noised(x, logsnr, eps), logsnr, condition).to(eps)).square().sum(1)  # (B, h, w)
    return half_error(weight * (error * counted).sum((1, 2)))
