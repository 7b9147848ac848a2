"""Record attention maps of one shard's cases: invert each image by DDIM, then record while denoising it."""

from __future__ import annotations

import argparse

from infodecomp.config import parse
from infodecomp.config.settings import RecordAttention
from infodecomp.information.attention_walks import attention_maps
from infodecomp.jobs.arguments import add_model_arguments
from infodecomp.jobs.model_job import ModelJob

STAGE = "record_attention"

SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    "evaluations": "int64",
    "latent_error": "float64",  # root mean square difference of the returned latent from the image's
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model."""
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Record the attention maps of one shard."""
    section = parse(RecordAttention, args.settings).attention
    stage = ModelJob.open(args, STAGE, section.model_dump(mode="json"), image_range=section.image_range)
    stage.compute(lambda jobs: attention_maps(stage, jobs, section))
    stage.finish(SHARD_COLUMNS, lambda arrays: {name: arrays[name].tolist() for name in list(SHARD_COLUMNS)[4:]})
