"""Evaluate the draws of images, all at once or in rounds until each case is known well enough, and record attention."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, pairwise
from typing import Any

import torch

from infodecomp.config import InformationSection
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, Row, estimate_many
from infodecomp.estimator.stopping import known_within
from infodecomp.information.study_draws import recorded_draws, study_draws, study_interval
from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.models.attention import AttentionRecorder, AttentionSum, Tap
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

# Images that are estimated together, so that calls are full although cases stop one by one.
IMAGES_AT_ONCE = 16


@dataclass
class Drawn:
    """An image that is being estimated.

    estimate: of its draws so far from number `start` on. attention: caption → its sums between one number of draws and the
    next, for the token positions in `tokens`, each draw with its weight in `recorded`. cases: those that need more draws.
    """

    job: ImageJob
    start: int
    latent: torch.Tensor
    draws: Draws
    recorded: Sequence[float]
    tokens: Mapping[str, list[int]]
    cases: list[Any]
    attention: dict[str, list[AttentionSum]] = field(default_factory=dict)
    estimate: Estimate | None = None

    def take(self, estimate: Estimate, attention: Mapping[str, Sequence[AttentionSum]]) -> Estimate:
        """Add further draws; returns the estimate of all draws so far."""
        for caption, sums in attention.items():
            self.attention.setdefault(caption, []).extend(sums)
        self.estimate = estimate if self.estimate is None else self.estimate.followed_by(estimate)
        return self.estimate


def draw_cases(
    stage: ModelInputs,
    jobs: Sequence[tuple[ImageJob, int]],
    section: InformationSection,
    evaluated: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[Any, Drawn, Estimate]]:
    """Each case as soon as it has its draws, with its image and the estimate of the image's draws so far.

    jobs: images, each with the number of draws that its cases have from an earlier run. evaluated: receives the rows of
    each call of the denoiser.
    """
    interval, steps = study_interval(stage.model.logsnr_range, section.range), section.budget.steps
    sampled = study_draws(stage, section, steps, extendable=section.budget.extendable, interval=interval)
    counted = partial(recorded_draws, section.draws, interval)
    # A later run adds to these sums, which must not depend on which rows shared a call; in float64 they do not.
    precise = section.budget.extendable
    with stage.model.recording(precise=precise) as recorder:
        images = _opened(stage, jobs, sampled, counted)
        if section.budget.stopping == "none":
            for image, estimate in _round(stage, images, section, recorder, evaluated, section.budget.steps[-1]):
                yield from ((case, image, estimate) for case in image.cases)
            return
        while together := list(islice(images, IMAGES_AT_ONCE)):
            for drawn, budget in pairwise((0, *section.budget.steps)):
                running = [image for image in together if image.cases]
                for image, estimate in _round(stage, running, section, recorder, evaluated, budget, drawn):
                    for case in list(image.cases):
                        if budget == section.budget.steps[-1] or _is_known(case, estimate, section):
                            image.cases.remove(case)
                            yield case, image, estimate


def _is_known(case: Any, estimate: Estimate, section: InformationSection) -> bool:
    maps = (estimate.orthogonal[pair] for pair in case_pairs(case, section.prompts).values())
    return known_within(maps, section.budget.target_error)


def _opened(
    stage: ModelInputs,
    jobs: Sequence[tuple[ImageJob, int]],
    sampled: Callable[[ImageJob], Draws],
    counted: Callable[[Draws], Sequence[float]],
) -> Iterator[Drawn]:
    """The images that can be read, each with all its draws."""
    starts = {job.cases[0].case_id: start for job, start in jobs}
    for job, latent in stage.images.latents([job for job, _ in jobs]):
        start = starts[job.cases[0].case_id]
        draws = sampled(job)
        yield Drawn(job, start, latent, draws, counted(draws), stage.captions.caption_tokens(job), list(job.cases))


def _round(
    stage: ModelInputs,
    images: Iterable[Drawn],
    section: InformationSection,
    recorder: AttentionRecorder,
    evaluated: Callable[[int], None],
    stop: int,
    start: int | None = None,
) -> Iterator[tuple[Drawn, Estimate]]:
    """Evaluate the draws of every image up to number `stop`, from number `start` on (None: from the image's own start)."""
    under_way: dict[int, Drawn] = {}

    def first(image: Drawn) -> int:
        return image.start if start is None else start

    def problems() -> Iterator[Problem]:
        for number, image in enumerate(images):
            under_way[number] = image
            pairs = [pair for case in image.cases for pair in case_pairs(case, section.prompts).values()]
            prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
            draws = image.draws.between(first(image), stop)
            yield Problem(image.latent, stage.captions.conditions(prompts), list(dict.fromkeys(pairs)), draws)

    def taps(rows: Sequence[Row]) -> list[Tap]:
        """Record every evaluation of a caption that some case needs, with separate sums between numbers of draws."""
        return [
            Tap(position, (row.problem, row.prompt, _block(section, draw)), tokens, image.recorded[draw])
            for position, row in enumerate(rows)
            if (image := under_way[row.problem]) and (tokens := _tokens(image).get(row.prompt))
            for draw in [first(image) + row.draw]
        ]

    def before_call(rows: Sequence[Row]) -> None:
        recorder.expect(taps(rows))
        evaluated(len(rows))

    estimates = estimate_many(stage.model.predict, problems(), stage.model.batch_size, before_call)
    for number, estimate in enumerate(estimates):
        image = under_way.pop(number)
        blocks = range(_block(section, first(image)), _block(section, stop - 1) + 1)
        sums = {caption: [recorder.pop((number, caption, k)) for k in blocks] for caption in _tokens(image)}
        yield image, image.take(estimate, sums)


def _tokens(image: Drawn) -> dict[str, list[int]]:
    """Caption → its token positions, of the cases that need more draws."""
    return {case.prompt_full: image.tokens[case.prompt_full] for case in image.cases}


def _block(section: InformationSection, draw: int) -> int:
    """Which of the intervals between the numbers of draws a draw belongs to."""
    return bisect_right(section.budget.steps, draw)
