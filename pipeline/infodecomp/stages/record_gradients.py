"""Record what moves at every pixel when the text moves towards a case's word: the gradient maps of one shard's cases."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from infodecomp.config import GradientsSection, InformationSection, given, parse_section
from infodecomp.estimator.designs import resolved
from infodecomp.information.case_draws import image_draws
from infodecomp.jobs.model_shard import ModelShard, add_model_arguments, add_pilot_argument, pilot_identity
from infodecomp.models.gradients import DIRECTION, WordDirection, direction_maps, directional_derivative
from infodecomp.runs.progress import Progress
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

STAGE = "record_gradients"

SHARD_COLUMNS = {**dict.fromkeys(("case_id", "status", "reason", "key"), "string"), "evaluations": "int64"}

# A draw of a case is one pass, which carries the direction along.
EVALUATIONS_A_DRAW = 1 + DIRECTION


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, and the estimator's section."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--information", required=True, help="the information section of the configuration as JSON")


def run(args: argparse.Namespace) -> None:
    """Record the gradient maps of one shard."""
    section = parse_section(GradientsSection, args.section)
    information = drawing(parse_section(InformationSection, args.information), section)
    settings = {"steps": section.steps, "information": given(information)}
    stage = ModelShard.open(args, STAGE, settings, **pilot_identity(args.pilot))
    pending = stage.shard.pending()
    if pending:
        jobs = stage.readable(pending)
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "cases") as progress:
            for case, maps in gradient_maps(stage, jobs, information):
                arrays = {f"gradient/-/{count}": heat.float().numpy() for count, heat in maps.items()}
                evaluations = EVALUATIONS_A_DRAW * information.steps[-1]
                stage.shard.store(case, {**arrays, "evaluations": np.array(evaluations)})
                progress.advance()
    stage.finish(SHARD_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})


def drawing(information: InformationSection, section: GradientsSection) -> InformationSection:
    """The estimator's settings with the numbers of draws of gradients."""
    return resolved(information, "maps").model_copy(update={"steps": section.steps})


def gradient_maps(
    stage: ModelShard, jobs: Sequence[ImageJob], information: InformationSection
) -> Iterator[tuple[Any, Mapping[int, torch.Tensor]]]:
    """Case after case with its maps, by their numbers of draws."""
    cases = list[Any]()
    sampled = partial(image_draws, stage, information, stage.interval(information), stage.density(information))

    def words() -> Iterator[WordDirection]:
        for job, latent in stage.latents(jobs):
            draws = sampled(job)
            for case in job.cases:
                context, full = stage.stacked_embeddings(case_pairs(case, information)["cmi"])
                cases.append(case)
                yield WordDirection(latent, full, full - context, draws)

    derivative = partial(stage.rows, partial(directional_derivative, stage.model.differentiable))
    for maps in direction_maps(derivative, words(), information.steps, stage.batch_size):
        yield cases.pop(0), maps
