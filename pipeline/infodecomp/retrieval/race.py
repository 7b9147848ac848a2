"""Race the caption options of images: captions that are unlikely to win leave after each look, until one is left.

All options of an image share the draws and one evaluation of the empty prompt a draw; equal options are evaluated once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.options import EMPTY, OptionEstimate, Scores, diffitm_scores
from infodecomp.estimator.racing import after_look
from infodecomp.estimator.sampling import draws_of
from infodecomp.jobs.model_job import ModelJob
from infodecomp.retrieval.diffitm import diffitm_problems
from infodecomp.retrieval.plan import ScoringPlan
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob


@dataclass
class RacingImage:
    """An image in the race.

    latent: (C, h, w). draws: all draws of its budget, None if only diffitm is scored. estimates: case id → what has been
    estimated of its options. norms: the estimate for diffitm. racing: case id → the cases that still draw.
    """

    job: ImageJob
    latent: torch.Tensor
    draws: Draws | None
    estimates: dict[str, OptionEstimate] = field(default_factory=dict)
    norms: Estimate | None = None
    racing: dict[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> list[str]:
        """The captions that still race in some case."""
        captions = []
        for case_id, case in self.racing.items():
            known = self.estimates.get(case_id)
            captions += [known.wordings[k] for k in known.running] if known else list(case.options)
        return list(dict.fromkeys(captions))

    def take(self, estimate: Estimate) -> None:
        """Add further draws to every case that still draws."""
        for case_id, case in self.racing.items():
            known = self.estimates.get(case_id)
            self.estimates[case_id] = known.extended(estimate) if known else OptionEstimate.of(estimate, case.options)

    def stop_decided(self, plan: ScoringPlan) -> None:
        """Drop captions that are unlikely to win; end the cases with one caption left or the whole budget drawn."""
        budget = plan.looks[-1]
        for case_id in list(self.racing):
            known = self.estimates[case_id]
            if len(known.seen.draws) < budget:
                known = self.estimates[case_id] = after_look(known, error=plan.drawn.scoring.error, budget=budget)
            if len(known.seen.draws) == budget or len(known.running) == 1:
                del self.racing[case_id]

    def scores(self, case: Any, plan: ScoringPlan) -> dict[str, Scores]:
        """The scores of a case by name."""
        scores: dict[str, Scores] = {}
        if plan.information_scores:
            every = self.estimates[case.case_id].scores
            scores |= {name: every[name] for name in plan.information_scores}
        if self.norms is not None:
            scores[plan.diffitm] = diffitm_scores(self.norms, case.options)
        return scores


def race(
    stage: ModelJob, images: Sequence[tuple[ImageJob, torch.Tensor]], plan: ScoringPlan, interval: Interval | None
) -> Iterator[RacingImage]:
    """Estimate some images together: diffitm once, then look by look for the cases that are not decided yet.

    Args:
        stage: the model and the captions' conditions.
        images: with their latents (C, h, w).
        plan: what to score.
        interval: of the log-SNR, for the draws; None if only diffitm is scored.

    Yields:
        each image as soon as all of its cases are decided.
    """
    started = []
    for job, latent in images:
        draws = None if interval is None else _draws(stage, job, plan, interval)
        started.append(RacingImage(job, latent, draws, racing={case.case_id: case for case in job.cases}))
    if plan.diffitm:
        norms = diffitm_problems(stage, images, plan.timesteps)
        for image, estimate in zip(started, _estimates(stage, norms), strict=True):
            image.norms = estimate
            if not plan.information_scores:
                yield image
    if plan.information_scores:
        for drawn, budget in pairwise((0, *plan.looks)):
            racing = [image for image in started if image.racing]
            problems = (_problem(stage, image, plan, drawn, budget) for image in racing)
            for image, estimate in zip(racing, _estimates(stage, problems), strict=True):
                image.take(estimate)
                image.stop_decided(plan)
                if not image.racing:
                    yield image


def _estimates(stage: ModelJob, problems: Iterator[Problem]) -> Iterator[Estimate]:
    return estimate_many(stage.model.predict, problems, stage.model.batch_size)


def _draws(stage: ModelJob, job: ImageJob, plan: ScoringPlan, interval: Interval) -> Draws:
    """All draws of an image; a race that ends early uses the first of them."""
    return draws_of(
        plan.drawn.draws,
        steps=plan.drawn.scoring.steps,
        shape=stage.model.latent_shape,
        interval=interval,
        density=plan.drawn.draws.density,
        rng=generator(stage.args.seed, job.image_id, "retrieval"),
    )


def _problem(stage: ModelJob, image: RacingImage, plan: ScoringPlan, start: int, stop: int) -> Problem:
    """Some of the draws for all captions that still race."""
    if image.draws is None:
        raise ValueError("an image without draws cannot race")
    captions, draws = image.running, image.draws.between(start, stop)
    if not plan.refers:
        return Problem(image.latent, stage.captions.conditions(captions), [], draws)
    prompts = list(dict.fromkeys([EMPTY, *captions]))
    return Problem(image.latent, stage.captions.conditions(prompts), [(EMPTY, caption) for caption in captions], draws)
