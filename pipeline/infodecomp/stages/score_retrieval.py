"""Score every caption option of one shard's cases by the diffusion model.

Images that a killed run finished are not scored again.
"""

from __future__ import annotations

import argparse

from infodecomp.config import parse
from infodecomp.config.settings import ScoreRetrieval, ScoreSecondModel
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.jobs.arguments import add_model_arguments
from infodecomp.jobs.model_job import ModelJob
from infodecomp.retrieval.plan import ScoringPlan
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.retrieval.scoring import score_cases, score_table
from infodecomp.runs.storage import write_table

STAGE = "score_retrieval"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every stage that runs the model; the estimator's section; the name of a second model."""
    add_model_arguments(parser)
    parser.add_argument("--methods", nargs="*", default=[], help="what to score with the study's model")
    parser.add_argument(
        "--second-model", default="", help="score only by diffitm with this model, under this name of a method"
    )


def run(args: argparse.Namespace) -> None:
    """Score the cases of one shard."""
    if args.second_model:
        plan = ScoringPlan.of_second_model(parse(ScoreSecondModel, args.settings), args.second_model)
    else:
        plan = ScoringPlan.of(parse(ScoreRetrieval, args.settings), args.methods)
    stage = ModelJob.open(args, STAGE, plan.settings(), read=read_retrieval_cases)
    score_cases(stage, plan)
    summary = stage.shard.check_failures(args.max_failed_fraction)
    write_table(args.output, score_table(stage.shard.outcomes(), plan.names), RETRIEVAL_SCORE_COLUMNS)
    stage.write_provenance()
    print(summary, flush=True)
