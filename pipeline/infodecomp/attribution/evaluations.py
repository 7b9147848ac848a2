"""How many denoiser evaluations an explanation takes, a backward pass counting as `BACKWARD` of them."""

from __future__ import annotations

from infodecomp.config import ExplanationSection
from infodecomp.models.gradients import BACKWARD


def loss_evaluations(section: ExplanationSection, draws: int, boxes: int) -> int:
    """Of the denoising loss of a caption for `boxes` parts of the picture; integrated: once more for each point."""
    points = section.integrated_points if "integrated" in (section.tokens, section.cells) else 0
    return (1 + BACKWARD) * draws * boxes * (1 + points)


def walk_evaluations(section: ExplanationSection, boxes: int, rows: int) -> int:
    """Of the last steps of a generation, in which the denoiser gets `rows` rows in all.

    They are walked once forward and once backward for each box; integrated: both again for each point and box.
    """
    how = (section.tokens, section.cells)
    points = section.integrated_points if "integrated" in how else 0
    plain = rows * (1 + BACKWARD * boxes) if how != ("integrated", "integrated") else 0
    return plain + rows * (1 + BACKWARD) * points * boxes
