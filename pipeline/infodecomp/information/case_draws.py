"""Image after image: the evaluations of its cases, all at once or look after look, and the attention recorded in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, pairwise
from typing import Any

import torch

from infodecomp.config import InformationSection
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, Row, estimate_many
from infodecomp.estimator.sampling import Draws, Interval, Placing, draws_of, logistic_shares
from infodecomp.estimator.stopping import known_within
from infodecomp.jobs.model_shard import ModelShard
from infodecomp.models.attention import AttentionRecorder, AttentionSum, Tap, recording
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

METHODS = ("mi", "cmi")
KINDS = ("standard", "orthogonal")
INTEGRALS = tuple(f"{method}_{kind}" for method in METHODS for kind in KINDS)
# The negative log likelihood of the whole caption.
LIKELIHOOD = "nll_full"

# Images that are looked at together, so that calls are full although cases end one by one.
IMAGES_AT_ONCE = 16


@dataclass
class Drawn:
    """An image under way. estimate: of its draws after number `start`, as far as they are there; attention: caption → its
    sums between one number of draws and the next, of the token positions in `tokens`, each draw counted `recorded` times.
    cases: those that still draw.
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
        """Add further draws; the estimate of all there are."""
        for caption, sums in attention.items():
            self.attention.setdefault(caption, []).extend(sums)
        self.estimate = estimate if self.estimate is None else self.estimate.followed_by(estimate)
        return self.estimate


def draw_cases(
    stage: ModelShard, jobs: Sequence[tuple[ImageJob, int]], section: InformationSection
) -> Iterator[tuple[Any, Drawn, Estimate]]:
    """Case after case, as soon as it has its draws: the case, its image, the estimate of the image's draws so far.

    jobs: images, each with the number of draws that its cases have already.
    """
    interval = stage.interval(section)
    sampled = partial(image_draws, stage, section, interval, stage.density(section))
    counted = partial(recorded_draws, section, interval)
    # What a later run adds to must not depend on which rows shared a call: sums in float64 do not.
    precise = section.extendable
    with recording(stage.model.unet, stage.model.latent_shape[1:], precise=precise) as recorder:
        images = _opened(stage, jobs, sampled, counted)
        if section.stopping == "none":
            for image, estimate in _round(stage, images, section, recorder, section.steps[-1]):
                yield from ((case, image, estimate) for case in image.cases)
            return
        while together := list(islice(images, IMAGES_AT_ONCE)):
            for drawn, budget in pairwise((0, *section.steps)):
                running = [image for image in together if image.cases]
                for image, estimate in _round(stage, running, section, recorder, budget, drawn):
                    for case in list(image.cases):
                        if budget == section.steps[-1] or _is_known(case, estimate, section):
                            image.cases.remove(case)
                            yield case, image, estimate


def _is_known(case: Any, estimate: Estimate, section: InformationSection) -> bool:
    maps = (estimate.orthogonal[pair] for pair in case_pairs(case, section).values())
    return known_within(maps, section.target_error)


def _opened(
    stage: ModelShard,
    jobs: Sequence[tuple[ImageJob, int]],
    sampled: Callable[[ImageJob], Draws],
    counted: Callable[[Draws], Sequence[float]],
) -> Iterator[Drawn]:
    """The images that can be read, with all their draws."""
    starts = {(job.image_id, job.cases[0].case_id): start for job, start in jobs}
    for job, latent in stage.latents([job for job, _ in jobs]):
        start = starts[job.image_id, job.cases[0].case_id]
        draws = sampled(job)
        yield Drawn(job, start, latent, draws, counted(draws), stage.caption_tokens(job), list(job.cases))


def image_draws(
    stage: ModelShard, section: InformationSection, interval: Interval, density: str | Placing, job: ImageJob
) -> Draws:
    """The draws of an image: the same wherever the settings are."""
    return draws_of(
        section,
        shape=stage.model.latent_shape,
        interval=interval,
        density=density,
        rng=generator(stage.args.seed, job.image_id, "information"),
    )


def recorded_draws(section: InformationSection, interval: Interval, draws: Draws) -> list[float]:
    """How often each draw counts in a mean of attention over them.

    An adaptive density serves the integral of information alone: attention stays the mean over the logistic.
    """
    return logistic_shares(draws, interval).tolist() if section.density == "adaptive" else [1.0] * len(draws)


def _round(
    stage: ModelShard,
    images: Iterable[Drawn],
    section: InformationSection,
    recorder: AttentionRecorder,
    stop: int,
    start: int | None = None,
) -> Iterator[tuple[Drawn, Estimate]]:
    """Give every image its draws up to number `stop`, from `start` on or from where it is."""
    under_way: dict[int, Drawn] = {}

    def first(image: Drawn) -> int:
        return image.start if start is None else start

    def problems() -> Iterator[Problem]:
        for number, image in enumerate(images):
            under_way[number] = image
            pairs = [pair for case in image.cases for pair in case_pairs(case, section).values()]
            prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
            draws = image.draws.between(first(image), stop)
            yield Problem(image.latent, stage.embeddings(prompts), list(dict.fromkeys(pairs)), draws)

    def taps(rows: Sequence[Row]) -> list[Tap]:
        """Record every evaluation of a caption that some case needs; sums are kept apart between two numbers of draws."""
        return [
            Tap(position, (row.problem, row.prompt, _block(section, draw)), tokens, image.recorded[draw])
            for position, row in enumerate(rows)
            if (image := under_way[row.problem]) and (tokens := _tokens(image).get(row.prompt))
            for draw in [first(image) + row.draw]
        ]

    estimates = estimate_many(stage.predict, problems(), stage.batch_size, lambda rows: recorder.expect(taps(rows)))
    for number, estimate in enumerate(estimates):
        image = under_way.pop(number)
        blocks = range(_block(section, first(image)), _block(section, stop - 1) + 1)
        sums = {caption: [recorder.pop((number, caption, k)) for k in blocks] for caption in _tokens(image)}
        yield image, image.take(estimate, sums)


def _tokens(image: Drawn) -> dict[str, list[int]]:
    """Of the captions that still draw."""
    return {case.prompt_full: image.tokens[case.prompt_full] for case in image.cases}


def _block(section: InformationSection, draw: int) -> int:
    """Between which two numbers of draws a draw lies."""
    return bisect_right(section.steps, draw)
