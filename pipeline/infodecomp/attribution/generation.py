"""Images of the study's prompts, with the latents that their generation went through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infodecomp.config import GenerationSection
from infodecomp.datasets.masks import read_mask_file
from infodecomp.estimator.batching import groups
from infodecomp.flows.ddim import Ddim
from infodecomp.flows.generation import Sampler, Start, rows_a_step
from infodecomp.jobs.model_job import ModelJob
from infodecomp.pictures.images import fit_mask
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob


def generated_latents(
    stage: ModelJob, section: GenerationSection, jobs: Sequence[ImageJob]
) -> Iterator[tuple[Any, torch.Tensor]]:
    """Each row of the table of prompts with the latents before each step and at the end, (steps + 1, C, h, w)."""
    sampler = sampler_of(stage, section)
    for together, start in _batches(stage, sampler, jobs):
        latents = torch.stack(list(sampler.trajectory(stage.model.predict, start)), 1)  # (B, steps + 1, C, h, w)
        for job, trajectory in zip(together, latents, strict=True):
            yield job.cases[0], trajectory


def sampler_of(stage: ModelJob, section: GenerationSection) -> Sampler:
    """The sampler of a study's images."""
    return Sampler(Ddim(stage.model, section.steps), stage.captions.condition(""), section.guidance, section.strength)


def start_of(
    stage: ModelJob, rows: Sequence[Any], images: Sequence[torch.Tensor | None], seed: int, root: Path
) -> Start:
    """The start of the generation of some rows of the table of prompts; all with a given image and mask, or none.

    images: latents (C, h, w) of given ones. seed: of the study. root: the folder that mask paths are relative to.
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
        condition=stage.captions.batch([row.prompt for row in rows]),
        image=torch.stack(given) if given else None,
        repaint=torch.from_numpy(np.stack(repaint))[:, None].float() if repaint else None,
    )


def decoded_trajectory(stage: ModelJob, trajectory: torch.Tensor) -> np.ndarray:
    """The pictures of the latents (n, C, h, w) that an image went through, float32 (n, 3, H, W) in [0, 1]."""
    parts = trajectory.split(int(stage.model.batch_size))
    return np.concatenate([(stage.model.decode(part).numpy() + 1) / 2 for part in parts])


def read_trajectory(arrays: Mapping[str, np.ndarray], path: Path) -> torch.Tensor:
    """The latents that an image went through, (steps + 1, C, h, w); InputError if the file at `path` has none."""
    if "trajectory" not in arrays:
        raise InputError(f"{path}: `trajectory` is missing; expected the latents that generate_images wrote.")
    return torch.from_numpy(arrays["trajectory"])


def _batches(stage: ModelJob, sampler: Sampler, jobs: Sequence[ImageJob]) -> Iterator[tuple[list[ImageJob], Start]]:
    """Images that go through the denoiser together: from text alone, then with a given image, then with a mask too."""
    size = max(1, int(stage.model.batch_size) // rows_a_step(sampler.guidance))
    root, seed = stage.shard.images, stage.args.seed
    text = [job for job in jobs if not job.image_path]
    for together in groups(text, size):
        yield together, start_of(stage, [job.cases[0] for job in together], [], seed, root)
    for masked in (False, True):
        given = [job for job in jobs if job.image_path and bool(job.cases[0].mask) == masked]
        for batch in groups(stage.images.latents(given), size):
            rows, images = [job.cases[0] for job, _ in batch], [latent for _, latent in batch]
            yield [job for job, _ in batch], start_of(stage, rows, images, seed, root)
