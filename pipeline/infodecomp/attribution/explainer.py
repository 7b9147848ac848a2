"""What images owe to the words of their captions, and where: gradients of scalar targets.

For every image: its denoising loss, with the estimator's draws. For images that the study generated: the pixels of the
picture, of all of it and of each box, through the last steps of the generation, from the latents that were kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from infodecomp.attribution.boxes import check_boxes, check_last_steps, named_boxes
from infodecomp.attribution.evaluations import loss_evaluations, walk_evaluations
from infodecomp.attribution.generated import Walk, explain
from infodecomp.attribution.generation import read_trajectory, sampler_of, start_of
from infodecomp.attribution.loss import LossExplainer
from infodecomp.attribution.word_scores import word_scores
from infodecomp.config import GenerationSection
from infodecomp.config.settings import ExplainImages
from infodecomp.datasets.prompts import read_prompts
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.draws import Draws
from infodecomp.flows.generation import Sampler, rows_a_step
from infodecomp.information.study_draws import study_draws
from infodecomp.jobs.image_latents import read_pixels
from infodecomp.jobs.model_job import ModelJob
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import read_arrays


def explained_cases(
    stage: ModelJob,
    jobs: Sequence[ImageJob],
    settings: ExplainImages,
    generate: GenerationSection | None,
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Each case with the arrays of its caption; cases of one caption share them. Raises InputError for a box outside."""
    check_boxes(settings.explanation, stage.model.image_size)
    if generate is not None:
        check_last_steps(settings.explanation, generate)
    explainer = Explainer.of(stage, settings, generate)
    for job, latent in stage.images.latents(jobs):
        for caption in dict.fromkeys(case.prompt_full for case in job.cases):
            arrays = explainer.arrays(job, latent, caption)
            yield from ((case, arrays) for case in job.cases if case.prompt_full == caption)


@dataclass(frozen=True)
class Explainer:
    """Explains one image and caption after another.

    sampled: image → its draws. empty: the empty prompt. sampler, prompts: of images that the study generated,
    how they were sampled, and image → its row of the table of prompts.
    """

    stage: ModelJob
    settings: ExplainImages
    sampled: Callable[[ImageJob], Draws]
    empty: Condition
    sampler: Sampler | None
    prompts: Mapping[str, Any]

    @classmethod
    def of(cls, stage: ModelJob, settings: ExplainImages, generate: GenerationSection | None) -> Explainer:
        """With the table of prompts that the arguments name, if they name one."""
        table = read_prompts(stage.args.prompts) if stage.args.prompts is not None else None
        rows: Any = () if table is None else table.itertuples(index=False)
        prompts = {row.image_id: row for row in rows}
        sampled = study_draws(stage, settings, settings.steps)
        sampler = None if generate is None else sampler_of(stage, generate)
        return cls(stage, settings, sampled, stage.captions.condition(""), sampler, prompts)

    def arrays(self, job: ImageJob, latent: torch.Tensor, caption: str) -> dict[str, np.ndarray]:
        """What is kept of a caption: its words and their kinds, and for each target their scores and a map (h, w)."""
        model, section = self.stage.model, self.settings.explanation
        boxes = named_boxes(section)
        loss = LossExplainer(model, section, self.empty)
        condition = self.stage.captions.condition(caption)
        found = dict(loss.explanations(latent, condition, self.sampled(job)))
        evaluations = loss_evaluations(section, self.settings.steps[-1], len(boxes))
        row = self.prompts.get(job.image_id)
        if row is not None and self.sampler is not None:
            walk = self._walk(row, self.sampler)
            targets = explain(walk, list(boxes.values()), section.tokens, section.cells, section.integrated_points)
            try:
                found |= dict(zip(boxes, targets, strict=True))
            except torch.OutOfMemoryError as error:
                raise InputError(
                    f"machine → device: its memory does not hold the gradients of {walk.last} steps; set machine → "
                    f"checkpointing to true, or gradients → explanation → n_last_steps to fewer steps ({error})"
                ) from error
            evaluations += walk_evaluations(section, len(boxes), walk.last * rows_a_step(walk.sampler.guidance))
        offsets = model.token_offsets(caption)
        arrays = {"evaluations": np.array(evaluations), "side": np.array(model.image_size)}
        for target, explanation in found.items():
            words = word_scores(caption, offsets, explanation.tokens.numpy(), section.special_tokens)
            arrays["words"] = np.array([word.text for word in words])
            arrays["kinds"] = np.array([word.kind for word in words])
            arrays[f"scores/{target}"] = np.array([word.score for word in words])
            arrays[f"cells/{target}"] = explanation.cells.numpy()
        return arrays

    def _walk(self, row: Any, sampler: Sampler) -> Walk:
        """The last steps of an image's generation."""
        stage, args = self.stage, self.stage.args
        file = args.trajectories / f"{row.case_id}.npz"
        trajectory = read_trajectory(read_arrays(file), file)
        steps = len(trajectory) - 1
        return Walk(
            sampler=sampler,
            predict=self._predict,
            decode=stage.model.picture_of,
            encode=partial(self._encode, row),
            start=start_of(stage, [row], [], args.seed, args.given),
            trajectory=trajectory,
            last=min(self.settings.explanation.n_last_steps or steps, steps),
            pixels=self._given_pixels(row),
            checkpointing=bool(args.checkpointing),
        )

    def _predict(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        return self.stage.model.differentiable(x_alpha, logsnr, condition).to(x_alpha)

    def _given_pixels(self, row: Any) -> torch.Tensor | None:
        if not row.image_path:
            return None
        stage = self.stage
        return read_pixels(
            stage.args.given / row.image_path,
            stage.model.image_size,
            stage.settings.resize,
            orientation=int(row.orientation),
        )

    def _encode(self, row: Any, pixels: torch.Tensor) -> torch.Tensor:
        return self.stage.model.latent_of(pixels, self.stage.images.posterior(row.image_id))
