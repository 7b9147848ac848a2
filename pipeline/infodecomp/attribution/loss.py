"""What the denoising loss of an image owes to the tokens of its caption and to the cells of its latent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from infodecomp.attribution.boxes import box_cells, named_boxes
from infodecomp.attribution.generated import Explanation, Tensors
from infodecomp.config import ExplanationSection
from infodecomp.estimator.sampling import Draws
from infodecomp.models.gradients import integrated_gradients, loss_gradients, loss_of_draws, loss_rows, reduced
from infodecomp.models.protocol import DiffusionModel


@dataclass(frozen=True)
class LossExplainer:
    """Explains the loss ½ mean of w(α)·Σ_j (ε − ε̂(x_α | z))²_j. empty: the empty prompt's embedding, (tokens, width)."""

    model: DiffusionModel
    section: ExplanationSection
    empty: torch.Tensor

    def explanations(
        self, latent: torch.Tensor, embedding: torch.Tensor, draws: Draws
    ) -> Iterator[tuple[str, Explanation]]:
        """Name and explanation of the loss over the whole image, `loss`, and inside each box, `loss_box0` and so on.

        latent: (C, h, w). embedding: the caption's, (tokens, width).
        """
        latent, z = latent.clone(), embedding.clone()
        for name, box in named_boxes(self.section).items():
            size = self.model.image_size
            cells = None if box is None else box_cells(box, size, (latent.shape[1], latent.shape[2]))
            yield ("loss" if box is None else f"loss_{name}"), self._explanation(latent, z, draws, cells)

    def _explanation(
        self, latent: torch.Tensor, z: torch.Tensor, draws: Draws, cells: torch.Tensor | None
    ) -> Explanation:
        section = self.section
        rows = partial(self.model.batch_size.run_filled, partial(loss_rows, self._denoiser))
        plain = loss_gradients(rows, latent, z, draws, self.model.batch_size, cells)
        gradients: Tensors = (plain.embedding.float(), plain.latent.float())
        integrated = gradients
        if "integrated" in (section.tokens, section.cells):
            integrated = self._integrated(latent, z, draws, cells)
        of = [
            reduced((integrated if how == "integrated" else gradients)[place], value, how, axis)
            for place, (value, how, axis) in enumerate(((z, section.tokens, -1), (latent, section.cells, 0)))
        ]
        return Explanation(*of)

    def _integrated(self, latent: torch.Tensor, z: torch.Tensor, draws: Draws, cells: torch.Tensor | None) -> Tensors:
        """Integrated gradients from the empty prompt and the latent zero; all draws go through the denoiser at once."""
        count = len(draws)
        counted = torch.ones(latent.shape[1:]) if cells is None else cells.float()

        def loss(text: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            rows = (one.expand(count, *one.shape[1:]) for one in (x, text, counted[None]))
            columns = (column.to(latent) for column in (draws.logsnr, draws.weight, draws.eps))
            return loss_of_draws(self._denoiser, *rows, *columns).mean()[None]

        inputs = (z[None], latent[None])
        baselines = (self.empty[None], torch.zeros_like(latent)[None])
        return tuple(
            value[0] for value in integrated_gradients(loss, inputs, baselines, self.section.integrated_points)
        )

    def _denoiser(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        return self.model.differentiable(x_alpha, logsnr, embedding).to(x_alpha)
