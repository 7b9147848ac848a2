"""Boxes of the picture that are explained beside the whole of it."""

from __future__ import annotations

import torch

from infodecomp.config import ExplanationSection, GenerationSection
from infodecomp.runs.errors import InputError

# x0, y0, x1, y1 in pixels: columns x0 … x1 − 1 and rows y0 … y1 − 1.
Box = tuple[int, int, int, int]


def named_boxes(section: ExplanationSection) -> dict[str, Box | None]:
    """Name of a part of the picture → its box; first `image`, the whole picture, without one."""
    return {"image": None, **{f"box{number}": box for number, box in enumerate(section.boxes or ())}}


def box_cells(box: Box, image_size: int, grid: tuple[int, int]) -> torch.Tensor:
    """The cells of a latent, (h, w) bool, that a box of pixels touches. image_size: pixels a side; grid: (h, w)."""
    x0, y0, x1, y1 = box
    rows, columns = grid
    cells = torch.zeros(grid, dtype=torch.bool)
    top, bottom = y0 * rows // image_size, -(-y1 * rows // image_size)
    left, right = x0 * columns // image_size, -(-x1 * columns // image_size)
    cells[top:bottom, left:right] = True
    return cells


def check_boxes(section: ExplanationSection, image_size: int) -> None:
    """InputError for a box that leaves the model's image of `image_size` pixels a side."""
    for number, box in enumerate(section.boxes or ()):
        if box[2] > image_size or box[3] > image_size:
            raise InputError(
                f"gradients → explanation → boxes → {number} is {list(box)}; a box must lie inside the model's image of "
                f"{image_size} x {image_size} pixels."
            )


def check_last_steps(section: ExplanationSection, generate: GenerationSection) -> None:
    """InputError if more steps are to be explained than images were made with."""
    steps = section.n_last_steps
    if steps is not None and steps > generate.steps:
        raise InputError(
            f"gradients → explanation → n_last_steps is {steps}; allowed is at most generate → sampling → steps = "
            f"{generate.steps}."
        )
