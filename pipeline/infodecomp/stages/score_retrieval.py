"""Score every caption option of one shard's cases by what the diffusion model says about their image.

All options of an image share the draws and the one evaluation of the empty prompt; cases of one image (and crop) share its
latent; options that read the same are evaluated once. Images that a killed run finished are not scored again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch

from infodecomp.config import InformationSection, RetrievalSection, given, parse_section
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.estimator.batching import groups
from infodecomp.estimator.designs import purpose_of, resolved
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.options import EMPTY, INFORMATION_SCORES, OptionEstimate, Scores, diffitm_scores
from infodecomp.estimator.racing import after_look, looks
from infodecomp.estimator.sampling import Draws, Interval, draws_of
from infodecomp.information.study_draws import study_interval
from infodecomp.jobs.arguments import add_model_arguments
from infodecomp.jobs.model_job import ModelJob
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import write_table

STAGE = "score_retrieval"
DIFFITM = "diffitm"

# The least images that race together, so that calls are full although cases end one by one.
IMAGES_AT_ONCE = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes; the estimator's section; for a second model, its name."""
    add_model_arguments(parser)
    parser.add_argument("--information", required=True, help="the information section of the configuration as JSON")
    parser.add_argument(
        "--second-model", default="", help="name of the method that scores by diffitm with this model instead of all"
    )


def run(args: argparse.Namespace) -> None:
    """Score the cases of one shard."""
    section = parse_section(RetrievalSection, args.section)
    information = resolved(parse_section(InformationSection, args.information), purpose_of(section))
    plan = Plan.of(section, information, args.second_model)
    stage = ModelJob.open(args, STAGE, plan.settings(), read=read_retrieval_cases)
    jobs = stage.shard.pending()
    if jobs:
        cases = sum(len(job.cases) for job in jobs)
        with Progress(f"{STAGE} shard {args.shard}", cases, "cases") as progress:
            interval = study_interval(stage.model.logsnr_range, plan.information) if plan.information_scores else None
            latents = stage.images.latents(jobs, lambda job: job.cases[0].crop)
            for together in groups(latents, _Together(stage)):
                for started in _race(stage, together, plan, interval):
                    for case in started.job.cases:
                        stage.shard.store(case, _arrays(started.scores(case, plan)))
                        progress.advance()
    _finish(stage, plan)


@dataclass(frozen=True)
class Plan:
    """What to score and how: the methods, the estimator's draws, when to stop, the timesteps of diffitm."""

    information_scores: tuple[str, ...]
    diffitm: str  # the method scored by diffitm, empty: none
    retrieval: RetrievalSection
    information: InformationSection

    @classmethod
    def of(cls, section: RetrievalSection, information: InformationSection, second_model: str) -> Plan:
        """The plan of the study's model, or of a second model, which is scored by diffitm alone."""
        if second_model:
            return cls((), second_model, section, information)
        scores = tuple(method for method in INFORMATION_SCORES if method in section.methods)
        return cls(scores, DIFFITM if DIFFITM in section.methods else "", section, information)

    @property
    def names(self) -> list[str]:
        """The scores of a case."""
        return [*self.information_scores, *([self.diffitm] if self.diffitm else [])]

    @property
    def refers(self) -> bool:
        """Whether some score asks for the empty prompt."""
        return bool({"i_o", "i_s"} & set(self.information_scores))

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of draws after which captions may leave, and the whole budget at their end."""
        return looks(self.retrieval.steps) if self.retrieval.stopping == "racing" else self.retrieval.steps[-1:]

    def settings(self) -> dict[str, Any]:
        """The settings that determine a case's scores."""
        return {
            "scores": self.names,
            "steps": list(self.retrieval.steps),
            "error": self.retrieval.error if self.retrieval.stopping == "racing" else None,
            "timesteps": list(self.retrieval.diffitm_timesteps) if self.diffitm else None,
            "information": given(self.information) if self.information_scores else None,
        }


