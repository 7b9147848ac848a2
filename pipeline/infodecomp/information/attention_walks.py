"""Attention maps from walks along the flow: DDIM inversion of the image, then denoising while attention is recorded.

Images are walked together in batches; each (image, caption) once for every number of steps. Where the text attends to the
image, the results of attention are recorded in the same evaluations.
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
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.attention import AttentionSum, Tap, output_map
from infodecomp.runs.shards import ImageJob
from infodecomp.words.caption_words import caption_words
from infodecomp.words.occurrences import word_token_positions


@dataclass(frozen=True)
class _Walk:
    """One image with one of its captions, its latent (C, h, w), the tokens to record, and the cases that ask for it.

    words: the tokens of every word of the caption, where the text attends to the image.
    """

    latent: torch.Tensor
    caption: str
    tokens: list[int]
    cases: list[Any]
    words: list[list[int]]

    @property
    def text(self) -> list[int]:
        """The tokens of all words and of the cases."""
        return sorted({*self.tokens, *(token for word in self.words for token in word)})


def attention_maps(
    stage: ModelInputs, jobs: Sequence[ImageJob], section: AttentionSection
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Each case with its maps, the error of the latent that came back, and the evaluations that it took."""
    for batch in groups(_walks(stage, jobs), stage.model.batch_size):
        yield from _recorded(stage, batch, section)


def _walks(stage: ModelInputs, jobs: Sequence[ImageJob]) -> Iterator[_Walk]:
    for job, latent in stage.images.latents(jobs):
        for caption, tokens in stage.captions.caption_tokens(job).items():
            words = _words(stage, caption) if stage.model.joint_attention else []
            yield _Walk(latent, caption, tokens, [case for case in job.cases if case.prompt_full == caption], words)


def _words(stage: ModelInputs, caption: str) -> list[list[int]]:
    """The token positions of every word of a caption that the model reads."""
    offsets = stage.model.token_offsets(caption)
    found = [word_token_positions(offsets, word.spans) for word in caption_words(caption, ())]
    return [tokens for places in found if (tokens := [token for place in places for token in place])]


def _output_map(stage: ModelInputs, case: Any, recorded: AttentionSum, walk: _Walk) -> np.ndarray:
    """The share of a case's word among the words of its caption."""
    own = stage.captions.word_tokens(case)
    others = [word for word in walk.words if not set(word) & set(own)]
    words = [[walk.text.index(token) for token in word] for word in (own, *others)]
    return rounded_map(output_map(recorded, words, 0, stage.model.latent_shape[1:]))


def _recorded(
    stage: ModelInputs, walks: Sequence[_Walk], section: AttentionSection
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Invert and denoise one batch at each number of steps."""
    # Full batches, so that a map does not depend on how many others are left to make.
    rows = int(stage.model.batch_size)
    latents = padded(torch.stack([walk.latent for walk in walks]), rows)
    conditions = padded(stage.captions.batch([walk.caption for walk in walks]), rows)
    taps = [Tap(row, row, walk.tokens) for row, walk in enumerate(walks)]
    taps += [Tap(row, ("outputs", row), walk.text, what="outputs") for row, walk in enumerate(walks) if walk.words]
    arrays: dict[str, dict[str, np.ndarray]] = {case.case_id: {} for walk in walks for case in walk.cases}
    for steps in section.steps:
        path = Ddim(stage.model, steps)
        noise = path.reverse(latents, conditions)
        with stage.model.recording() as recorder:
            returned = path.generate(noise, conditions, partial(recorder.expect, taps))
        errors = (returned - latents).square().mean((1, 2, 3)).sqrt()
        for row, walk in enumerate(walks):
            recorded = recorder.pop(row)
            outputs = recorder.pop(("outputs", row)) if walk.words else None
            for case in walk.cases:
                heat = word_attention_map(stage, case, recorded, walk.tokens, section.heads)
                arrays[case.case_id] |= {f"attention/-/{steps}": heat, "latent_error": errors[row].numpy()}
                if outputs is not None:
                    arrays[case.case_id][f"attention_output/-/{steps}"] = _output_map(stage, case, outputs, walk)
    for case in (case for walk in walks for case in walk.cases):
        yield case, {**arrays[case.case_id], "evaluations": np.array(2 * sum(section.steps))}
