"""Score every caption option of one shard's cases by what the diffusion model says about their image.

All options of an image share the draws and the one evaluation of the empty prompt; cases of one image (and crop) share its
latent; options that read the same are evaluated once. Images that a killed run finished are not scored again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.config import InformationSection, RetrievalSection, given, parse_section
from pipeline.datasets.retrieval_cases import read_retrieval_cases
from pipeline.estimates import Estimate
from pipeline.information import Problem, estimate_many
from pipeline.option_scores import EMPTY, INFORMATION_SCORES, OptionBlock, OptionEstimate, Scores, diffitm_scores
from pipeline.progress import Progress
from pipeline.racing import decided
from pipeline.retrieval_scores import RETRIEVAL_SCORE_COLUMNS
from pipeline.sampling import Draws, Interval, sample_draws
from pipeline.seeds import generator
from pipeline.shards import ImageJob
from pipeline.stages.model_shard import ModelShard, add_model_arguments
from pipeline.storage import write_table

STAGE = "score_retrieval"
DIFFITM = "diffitm"

# Images that race together, so that calls are full although cases end one by one.
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
    information = parse_section(InformationSection, args.information)
    plan = Plan.of(section, information, args.second_model)
    stage = ModelShard.open(args, STAGE, plan.settings(), read=read_retrieval_cases)
    jobs = stage.shard.pending()
    if jobs:
        cases = sum(len(job.cases) for job in jobs)
        with Progress(f"{STAGE} shard {args.shard}", cases, "cases") as progress:
            waiting = iter(jobs)
            while together := list(islice(waiting, IMAGES_AT_ONCE)):
                for started in _race(stage, together, plan):
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
    def blocks(self) -> list[int]:
        """Draws of each block: one block without stopping."""
        if self.retrieval.stopping == "none":
            return [self.retrieval.steps]
        return [self.retrieval.block] * (self.retrieval.steps // self.retrieval.block)

    def settings(self) -> dict[str, Any]:
        """The settings that determine a case's scores."""
        stopping = {"block": self.retrieval.block, "error": self.retrieval.error}
        return {
            "scores": self.names,
            "steps": self.retrieval.steps,
            "stopping": stopping if self.retrieval.stopping == "racing" else None,
            "timesteps": list(self.retrieval.diffitm_timesteps) if self.diffitm else None,
            "information": given(self.information) if self.information_scores else None,
        }


@dataclass
class _Started:
    """An image under way: its latent, the blocks that each of its cases has, and the estimate for diffitm."""

    job: ImageJob
    latent: torch.Tensor
    blocks: dict[str, list[OptionBlock]] = field(default_factory=dict)
    norms: Estimate | None = None
    racing: dict[str, Any] = field(default_factory=dict)  # the cases that still draw

    def take(self, estimate: Estimate) -> None:
        """Add a block to every case that still draws."""
        for case in self.racing.values():
            self.blocks.setdefault(case.case_id, []).append(OptionBlock.of(estimate, case.options))

    def stop_decided(self, plan: Plan) -> None:
        """Let cases go whose best option is sure."""
        looks = len(plan.blocks) - 1
        for case in list(self.racing.values()):
            estimate = OptionEstimate(tuple(self.blocks[case.case_id]))
            distinct = np.array([list(case.options).index(option) for option in case.options])
            if decided(estimate, error=plan.retrieval.error, looks=looks, distinct=distinct):
                del self.racing[case.case_id]

    def scores(self, case: Any, plan: Plan) -> dict[str, Scores]:
        """The scores of a case by name."""
        scores: dict[str, Scores] = {}
        if plan.information_scores:
            every = OptionEstimate(tuple(self.blocks[case.case_id])).scores
            scores |= {name: every[name] for name in plan.information_scores}
        if self.norms is not None:
            scores[plan.diffitm] = diffitm_scores(self.norms, case.options)
        return scores


def _race(stage: ModelShard, jobs: Sequence[ImageJob], plan: Plan) -> list[_Started]:
    """Estimate some images together: block after block for the cases that are not decided, and diffitm once."""
    started = []
    for job in jobs:
        latent = stage.latent(job, job.cases[0].crop)
        if latent is not None:
            started.append(_Started(job, latent, racing={case.case_id: case for case in job.cases}))
    if plan.diffitm:
        for image, estimate in zip(started, _estimates(stage, _norm_problems(stage, started, plan)), strict=True):
            image.norms = estimate
    if plan.information_scores:
        interval = stage.interval(plan.information)
        for number, steps in enumerate(plan.blocks):
            racing = [image for image in started if image.racing]
            problems = (_problem(stage, image, plan, interval, number, steps) for image in racing)
            for image, estimate in zip(racing, _estimates(stage, problems), strict=True):
                image.take(estimate)
                if number < len(plan.blocks) - 1:
                    image.stop_decided(plan)
    return started


def _estimates(stage: ModelShard, problems: Iterator[Problem]) -> Iterator[Estimate]:
    return estimate_many(stage.predict, problems, stage.args.batch_size)


def _problem(stage: ModelShard, image: _Started, plan: Plan, interval: Interval, number: int, steps: int) -> Problem:
    """One block of draws for all options of the cases that still draw."""
    options = list(dict.fromkeys(option for case in image.racing.values() for option in case.options))
    information = plan.information
    draws = sample_draws(
        shape=stage.model.latent_shape,
        steps=[steps],
        density=information.density,
        design=information.design,
        antithetic_eps=information.antithetic_eps,
        interval=interval,
        rng=generator(stage.args.seed, image.job.image_id, "retrieval", number),
    )
    if not plan.refers:
        return Problem(image.latent, stage.embeddings(options), [], draws)
    prompts = list(dict.fromkeys([EMPTY, *options]))
    return Problem(image.latent, stage.embeddings(prompts), [(EMPTY, option) for option in options], draws)


def _norm_problems(stage: ModelShard, started: Sequence[_Started], plan: Plan) -> Iterator[Problem]:
    """The evaluations of diffitm: one noise a timestep, the same for all images."""
    timesteps = np.array(plan.retrieval.diffitm_timesteps)
    noise = [
        generator(stage.args.seed, "diffitm", int(timestep)).standard_normal(stage.model.latent_shape, dtype=np.float32)
        for timestep in timesteps
    ]
    draws = Draws(
        logsnr=stage.model.logsnr_table[torch.from_numpy(timesteps)],
        weight=torch.ones(len(timesteps), dtype=torch.float64),
        eps=torch.from_numpy(np.stack(noise)),
        stratified=True,
    )
    for image in started:
        options = list(dict.fromkeys(option for case in image.job.cases for option in case.options))
        yield Problem(image.latent, stage.embeddings(options), [], draws)


def _arrays(scores: Mapping[str, Scores]) -> dict[str, np.ndarray]:
    """What is kept of a case: values and errors of each option, and evaluations, under the score's name."""
    arrays: dict[str, np.ndarray] = {}
    for name, score in scores.items():
        arrays[f"{name}/value"] = score.value
        arrays[f"{name}/error"] = score.error
        arrays[f"{name}/evaluations"] = np.array(score.evaluations)
    return arrays


def _finish(stage: ModelShard, plan: Plan) -> None:
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
