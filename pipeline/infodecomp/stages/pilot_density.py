"""Fit the density of log-SNRs of one dataset and model by a pilot on a few images, for `density: adaptive`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from infodecomp.config import InformationSection, parse_section
from infodecomp.estimator.density import (
    BINS,
    Moments,
    fit_density,
    integrand_squares,
    pilot_draws,
    relative_moments,
)
from infodecomp.estimator.designs import resolved
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.sampling import Interval, logistic_cumulative
from infodecomp.information.case_draws import METHODS
from infodecomp.jobs.model_shard import ModelShard, add_model_arguments
from infodecomp.jobs.pilot_file import density_record
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import write_text
from infodecomp.words.prompts import case_pairs

STAGE = "pilot_density"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes."""
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Choose the images, run the pilot, write the density."""
    section = resolved(parse_section(InformationSection, args.section), "maps")
    stage = ModelShard.open(args, STAGE, section.model_dump(mode="json"))
    interval = stage.interval(section)
    cases: list[Any] = []
    problems = islice(_problems(stage, section, interval, cases), section.pilot_images)
    estimates = list(estimate_many(stage.predict, problems, stage.batch_size))
    if not estimates:
        raise InputError(
            f"{args.cases}: no image of any case could be read, so that there is nothing to run a pilot on."
        )
    pilots: list[Moments] = [
        integrand_squares(estimate, case_pairs(case, section)) for case, estimate in zip(cases, estimates, strict=True)
    ]
    record = {
        **density_record(fit_density(pilots, interval)),
        "images": [case.image_id for case in cases],
        "cases": [case.case_id for case in cases],
        "evaluations": sum(estimate.evaluations for estimate in estimates),
        "profile": _profile(pilots, interval),
    }
    write_text(args.output, json.dumps(record, indent=2) + "\n")
    stage.write_provenance()
    print(f"{STAGE}: {len(cases)} images, {record['evaluations']} evaluations", flush=True)


def _problems(
    stage: ModelShard, section: InformationSection, interval: Interval, cases: list[Any]
) -> Iterator[Problem]:
    """One case of each image that can be read, in an order that the seed decides; `cases` takes note of them."""
    for job, latent in stage.latents(_shuffled(stage)):
        rng = generator(stage.args.seed, job.image_id, "pilot")
        pairs = case_pairs(job.cases[0], section)
        prompts = list(dict.fromkeys(prompt for pair in pairs.values() for prompt in pair))
        draws = pilot_draws(stage.model.latent_shape, section.pilot_draws, interval, rng)
        cases.append(job.cases[0])
        yield Problem(latent, stage.embeddings(prompts), [pairs[method] for method in METHODS], draws)


def _shuffled(stage: ModelShard) -> list[ImageJob]:
    """The images with a usable case, in the order of their own random numbers, and the first case of each by its id."""
    jobs = [
        ImageJob(job.image_id, job.image_path, (min(job.cases, key=lambda case: str(case.case_id)),))
        for job in stage.shard.pending()
    ]
    return sorted(jobs, key=lambda job: generator(stage.args.seed, job.image_id, "pilot image").random())


def _profile(pilots: list[Moments], interval: Interval) -> list[dict[str, float]]:
    """What the pilot found in each bin: shares of the draws of both densities, and the second moments relative to the
    least variance that each quantity allows.
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
