"""What the denoising loss of an image owes to the tokens of its caption and to the cells of its latent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from infodecomp.attribution.boxes import box_cells, named_boxes
from infodecomp.attribution.generated import Explanation, Tensors
from infodecomp.config import ExplanationSection
from infodecomp.estimator.condition import STATES, Condition
from infodecomp.estimator.draws import Draws
from infodecomp.models.gradients import integrated_gradients, loss_gradients, loss_of_draws, loss_rows, reduced
from infodecomp.models.protocol import DiffusionModel


@dataclass(frozen=True)
class LossExplainer:
    """Explains the loss ½ mean of w(α)·Σ_j (ε − ε̂(x_α | z))²_j. empty: the empty prompt."""

    model: DiffusionModel
    section: ExplanationSection
    empty: Condition

    def explanations(
        self, latent: torch.Tensor, condition: Condition, draws: Draws
    ) -> Iterator[tuple[str, Explanation]]:
        """Name and explanation of the loss over the whole image, `loss`, and inside each box, `loss_box0` and so on.

        latent: (C, h, w). condition: of the caption.
        """
        latent = latent.clone()
        for name, box in named_boxes(self.section).items():
            size = self.model.image_size
            cells = None if box is None else box_cells(box, size, (latent.shape[1], latent.shape[2]))
            yield ("loss" if box is None else f"loss_{name}"), self._explanation(latent, condition, draws, cells)

    def _explanation(
        self, latent: torch.Tensor, condition: Condition, draws: Draws, cells: torch.Tensor | None
    ) -> Explanation:
        section = self.section
        rows = partial(self.model.batch_size.run_filled, partial(loss_rows, self._denoiser))
        plain = loss_gradients(rows, latent, condition, draws, self.model.batch_size, cells)
        gradients: Tensors = (plain.states.float(), plain.latent.float())
        integrated = gradients
        if "integrated" in (section.tokens, section.cells):
            integrated = self._integrated(latent, condition, draws, cells)
        inputs = ((condition.states, section.tokens, -1), (latent, section.cells, 0))
        of = [
            reduced((integrated if how == "integrated" else gradients)[place], value, how, axis)
            for place, (value, how, axis) in enumerate(inputs)
        ]
        return Explanation(*of)

    def _integrated(
        self, latent: torch.Tensor, condition: Condition, draws: Draws, cells: torch.Tensor | None
    ) -> Tensors:
        """Integrated gradients from the empty prompt and the latent zero; all draws go through the denoiser at once."""
        count = len(draws)
        counted = torch.ones(latent.shape[1:]) if cells is None else cells.float()

        def loss(states: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            conditions = condition.expand(count).replaced({STATES: states.expand(count, *states.shape[1:])})
            rows = (x.expand(count, *x.shape[1:]), conditions, counted.expand(count, *counted.shape))
            columns = (column.to(latent) for column in (draws.logsnr, draws.weight, draws.eps[:]))
            return loss_of_draws(self._denoiser, *rows, *columns).mean()[None]

        inputs = (condition.states[None], latent[None])
        baselines = (self.empty.states[None], torch.zeros_like(latent)[None])
        return tuple(
            value[0] for value in integrated_gradients(loss, inputs, baselines, self.section.integrated_points)
        )

    def _denoiser(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        return self.model.differentiable(x_alpha, logsnr, condition).to(x_alpha)
