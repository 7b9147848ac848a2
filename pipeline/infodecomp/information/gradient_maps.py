"""Gradient maps of cases: how far each cell's prediction moves when the text moves towards the case's word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from infodecomp.config.settings import RecordGradients
from infodecomp.information.study_draws import study_draws
from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.models.gradients import DIRECTION, WordDirection, direction_maps, directional_derivative
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

# A draw of a case is one pass that carries the direction along.
EVALUATIONS_A_DRAW = 1 + DIRECTION


def gradient_maps(
    stage: ModelInputs, jobs: Sequence[ImageJob], settings: RecordGradients
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Each case with its maps, `gradient/-/<draws>`, float32 (h, w), and the evaluations that it took."""
    cases = list[Any]()
    sampled = study_draws(stage, settings, settings.steps)

    def words() -> Iterator[WordDirection]:
        for job, latent in stage.images.latents(jobs):
            draws = sampled(job)
            for case in job.cases:
                context, full = map(stage.captions.condition, case_pairs(case, settings.prompts)["cmi"])
                cases.append(case)
                yield WordDirection(latent, context, full, draws)

    derivative = partial(stage.model.batch_size.run_filled, partial(directional_derivative, stage.model.differentiable))
    for maps in direction_maps(derivative, words(), settings.steps, stage.model.batch_size):
        arrays = {f"gradient/-/{count}": heat.float().numpy() for count, heat in maps.items()}
        yield cases.pop(0), {**arrays, "evaluations": np.array(EVALUATIONS_A_DRAW * settings.steps[-1])}
