"""Project each distinct prompt of a call once, however many rows have it.

Keys and values of cross-attention depend only on the text, and the rows of a call are many draws of few prompts. A small
denoiser spends a tenth of its time on these projections; in a large one they hardly matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention

Projection = Callable[[torch.Tensor], torch.Tensor]


class SharedPrompts:
    """The layers of a UNet that project texts to keys and values."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        layers = [layer for layer in unet.modules() if isinstance(layer, Attention)]
        self.projections = [one for layer in layers for one in (layer.to_k, layer.to_v) if one is not None]

    @contextmanager
    def of(self, states: torch.Tensor) -> Iterator[None]:
        """Inside the `with`, layers project each distinct prompt of `states` (B, tokens, width) once.

        Prompts are projected one by one, so that the last digits of a row do not depend on the prompts of other rows. Shapes
        stay as they are, and layers that get anything other than `states` itself work as always.
        """
        first, of_row = distinct_rows(states)

        def once(project: Projection) -> Projection:
            def projected(given: torch.Tensor) -> torch.Tensor:
                if given is not states:
                    return project(given)
                return torch.cat([project(states[row : row + 1]) for row in first])[of_row]

            return projected

        # A library may have replaced a layer's own method.
        before = [vars(projection).get("forward") for projection in self.projections]
        try:
            for projection in self.projections:
                projection.forward = once(projection.forward)
            yield
        finally:
            for projection, forward in zip(self.projections, before, strict=True):
                if forward is None:
                    vars(projection).pop("forward", None)
                else:
                    projection.forward = forward


def distinct_rows(rows: torch.Tensor) -> tuple[list[int], torch.Tensor]:
    """The first row of each kind in rows (B, …), and for every row its kind, (B,); rows of a kind are equal bit for bit."""
    first: list[int] = []
    of_row: list[int] = []
    alike: dict[float, list[int]] = {}  # only rows with equal sums are compared
    for row, total in enumerate(rows.flatten(1).abs().sum(1).tolist()):
        known = alike.setdefault(total, [])
        twin = next((kind for kind in known if torch.equal(rows[first[kind]], rows[row])), None)
        if twin is None:
            twin = len(first)
            first.append(row)
            known.append(twin)
        of_row.append(twin)
    return first, torch.tensor(of_row, device=rows.device)
