"""Record gradient maps of one shard's cases: how far each cell's prediction moves when the text moves towards the word."""

from __future__ import annotations

import argparse

from infodecomp.config import GradientsSection, InformationSection, given, parse_section
from infodecomp.information.gradient_maps import gradient_maps, gradient_section
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import COUNT_COLUMNS, ModelJob, pilot_identity

STAGE = "record_gradients"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model, a pilot, and the estimator's section."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--information", required=True, help="the information section of the configuration, as JSON")


def run(args: argparse.Namespace) -> None:
    """Record the gradient maps of one shard."""
    section = parse_section(GradientsSection, args.section)
    information = gradient_section(parse_section(InformationSection, args.information), section)
    settings = {"steps": section.steps, "information": given(information)}
    stage = ModelJob.open(args, STAGE, settings, **pilot_identity(args.pilot))
    stage.compute(lambda jobs: gradient_maps(stage, jobs, information))
    stage.finish(COUNT_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})
