"""Denoiser evaluations and bytes of generated images and of the explanations of images by gradients."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from infodecomp.attribution.evaluations import loss_evaluations, walk_evaluations
from infodecomp.config import Config
from infodecomp.config.generated import GENERATED
from infodecomp.flows.generation import rows_a_step
from infodecomp.jobs.work import ARRAY_BYTES, Bytes, Work, usable, walks


def generation_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """The images of a generated dataset; one that starts from a given image leaves out the first steps."""
    if config.datasets[dataset].kind != "generated":
        return
    cases = usable(cases)
    section, images = config.generate.sampling, int(cases["image_id"].nunique())
    # A picture of each step is kept, which as WebP takes a tenth of a PNG.
    leaves = Bytes(fixed=images * 2 * ARRAY_BYTES, latents=images * (section.steps + 1), pictures=images * 3)
    evaluations = images * section.steps * rows_a_step(section.guidance)
    yield Work.of(
        config,
        dataset,
        "generate_images",
        cases,
        evaluations,
        leaves,
        at_most=config.generate.source.listed is not None,
    )


def explanation_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """Gradients of the loss for the whole image and each box, and of the walk where the image was generated."""
    if dataset not in (config.gradients.datasets or (GENERATED,)):
        return
    cases = usable(cases)
    section, generate = config.gradients.explanation, config.generate.sampling
    boxes = 1 + len(section.boxes or ())
    evaluations, targets = loss_evaluations(section, config.gradients.steps[-1], boxes), boxes
    if dataset == GENERATED:
        steps = min(section.n_last_steps or generate.steps, generate.steps)
        evaluations += walk_evaluations(section, boxes, steps * rows_a_step(generate.guidance))
        targets += boxes
    leaves = Bytes(fixed=len(cases) * (5 + targets) * ARRAY_BYTES, maps=len(cases) * targets)
    evaluations *= walks(cases)
    yield Work.of(
        config, dataset, "explain_images", cases, evaluations, leaves, at_most=config.generate.source.listed is not None
    )
