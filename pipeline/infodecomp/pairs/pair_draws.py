"""Estimate all word pairs of an image in one pass, since its prompts share draws and evaluations, and gather their maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from infodecomp.config import PairSamplingSection
from infodecomp.config.designs import Sampled
from infodecomp.estimator.densities import Placing
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, Row, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.estimator.sampling import draws_of
from infodecomp.information.study_draws import study_density, study_interval
from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.pairs.estimates import CONDITIONS, ESTIMATORS, INFORMATION, INTERVENTION
from infodecomp.pairs.prompts import PromptPairsOf, image_prompts, word_pair_prompts
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob


def pair_estimates(
    stage: ModelInputs,
    jobs: Sequence[ImageJob],
    section: PairSamplingSection,
    information: Sampled,
    pairs_of: PromptPairsOf = word_pair_prompts,
    evaluated: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[ImageJob, Estimate]]:
    """Images with the estimate of all their word pairs over all replicates.

    pairs_of: which prompts of each. evaluated: receives the rows of each call of the denoiser.
    """
    interval = study_interval(stage.model.logsnr_range, information.range)
    density = study_density(stage.pilot, information.draws)
    under_way: list[ImageJob] = []

    def problems() -> Iterator[Problem]:
        for job, latent in stage.images.latents(jobs):
            under_way.append(job)
            pairs = list(dict.fromkeys(pair for case in job.cases for pair in pairs_of(case).values()))
            draws = _draws(stage, job, section, information, interval, density)
            yield Problem(latent, stage.captions.conditions(image_prompts(job.cases, pairs_of)), pairs, draws)

    def before_call(rows: Sequence[Row]) -> None:
        evaluated(len(rows))

    for estimate in estimate_many(stage.model.predict, problems(), stage.model.batch_size, before_call):
        yield under_way.pop(0), estimate


def replicates(estimate: Estimate, count: int) -> list[Estimate]:
    """The estimate of each of `count` replicates by itself."""
    steps = len(estimate.draws) // count
    return [estimate.between(number * steps, (number + 1) * steps) for number in range(count)]


def replicate_maps(estimates: Sequence[Estimate], estimator: str, pair: PromptPair) -> np.ndarray:
    """The information of a prompt pair in each replicate, (R, h, w) float32, nats. estimates: one per replicate."""
    return np.stack([getattr(one, estimator)[pair].map for one in estimates]).astype(np.float32)


def pair_arrays(case: Any, estimates: Sequence[Estimate]) -> dict[str, np.ndarray]:
    """<condition>/<estimator>/<first, second or both>: (R, h, w) float32, nats, the integral of each replicate.

    Args:
        case: a row of the table of word pairs.
        estimates: of its image, one per replicate.
    """
    arrays: dict[str, np.ndarray] = {}
    for (condition, words), pair in word_pair_prompts(case).items():
        for estimator in ESTIMATORS:
            arrays[f"{condition}/{estimator}/{words}"] = replicate_maps(estimates, estimator, pair)
    draws = sum(len(one.draws) for one in estimates)
    return arrays | {
        "draws": np.array(draws),
        "evaluations": np.array(draws * len(set(image_prompts([case])))),
    }


def shard_row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Totals of a finished word pair, nats, with their standard errors over the replicates: columns of `SHARD_COLUMNS`."""
    row: dict[str, Any] = {"draws": int(arrays["draws"]), "evaluations": int(arrays["evaluations"])}
    for condition in (*CONDITIONS, INTERVENTION):
        for estimator in ESTIMATORS:
            for words in INFORMATION:
                maps = arrays.get(f"{condition}/{estimator}/{words}")
                if maps is not None:
                    totals = maps.sum((1, 2), dtype=np.float64)
                    row[f"{condition}_{estimator}_{words}"] = float(totals.mean())
                    row[f"{condition}_{estimator}_{words}_error"] = float(totals.std(ddof=1) / len(totals) ** 0.5)
    return row


def _draws(
    stage: ModelInputs,
    job: ImageJob,
    section: PairSamplingSection,
    information: Sampled,
    interval: Interval,
    density: str | Placing,
) -> Draws:
    """The draws of every replicate, one after another; each replicate has its own stream of random numbers."""
    return reduce(
        Draws.followed_by,
        [
            draws_of(
                information.draws,
                steps=[section.steps],
                shape=stage.model.latent_shape,
                interval=interval,
                density=density,
                rng=generator(stage.seed, job.image_id, "pairs of words", number),
            )
            for number in range(section.replicates)
        ],
    )
