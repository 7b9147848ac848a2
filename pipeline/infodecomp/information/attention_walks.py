"""Attention maps from walks along the flow: DDIM inversion of the image, then denoising while attention is recorded.

Images are walked together in batches; each (image, caption) once for every number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from infodecomp.config import AttentionSection
from infodecomp.estimator.batching import groups, padded
from infodecomp.flows.ddim import Ddim
from infodecomp.information.word_attention import word_attention_map
from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.models.attention import Tap
from infodecomp.runs.shards import ImageJob


@dataclass(frozen=True)
class _Walk:
    """One image with one of its captions, its latent (C, h, w), the tokens to record, and the cases that ask for it."""

    latent: torch.Tensor
    caption: str
    tokens: list[int]
    cases: list[Any]


def attention_maps(
    stage: ModelInputs, jobs: Sequence[ImageJob], section: AttentionSection
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Each case with its maps, the error of the latent that came back, and the evaluations that it took."""
    for batch in groups(_walks(stage, jobs), stage.model.batch_size):
        yield from _recorded(stage, batch, section)


def _walks(stage: ModelInputs, jobs: Sequence[ImageJob]) -> Iterator[_Walk]:
    for job, latent in stage.images.latents(jobs):
        for caption, tokens in stage.captions.caption_tokens(job).items():
            yield _Walk(latent, caption, tokens, [case for case in job.cases if case.prompt_full == caption])


def _recorded(
    stage: ModelInputs, walks: Sequence[_Walk], section: AttentionSection
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Invert and denoise one batch at each number of steps."""
    # Full batches, so that a map does not depend on how many others are left to make.
    rows = int(stage.model.batch_size)
    latents = padded(torch.stack([walk.latent for walk in walks]), rows)
    conditions = padded(stage.captions.batch([walk.caption for walk in walks]), rows)
    taps = [Tap(row, row, walk.tokens) for row, walk in enumerate(walks)]
    arrays: dict[str, dict[str, np.ndarray]] = {case.case_id: {} for walk in walks for case in walk.cases}
    for steps in section.steps:
        path = Ddim(stage.model, steps)
        noise = path.reverse(latents, conditions)
        with stage.model.recording() as recorder:
            returned = path.generate(noise, conditions, partial(recorder.expect, taps))
        errors = (returned - latents).square().mean((1, 2, 3)).sqrt()
        for row, walk in enumerate(walks):
            recorded = recorder.pop(row)
            for case in walk.cases:
                heat = word_attention_map(stage, case, recorded, walk.tokens, section.heads)
                arrays[case.case_id] |= {f"attention/-/{steps}": heat, "latent_error": errors[row].numpy()}
    for case in (case for walk in walks for case in walk.cases):
        yield case, {**arrays[case.case_id], "evaluations": np.array(2 * sum(section.steps))}
