"""Make the images of one shard of prompts, and keep the latents that they went through."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infodecomp.config import GenerateSection, parse_section
from infodecomp.datasets.masks import read_mask_file
from infodecomp.datasets.prompts import read_prompts
from infodecomp.estimator.batching import groups
from infodecomp.flows.ddim import Ddim
from infodecomp.flows.generation import Sampler, Start, rows_a_step
from infodecomp.jobs.arguments import add_model_arguments
from infodecomp.jobs.model_job import ModelJob
from infodecomp.pictures.images import fit_mask, write_animation, write_picture
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob

STAGE = "generate_images"
# What determines an image beside its prompt.
SETTINGS = ("steps", "guidance", "strength")

SHARD_COLUMNS = {**dict.fromkeys(("case_id", "status", "reason", "key"), "string"), "evaluations": "int64"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, where the cases are a table of prompts."""
    add_model_arguments(parser)
    parser.add_argument("--pictures", required=True, type=Path, help="folder of the images and of how they came about")


def run(args: argparse.Namespace) -> None:
    """Make the images of one shard."""
    section = parse_section(GenerateSection, args.section)
    stage = ModelJob.open(args, STAGE, section.model_dump(mode="json", include=set(SETTINGS)), read=read_prompts)
    pending = stage.shard.pending()
    if pending:
        sampler = sampler_of(stage, section)
        with Progress(f"{STAGE} shard {args.shard}", len(pending), "images") as progress:
            for jobs, start in _batches(stage, sampler, pending):
                latents = torch.stack(
                    list(sampler.trajectory(stage.model.predict, start)), 1
                )  # (B, steps + 1, C, h, w)
                for job, trajectory in zip(jobs, latents, strict=True):
                    _keep(stage, job, trajectory, sampler)
                progress.advance(len(jobs))
    stage.finish(SHARD_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})


def sampler_of(stage: ModelJob, section: GenerateSection) -> Sampler:
    """The sampler of a study's images."""
    empty = stage.captions.stacked_embeddings([""])[0].clone()
    return Sampler(Ddim(stage.model, section.steps), empty, section.guidance, section.strength)


def start_of(
    stage: ModelJob, rows: Sequence[Any], images: Sequence[torch.Tensor | None], seed: int, root: Path
) -> Start:
    """What the images of rows of the table of prompts are made from; all with a given image and mask, or none.

    images: latents (C, h, w) of given ones. seed: of the study.
    """
    shape = stage.model.latent_shape
    noise = [
        generator(seed, int(row.seed), row.image_id, "generation").standard_normal(shape, dtype=np.float32)
        for row in rows
    ]
    given = [image for image in images if image is not None]
    repaint = [
        fit_mask(read_mask_file(root / row.mask), (shape[1], shape[2]), stage.settings.resize)
        for row in rows
        if row.mask
    ]
    return Start(
        noise=torch.from_numpy(np.stack(noise)),
        # Copies, because what the text tower gives under inference can be no part of a gradient.
        text=stage.captions.stacked_embeddings([row.prompt for row in rows]).clone(),
        image=torch.stack(given) if given else None,
        repaint=torch.from_numpy(np.stack(repaint))[:, None].float() if repaint else None,
    )


def _batches(stage: ModelJob, sampler: Sampler, pending: Sequence[ImageJob]) -> Iterator[tuple[list[ImageJob], Start]]:
    """Images that go through the denoiser together: those from text alone, with an image, and with a mask too."""
    size = max(1, int(stage.model.batch_size) // rows_a_step(sampler.guidance))
    root = stage.shard.images
    text = [job for job in pending if not job.image_path]
    for jobs in groups(text, size):
        yield jobs, start_of(stage, [job.cases[0] for job in jobs], [], stage.args.seed, root)
    for masked in (False, True):
        given = [job for job in pending if job.image_path and bool(job.cases[0].mask) == masked]
        for batch in groups(stage.images.latents(given), size):
            rows, images = [job.cases[0] for job, _ in batch], [latent for _, latent in batch]
            yield [job for job, _ in batch], start_of(stage, rows, images, stage.args.seed, root)


def _keep(stage: ModelJob, job: ImageJob, trajectory: torch.Tensor, sampler: Sampler) -> None:
    """Write the picture, the pictures on the way to it and, last, the latents, by which it is known to be done."""
    row, folder = job.cases[0], stage.args.pictures
    if trajectory.isfinite().all():
        pictures = np.concatenate(
            [(stage.model.decode(part).numpy() + 1) / 2 for part in trajectory.split(int(stage.model.batch_size))]
        )
        write_animation(folder / f"{row.image_id}.webp", pictures)
        write_picture(folder / f"{row.image_id}.png", pictures[-1])
    evaluations = rows_a_step(sampler.guidance) * (len(trajectory) - 1)
    stage.shard.store(row, {"trajectory": trajectory.numpy(), "evaluations": np.array(evaluations)})


def read_trajectory(arrays: Mapping[str, np.ndarray], path: Path) -> torch.Tensor:
    """The latents that an image went through, (steps + 1, C, h, w); InputError if they are not there."""
    if "trajectory" not in arrays:
        raise InputError(f"{path}: it holds no `trajectory`; expected the latents that {STAGE} wrote.")
    return torch.from_numpy(arrays["trajectory"])
