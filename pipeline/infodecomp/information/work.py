"""Denoiser evaluations and bytes of the pilot, the estimator, the recorded attention and the gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from infodecomp.config import Config
from infodecomp.information.gradient_maps import EVALUATIONS_A_DRAW
from infodecomp.jobs.work import ARRAY_BYTES, FLOAT64_BYTES, Bytes, Work, by_image, usable, walks
from infodecomp.words.prompts import case_pairs

# Arrays without extent that are kept of a case by each stage: totals, errors, counts, the key.
_ESTIMATE_SCALARS, _ATTENTION_SCALARS, _GRADIENT_SCALARS = 12, 3, 2


def information_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """The stages that make the maps of a dataset, in the order of a run."""
    cases = usable(cases)
    if config.information.draws.density == "adaptive":
        yield _pilot(config, dataset, cases)
    yield _estimates(config, dataset, cases)
    yield _attention(config, dataset, cases)
    if "gradient" in config.localisation.methods:
        yield _gradients(config, dataset, cases)


def _pilot(config: Config, dataset: str, cases: pd.DataFrame) -> Work:
    """The four prompts of one case of each image, some of which may be equal; one job."""
    section = config.information.pilot
    piloted = cases.drop_duplicates("image_id").head(section.images)
    evaluations = 4 * len(piloted) * section.draws
    return replace(Work.of(config, dataset, "pilot_density", piloted, evaluations, Bytes(), at_most=True), jobs=1)


def _estimates(config: Config, dataset: str, cases: pd.DataFrame) -> Work:
    """Every prompt of an image once a draw; the attention of its captions is recorded on the way."""
    section, prompts, captions = config.information, 0, 0
    for rows in by_image(cases):
        prompts += len(
            {prompt for case in rows for pair in case_pairs(case, section.prompts).values() for prompt in pair}
        )
        captions += len({case.prompt_full for case in rows})
    draws = section.budget.steps[-1]
    curves = 5 * (draws * FLOAT64_BYTES + ARRAY_BYTES)
    leaves = Bytes(
        fixed=len(cases) * (curves + _ESTIMATE_SCALARS * ARRAY_BYTES),
        maps=len(cases) * 5 * len(section.budget.steps),
    )
    return Work.of(
        config,
        dataset,
        "estimate_information",
        cases,
        prompts * draws,
        leaves,
        recorded=captions * draws,
        at_most=section.budget.stopping != "none",
    )


def _attention(config: Config, dataset: str, cases: pd.DataFrame) -> Work:
    """Two evaluations a step: to noise and back, the way back with its attention recorded."""
    captions, steps = walks(cases), config.attention.steps
    leaves = Bytes(fixed=len(cases) * _ATTENTION_SCALARS * ARRAY_BYTES, maps=len(cases) * len(steps))
    recorded = captions * sum(steps)
    return Work.of(config, dataset, "record_attention", cases, 2 * recorded, leaves, recorded=recorded)


def _gradients(config: Config, dataset: str, cases: pd.DataFrame) -> Work:
    steps = config.gradients.steps
    leaves = Bytes(fixed=len(cases) * _GRADIENT_SCALARS * ARRAY_BYTES, maps=len(cases) * len(steps))
    return Work.of(config, dataset, "record_gradients", cases, EVALUATIONS_A_DRAW * len(cases) * steps[-1], leaves)
