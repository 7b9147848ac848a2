"""What a generated image owes to its words, and to the noise or image that it came from: gradients through the last steps.

The target is T = Σ over channels and pixels of the decoded image, black being 0 and white 1, over all of it or inside a box.
It is not clamped to [0, 1], where gradients would vanish. T is differentiated by the states z of the caption's tokens (not
by the empty prompt's, which guidance also uses) and by what the steps start from: the latent or, if an image was given and
all steps count, its pixels.

The trajectory is stored. `explain` starts at its latent before the last k steps, walks these with gradients, and runs one
backward pass for each box. Memory: the activations of k steps (of twice as many rows with guidance) and of the decoder; with
`checkpointing` those of one step, the others being recomputed in the backward pass, and a latent a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from infodecomp.attribution.boxes import Box
from infodecomp.estimator.condition import STATES
from infodecomp.estimator.denoiser import Predict
from infodecomp.flows.generation import Sampler, Start
from infodecomp.models.gradients import Reduction, integrated_gradients, reduced

Tensors = tuple[torch.Tensor, ...]


def target_sum(picture: torch.Tensor, box: Box | None) -> torch.Tensor:
    """T of each picture, (B,). picture: (B, 3, H, W), -1 is black and 1 white."""
    x0, y0, x1, y1 = box or (0, 0, picture.shape[3], picture.shape[2])
    return ((picture[:, :, y0:y1, x0:x1] + 1) / 2).sum((1, 2, 3))


@dataclass(frozen=True)
class Walk:
    """The last steps of the generation of one image.

    decode: latents → pictures, encode: pixels → latents, both differentiable. start: a batch of one, without
    an image where `pixels` are given. trajectory: (steps + 1, C, h, w). last: steps that count. pixels: (1, 3, H, W) of a
    given image.
    """

    sampler: Sampler
    predict: Predict
    decode: Callable[[torch.Tensor], torch.Tensor]
    encode: Callable[[torch.Tensor], torch.Tensor]
    start: Start
    trajectory: torch.Tensor
    last: int
    pixels: torch.Tensor | None = None
    checkpointing: bool = False

    @property
    def whole(self) -> bool:
        """Whether all steps count."""
        return self.last == len(self.trajectory) - 1

    @property
    def from_pixels(self) -> bool:
        """Whether the target is differentiated by the pixels of a given image."""
        return self.pixels is not None and self.whole

    @property
    def inputs(self) -> Tensors:
        """The tokens' states (1, tokens, width), and pixels (1, 3, H, W) or the latent before the steps that count."""
        if self.pixels is not None and self.from_pixels:
            return self.start.condition.states, self.pixels
        return self.start.condition.states, self.trajectory[-1 - self.last][None]

    @property
    def baselines(self) -> Tensors:
        """Inputs without information: the empty prompt, and a grey picture or the latent zero."""
        return self.sampler.empty.states[None], torch.zeros_like(self.inputs[1])

    def picture(self, states: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """The picture (1, 3, H, W) that the inputs lead to."""
        start = replace(self.start, condition=self.start.condition.replaced({STATES: states}))
        if self.pixels is not None:
            start = replace(start, image=self.encode(given if self.from_pixels else self.pixels).to(self.start.noise))
        x = self.sampler.first(start) if self.from_pixels else given
        steps = len(self.trajectory) - 1
        for number in range(steps - self.last, steps):
            x = self._step(x, number, start)
        return self.decode(x)

    def _step(self, x: torch.Tensor, number: int, start: Start) -> torch.Tensor:
        if not self.checkpointing:
            return self.sampler.step(self.predict, x, number, start)
        result: Any = checkpoint(self.sampler.step, self.predict, x, number, start, use_reentrant=False)
        return result


@dataclass(frozen=True)
class Explanation:
    """A number for each token, (tokens,), and for each pixel or cell of what the steps start from, (h, w). float32."""

    tokens: torch.Tensor
    cells: torch.Tensor


def explain(
    walk: Walk, boxes: Sequence[Box | None], tokens: Reduction, cells: Reduction, points: int = 16
) -> Iterator[Explanation]:
    """The explanation of each box in turn, None being the whole picture; see `gradients.reduced` for the reductions.

    points: of `integrated`, which walks the steps again for each point and box.
    """
    inputs = tuple(value.clone().requires_grad_() for value in walk.inputs)
    plain = "integrated" not in (tokens, cells) or tokens != cells
    with torch.enable_grad():
        picture = walk.picture(*inputs) if plain else None
        for number, box in enumerate(boxes):
            gradients: Tensors = inputs
            if picture is not None:
                kept = number + 1 < len(boxes)
                gradients = torch.autograd.grad(target_sum(picture, box).sum(), inputs, retain_graph=kept)
            integrated = gradients
            if "integrated" in (tokens, cells):
                integrated = integrated_gradients(
                    lambda *values, box=box: target_sum(walk.picture(*values), box), walk.inputs, walk.baselines, points
                )
            of = [
                reduced((integrated if how == "integrated" else gradients)[place][0], value[0], how, axis)
                for place, (value, how, axis) in enumerate(zip(walk.inputs, (tokens, cells), (-1, 0), strict=True))
            ]
            yield Explanation(*(value.detach().float().cpu() for value in of))
