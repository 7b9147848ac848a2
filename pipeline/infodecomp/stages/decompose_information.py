"""Estimate the information of two words of a caption, each by itself and both together, for the word pairs of one shard.

All prompts of an image share draws and evaluations: its word pairs are estimated in one pass, by both estimators, alone
(against the empty prompt) and given the rest of the caption. The maps of each replicate are kept; tables decompose them.
"""

from __future__ import annotations

import argparse

from infodecomp.config import parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import DecomposeInformation
from infodecomp.datasets.word_pairs import read_pairs
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.pairs.estimates import SHARD_COLUMNS
from infodecomp.pairs.pair_draws import pair_arrays, pair_estimates, replicates, shard_row
from infodecomp.runs.progress import Progress

STAGE = "decompose_information"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of every stage that runs the model, and the estimator's section; --cases is the table of word pairs."""
    add_model_arguments(parser)
    add_pilot_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Estimate the word pairs of one shard."""
    settings = resolved(parse(DecomposeInformation, args.settings), "maps")
    stage = ModelJob.open(args, STAGE, settings.model_dump(mode="json"), read=read_pairs, **pilot_identity(args.pilot))
    pending = stage.shard.pending()
    if pending:
        jobs = stage.captions.readable(pending, ("first", "second"))
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "pairs") as progress:
            for job, estimate in pair_estimates(stage, jobs, settings.sampling, settings):
                estimates = replicates(estimate, settings.sampling.replicates)
                for case in job.cases:
                    stage.shard.store(case, pair_arrays(case, estimates))
                    progress.advance()
    stage.finish(SHARD_COLUMNS, shard_row)
