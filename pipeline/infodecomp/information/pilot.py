"""The pilot of an adaptive density: estimates of a few images, and the density of log-SNRs fitted to them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from infodecomp.config.settings import PilotDensity
from infodecomp.estimator.adaptive_density import (
    BINS,
    Moments,
    fit_density,
    integrand_squares,
    pilot_draws,
    relative_moments,
)
from infodecomp.estimator.densities import logistic_cumulative
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.information.pilot_file import density_record
from infodecomp.information.quantities import METHODS
from infodecomp.information.study_draws import study_interval
from infodecomp.jobs.model_job import ModelJob
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs


def run_pilot(stage: ModelJob, section: PilotDensity) -> dict[str, Any]:
    """Estimate one case of each of a few images and fit the density: the content of density.json.

    Raises InputError if no image can be read.
    """
    interval = study_interval(stage.model.logsnr_range, section.range)
    cases: list[Any] = []
    problems = islice(_problems(stage, section, interval, cases), section.pilot.images)
    estimates = list(estimate_many(stage.model.predict, problems, stage.model.batch_size))
    if not estimates:
        raise InputError(f"{stage.args.cases}: no image of any case could be read; the pilot needs at least one.")
    pilots: list[Moments] = [
        integrand_squares(estimate, case_pairs(case, section.prompts))
        for case, estimate in zip(cases, estimates, strict=True)
    ]
    return {
        **density_record(fit_density(pilots, interval)),
        "images": [case.image_id for case in cases],
        "cases": [case.case_id for case in cases],
        "evaluations": sum(estimate.evaluations for estimate in estimates),
        "profile": _profile(pilots, interval),
    }


def _problems(stage: ModelJob, section: PilotDensity, interval: Interval, cases: list[Any]) -> Iterator[Problem]:
    """One case of each image that can be read, in an order that the seed decides; each is appended to `cases`."""
    for job, latent in stage.images.latents(_shuffled(stage)):
        rng = generator(stage.args.seed, job.image_id, "pilot")
        pairs = case_pairs(job.cases[0], section.prompts)
        prompts = list(dict.fromkeys(prompt for pair in pairs.values() for prompt in pair))
        draws = pilot_draws(stage.model.latent_shape, section.pilot.draws, interval, rng)
        cases.append(job.cases[0])
        yield Problem(latent, stage.captions.conditions(prompts), [pairs[method] for method in METHODS], draws)


def _shuffled(stage: ModelJob) -> list[ImageJob]:
    """The images with a usable case, ordered by their random numbers, each with the first of its cases by id."""
    jobs = [
        ImageJob(job.image_id, job.image_path, (min(job.cases, key=lambda case: str(case.case_id)),))
        for job in stage.shard.pending()
    ]
    return sorted(jobs, key=lambda job: generator(stage.args.seed, job.image_id, "pilot image").random())


def _profile(pilots: list[Moments], interval: Interval) -> list[dict[str, float]]:
    """What the pilot found in each bin: the share of the draws under both densities, and the second moments relative to
    the smallest variance that any density gives each quantity.
    """
    edges = np.linspace(interval.low, interval.high, BINS + 1)
    logistic = np.diff(logistic_cumulative(edges, interval))
    columns = {
        "low": edges[:-1],
        "high": edges[1:],
        "logistic": logistic / logistic.sum(),
        "adaptive": fit_density(pilots, interval).mass(BINS),
        **relative_moments(pilots, interval),
    }
    return [{name: float(values[row]) for name, values in columns.items()} for row in range(BINS)]
