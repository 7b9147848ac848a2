"""Generate the images of one shard of prompts, and keep the latents that they went through."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from infodecomp.attribution.generation import decoded_trajectory, generated_latents
from infodecomp.config import parse
from infodecomp.config.settings import GenerateImages
from infodecomp.datasets.prompts import read_prompts
from infodecomp.flows.generation import rows_a_step
from infodecomp.jobs.arguments import add_model_arguments
from infodecomp.jobs.model_job import COUNT_COLUMNS, ModelJob
from infodecomp.pictures.animations import write_sequence
from infodecomp.pictures.images import write_picture
from infodecomp.runs.progress import Progress

STAGE = "generate_images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model; --cases is a table of prompts."""
    add_model_arguments(parser)
    parser.add_argument("--pictures", required=True, type=Path, help="folder for images and animations of their steps")


def run(args: argparse.Namespace) -> None:
    """Generate the images of one shard."""
    section = parse(GenerateImages, args.settings).sampling
    stage = ModelJob.open(args, STAGE, section.model_dump(mode="json"), read=read_prompts)
    pending = stage.shard.pending()
    if pending:
        with Progress(f"{STAGE} shard {args.shard}", len(pending), "images") as progress:
            for row, trajectory in generated_latents(stage, section, pending):
                picture, animation = (args.pictures / f"{row.image_id}.{suffix}" for suffix in ("png", "webp"))
                if trajectory.isfinite().all():
                    pictures = decoded_trajectory(stage, trajectory)
                    write_sequence(animation, pictures)
                    write_picture(picture, pictures[-1])
                # Last, because an image counts as finished once its latents are stored.
                evaluations = rows_a_step(section.guidance) * (len(trajectory) - 1)
                arrays = {"trajectory": trajectory.numpy(), "evaluations": np.array(evaluations)}
                stage.shard.store(row, arrays, [picture, animation])
                progress.advance()
    stage.finish(COUNT_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})