@dataclass(frozen=True)
class _Together:
    """How many images race together at this moment: more where a call holds many rows."""

    stage: ModelJob

    def __int__(self) -> int:
        return max(IMAGES_AT_ONCE, int(self.stage.model.batch_size) // 4)


@dataclass
class _Started:
    """An image under way: its latent and draws, what each of its cases has so far, and the estimate for diffitm."""

    job: ImageJob
    latent: torch.Tensor
    draws: Draws | None
    estimates: dict[str, OptionEstimate] = field(default_factory=dict)
    norms: Estimate | None = None
    racing: dict[str, Any] = field(default_factory=dict)  # the cases that still draw

    @property
    def running(self) -> list[str]:
        """The captions that are still in the race of some case."""
        captions = []
        for case_id, case in self.racing.items():
            known = self.estimates.get(case_id)
            captions += [known.wordings[k] for k in known.running] if known else list(case.options)
        return list(dict.fromkeys(captions))

    def take(self, estimate: Estimate) -> None:
        """Give further draws to every case that still draws."""
        for case_id, case in self.racing.items():
            known = self.estimates.get(case_id)
            self.estimates[case_id] = known.extended(estimate) if known else OptionEstimate.of(estimate, case.options)

    def stop_decided(self, plan: Plan) -> None:
        """Let captions leave that will hardly win, and with the last rival their case; all cases at the budget."""
        budget = plan.looks[-1]
        for case_id in list(self.racing):
            known = self.estimates[case_id]
            if len(known.seen.draws) < budget:
                known = self.estimates[case_id] = after_look(known, error=plan.retrieval.error, budget=budget)
            if len(known.seen.draws) == budget or len(known.running) == 1:
                del self.racing[case_id]

    def scores(self, case: Any, plan: Plan) -> dict[str, Scores]:
        """The scores of a case by name."""
        scores: dict[str, Scores] = {}
        if plan.information_scores:
            every = self.estimates[case.case_id].scores
            scores |= {name: every[name] for name in plan.information_scores}
        if self.norms is not None:
            scores[plan.diffitm] = diffitm_scores(self.norms, case.options)
        return scores


def _race(
    stage: ModelJob, images: Sequence[tuple[ImageJob, torch.Tensor]], plan: Plan, interval: Interval | None
) -> Iterator[_Started]:
    """Estimate some images together: diffitm once, then look after look for the cases that are not decided.

    An image is yielded as soon as all of its cases have ended.
    """
    started = []
    for job, latent in images:
        draws = None if interval is None else _draws(stage, job, plan, interval)
        started.append(_Started(job, latent, draws, racing={case.case_id: case for case in job.cases}))
    if plan.diffitm:
        for image, estimate in zip(started, _estimates(stage, _norm_problems(stage, started, plan)), strict=True):
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


def _draws(stage: ModelJob, job: ImageJob, plan: Plan, interval: Interval) -> Draws:
    """All draws of an image; the first of them are those of a race that ends early."""
    return draws_of(
        plan.information,
        steps=plan.retrieval.steps,
        shape=stage.model.latent_shape,
        interval=interval,
        density=plan.information.density,
        rng=generator(stage.args.seed, job.image_id, "retrieval"),
    )


def _problem(stage: ModelJob, image: _Started, plan: Plan, start: int, stop: int) -> Problem:
    """Some draws for all captions that are still in a race."""
    if image.draws is None:
        raise ValueError("an image without draws races")
    captions, draws = image.running, image.draws.between(start, stop)
    if not plan.refers:
        return Problem(image.latent, stage.captions.embeddings(captions), [], draws)
    prompts = list(dict.fromkeys([EMPTY, *captions]))
    return Problem(image.latent, stage.captions.embeddings(prompts), [(EMPTY, caption) for caption in captions], draws)


def _norm_problems(stage: ModelJob, started: Sequence[_Started], plan: Plan) -> Iterator[Problem]:
    """The evaluations of diffitm: one noise a timestep, the same for all images."""
    timesteps = np.array(plan.retrieval.diffitm_timesteps)
    noise = [
        generator(stage.args.seed, "diffitm", int(timestep)).standard_normal(stage.model.latent_shape, dtype=np.float32)
        for timestep in timesteps
    ]
    draws = Draws(
        logsnr=stage.model.logsnr_at(torch.from_numpy(timesteps)),
        weight=torch.ones(len(timesteps), dtype=torch.float64),
        eps=torch.from_numpy(np.stack(noise)),
        stratified=True,
    )
    for image in started:
        options = list(dict.fromkeys(option for case in image.job.cases for option in case.options))
        yield Problem(image.latent, stage.captions.embeddings(options), [], draws)


def _arrays(scores: Mapping[str, Scores]) -> dict[str, np.ndarray]:
    """What is kept of a case: values and errors of each option, and evaluations, under the score's name."""
    arrays: dict[str, np.ndarray] = {}
    for name, score in scores.items():
        arrays[f"{name}/value"] = score.value
        arrays[f"{name}/error"] = score.error
        arrays[f"{name}/evaluations"] = np.array(score.evaluations)
    return arrays


def _finish(stage: ModelJob, plan: Plan) -> None:
    summary = stage.shard.check_failures(stage.args.max_failed_fraction)
    rows = [
        {
            "case_id": outcome.case.case_id,
            "option": option,
            "score": name,
            "value": float(outcome.arrays[f"{name}/value"][option]) if outcome.arrays else float("nan"),
            "error": float(outcome.arrays[f"{name}/error"][option]) if outcome.arrays else float("nan"),
            "evaluations": int(outcome.arrays[f"{name}/evaluations"]) if outcome.arrays else 0,
            "status": outcome.status,
            "reason": outcome.reason,
        }
        for outcome in stage.shard.outcomes()
        for name in plan.names
        for option in range(len(outcome.case.options))
    ]
    frame = pd.DataFrame(rows, columns=list(RETRIEVAL_SCORE_COLUMNS))
    write_table(stage.args.output, frame, RETRIEVAL_SCORE_COLUMNS)
    stage.write_provenance()
    print(summary, flush=True)
