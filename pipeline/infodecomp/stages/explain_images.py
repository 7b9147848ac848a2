"""Say what the images of one shard owe to the words of their captions, and where: gradients of a scalar target.

For every image: its denoising loss, by the estimator's draws. For images that the study made: the pixels of the picture, all
of them and those of each box, through the last steps of what made it, from the latents that were kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infodecomp.attribution.generated import Box, Explanation, Tensors, Walk, explain
from infodecomp.attribution.word_scores import word_scores
from infodecomp.config import GenerateSection, GradientsSection, InformationSection, given, parse_section
from infodecomp.datasets.prompts import read_prompts
from infodecomp.estimator.sampling import Draws
from infodecomp.flows.generation import Sampler, rows_a_step
from infodecomp.information.case_draws import image_draws
from infodecomp.information.integration import study_density, study_interval
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.image_latents import read_pixels
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.models.gradients import (
    BACKWARD,
    integrated_gradients,
    loss_gradients,
    loss_of_draws,
    loss_rows,
    reduced,
)
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import read_arrays
from infodecomp.stages.generate_images import SETTINGS, read_trajectory, sampler_of, start_of
from infodecomp.stages.record_gradients import drawing

STAGE = "explain_images"

SHARD_COLUMNS = {**dict.fromkeys(("case_id", "status", "reason", "key"), "string"), "evaluations": "int64"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, the estimator's section, and how the images were made, if they were."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--information", required=True, help="the information section of the configuration as JSON")
    parser.add_argument("--prompts", type=Path, help="images of the study: table of their prompts")
    parser.add_argument(
        "--trajectories", type=Path, help="images of the study: folder of <image>.npz with their latents"
    )
    parser.add_argument(
        "--given", type=Path, default=Path(), help="images of the study: folder of what they start from"
    )
    parser.add_argument("--generate", default="{}", help="images of the study: the generate section as JSON")
    parser.add_argument(
        "--checkpointing", type=int, default=0, choices=(0, 1), help="1: compute steps twice, keep less"
    )


def run(args: argparse.Namespace) -> None:
    """Explain the images of one shard."""
    section = parse_section(GradientsSection, args.section)
    generate = parse_section(GenerateSection, args.generate)
    information = drawing(parse_section(InformationSection, args.information), section)
    settings = {**given(section), "information": given(information)}
    identity = pilot_identity(args.pilot)
    if args.prompts is not None:
        identity["generate"] = generate.model_dump(mode="json", include=set(SETTINGS))
    stage = ModelJob.open(args, STAGE, settings, **identity)
    pending = stage.shard.pending()
    if pending:
        _check_boxes(stage, section)
        explainer = Explainer.of(stage, section, information, generate)
        jobs = stage.captions.readable(pending)
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "cases") as progress:
            for job, latent in stage.images.latents(jobs):
                for caption in dict.fromkeys(case.prompt_full for case in job.cases):
                    arrays = explainer.arrays(job, latent, caption)
                    cases = [case for case in job.cases if case.prompt_full == caption]
                    for case in cases:
                        stage.shard.store(case, arrays)
                    progress.advance(len(cases))
    stage.finish(SHARD_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})


def _check_boxes(stage: ModelJob, section: GradientsSection) -> None:
    side = stage.model.image_size
    for number, box in enumerate(section.boxes or ()):
        if box[2] > side or box[3] > side:
            raise InputError(
                f"gradients → boxes → {number} is {list(box)}; allowed are boxes inside the model's image of "
                f"{side} x {side} pixels."
            )
    steps = section.n_last_steps
    if steps is not None and stage.args.prompts is not None:
        walked = parse_section(GenerateSection, stage.args.generate).steps
        if steps > walked:
            raise InputError(f"gradients → n_last_steps is {steps}; allowed is at most generate → steps = {walked}.")


def box_cells(box: Box, image_size: int, grid: tuple[int, int]) -> torch.Tensor:
    """The cells of a latent, (h, w) bool, that a box of pixels touches."""
    x0, y0, x1, y1 = box
    rows, columns = grid
    cells = torch.zeros(grid, dtype=torch.bool)
    top, bottom = y0 * rows // image_size, -(-y1 * rows // image_size)
    left, right = x0 * columns // image_size, -(-x1 * columns // image_size)
    cells[top:bottom, left:right] = True
    return cells


@dataclass(frozen=True)
class Explainer:
    """Explains one image and caption after another. prompts: image → its row, where the study made the images."""

    stage: ModelJob
    section: GradientsSection
    sampled: partial[Draws]
    sampler: Sampler
    prompts: Mapping[str, Any]

    @classmethod
    def of(
        cls, stage: ModelJob, section: GradientsSection, information: InformationSection, generate: GenerateSection
    ) -> Explainer:
        """With the tables that the arguments name."""
        args = stage.args
        table = read_prompts(args.prompts) if args.prompts is not None else None
        rows: Any = () if table is None else table.itertuples(index=False)
        prompts = {row.image_id: row for row in rows}
        sampled = partial(
            image_draws,
            stage,
            information,
            study_interval(stage.model.logsnr_range, information),
            study_density(stage.args.pilot, information),
        )
        return cls(stage, section, sampled, sampler_of(stage, generate), prompts)

    @property
    def boxes(self) -> dict[str, Box | None]:
        """Name of a part of the picture → its box; the whole picture first."""
        return {"image": None, **{f"box{number}": box for number, box in enumerate(self.section.boxes or ())}}

    def arrays(self, job: ImageJob, latent: torch.Tensor, caption: str) -> dict[str, np.ndarray]:
        """What is kept of a caption: words and their kinds, and of each target scores, percentages and a map."""
        found = dict(self._of_loss(job, latent, caption))
        evaluations = loss_evaluations(self.section, len(self.boxes))
        row = self.prompts.get(job.image_id)
        if row is not None:
            walk = self._walk(job, row)
            section = self.section
            explanations = explain(
                walk, list(self.boxes.values()), section.tokens, section.cells, section.integrated_points
            )
            try:
                found |= dict(zip(self.boxes, explanations, strict=True))
            except torch.OutOfMemoryError as error:
                raise InputError(
                    f"machine → device: its memory does not hold {walk.last} steps with gradients; write `checkpointing: "
                    f"true` there, or fewer steps as gradients → n_last_steps ({error})"
                ) from error
            evaluations += walk_evaluations(section, len(self.boxes), walk.last * rows_a_step(walk.sampler.guidance))
        offsets = self.stage.model.token_offsets(caption)
        arrays = {"evaluations": np.array(evaluations), "side": np.array(self.stage.model.image_size)}
        for target, explanation in found.items():
            words = word_scores(caption, offsets, explanation.tokens.numpy(), self.section.special_tokens)
            arrays["words"] = np.array([word.text for word in words])
            arrays["kinds"] = np.array([word.kind for word in words])
            arrays[f"scores/{target}"] = np.array([word.score for word in words])
            arrays[f"cells/{target}"] = explanation.cells.numpy()
        return arrays

    def _of_loss(self, job: ImageJob, latent: torch.Tensor, caption: str) -> Iterator[tuple[str, Explanation]]:
        """The denoising loss, over all of the image and inside each box."""
        section, draws, size = self.section, self.sampled(job), self.stage.model.image_size
        latent = latent.clone()
        z = self.stage.captions.stacked_embeddings([caption])[0].clone()
        for name, box in self.boxes.items():
            cells = None if box is None else box_cells(box, size, (latent.shape[1], latent.shape[2]))
            rows = partial(self.stage.model.batch_size.run_filled, partial(loss_rows, self._denoiser))
            plain = loss_gradients(rows, latent, z, draws, self.stage.model.batch_size, cells)
            gradients: Tensors = (plain.embedding.float(), plain.latent.float())
            integrated = gradients
            if "integrated" in (section.tokens, section.cells):
                integrated = self._integrated_loss(latent, z, draws, cells)
            of = [
                reduced((integrated if how == "integrated" else gradients)[place], value, how, axis)
                for place, (value, how, axis) in enumerate(((z, section.tokens, -1), (latent, section.cells, 0)))
            ]
            yield ("loss" if box is None else f"loss_{name}"), Explanation(*of)

    def _integrated_loss(
        self, latent: torch.Tensor, z: torch.Tensor, draws: Draws, cells: torch.Tensor | None
    ) -> Tensors:
        """From the empty prompt and the latent zero; all draws go through the denoiser at once."""
        count = len(draws)
        counted = torch.ones(latent.shape[1:]) if cells is None else cells.float()

        def loss(text: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            rows = (one.expand(count, *one.shape[1:]) for one in (x, text, counted[None]))
            columns = (column.to(latent) for column in (draws.logsnr, draws.weight, draws.eps))
            return loss_of_draws(self._denoiser, *rows, *columns).mean()[None]

        inputs = (z[None], latent[None])
        baselines = (self.sampler.empty[None], torch.zeros_like(latent)[None])
        return tuple(
            value[0] for value in integrated_gradients(loss, inputs, baselines, self.section.integrated_points)
        )

    def _denoiser(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        return self.stage.model.differentiable(x_alpha, logsnr, embedding).to(x_alpha)

    def _walk(self, job: ImageJob, row: Any) -> Walk:
        """The last steps of the image's generation."""
        stage, args = self.stage, self.stage.args
        file = args.trajectories / f"{row.case_id}.npz"
        trajectory = read_trajectory(read_arrays(file), file)
        steps = len(trajectory) - 1
        return Walk(
            sampler=self.sampler,
            predict=self._denoiser,
            decode=stage.model.picture_of,
            encode=partial(self._encode, row),
            start=start_of(stage, [row], [], args.seed, args.given),
            trajectory=trajectory,
            last=min(self.section.n_last_steps or steps, steps),
            pixels=self._given_pixels(row),
            checkpointing=bool(args.checkpointing),
        )

    def _given_pixels(self, row: Any) -> torch.Tensor | None:
        if not row.image_path:
            return None
        stage = self.stage
        return read_pixels(stage.args.given / row.image_path, stage.model.image_size, stage.settings.resize)

    def _encode(self, row: Any, pixels: torch.Tensor) -> torch.Tensor:
        return self.stage.model.latent_of(pixels, self.stage.images.posterior(row.image_id))


def loss_evaluations(section: GradientsSection, boxes: int) -> int:
    """Of the denoising loss of a caption, for so many parts of the picture; integrated: again for each point."""
    points = section.integrated_points if "integrated" in (section.tokens, section.cells) else 0
    return (1 + BACKWARD) * section.steps[-1] * boxes * (1 + points)


def walk_evaluations(section: GradientsSection, boxes: int, rows: int) -> int:
    """Of steps in which the denoiser sees so many rows: there once and back for each box; integrated: for each point too."""
    how = (section.tokens, section.cells)
    points = section.integrated_points if "integrated" in how else 0
    plain = rows * (1 + BACKWARD * boxes) if how != ("integrated", "integrated") else 0
    return plain + rows * (1 + BACKWARD) * points * boxes
