"""Record attention maps of one shard's cases: DDIM inversion of the real image, then denoising while recording.

Images are walked together in batches; each (image, caption) once for every number of steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from pipeline.attention import Tap, recording, word_map
from pipeline.config import AttentionSection, parse_section
from pipeline.flow import Ddim
from pipeline.progress import Progress
from pipeline.shards import ImageJob
from pipeline.stages.model_shard import ModelShard, add_model_arguments

SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    "evaluations": "int64",
    "latent_error": "float64",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes."""
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Record the attention maps of one shard."""
    section = parse_section(AttentionSection, args.section)
    stage = ModelShard.open(args, "record_attention", section, image_range=section.image_range)
    pending = stage.shard.pending()
    if pending:
        jobs = stage.readable(pending)
        with Progress(f"record_attention shard {args.shard}", len(jobs), "images") as progress:
            for images in _recorded(stage, jobs, section):
                progress.advance(images)
    stage.finish(SHARD_COLUMNS, _row, section)


def _row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {name: arrays[name].tolist() for name in ("evaluations", "latent_error")}


def _recorded(stage: ModelShard, jobs: Sequence[ImageJob], section: AttentionSection) -> Iterator[int]:
    """Walk the jobs in batches of (image, caption) rows; yields the number of images finished."""
    batch: list[tuple[ImageJob, str]] = []
    latents: list[torch.Tensor] = []
    images = 0
    for job in jobs:
        latent = stage.latent(job)
        images += 1
        if latent is None:
            continue
        captions = list(dict.fromkeys(case.prompt_full for case in job.cases))
        batch += [(job, caption) for caption in captions]
        latents += [latent] * len(captions)
        if len(batch) >= stage.args.batch_size:
            _walk(stage, batch, torch.stack(latents), section)
            yield images
            batch, latents, images = [], [], 0
    if batch:
        _walk(stage, batch, torch.stack(latents), section)
    yield images


def _walk(
    stage: ModelShard, batch: Sequence[tuple[ImageJob, str]], latents: torch.Tensor, section: AttentionSection
) -> None:
    """Invert and denoise one batch at each number of steps, and store the maps of its cases."""
    embeddings = stage.model.encode_prompts([caption for _, caption in batch])
    tokens = [range(len(stage.model.token_offsets(caption))) for _, caption in batch]
    size = stage.model.latent_shape[1:]
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for steps in section.steps:
        path = Ddim(stage.model, steps)
        noise = path.invert(latents, embeddings)
        with recording(stage.model.unet, size) as recorder:
            taps = [Tap(row, row, kept) for row, kept in enumerate(tokens)]
            returned = path.generate(noise, embeddings, partial(recorder.expect, taps))
        errors = (returned - latents).square().mean((1, 2, 3)).sqrt()
        for row, (job, caption) in enumerate(batch):
            recorded = recorder.pop(row)
            for case in (case for case in job.cases if case.prompt_full == caption):
                kept = arrays.setdefault(case.case_id, {})
                kept[f"attention/-/{steps}"] = word_map(recorded, stage.word_tokens(case), size, heads=section.heads)
                kept["latent_error"] = errors[row].numpy()
    for job, caption in batch:
        for case in (case for case in job.cases if case.prompt_full == caption):
            evaluations = np.array(2 * sum(section.steps))
            stage.shard.store(case, {**arrays[case.case_id], "evaluations": evaluations})
