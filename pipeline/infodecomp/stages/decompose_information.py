"""Estimate what two words of a caption tell about an image, one by one and together, for one shard's pairs of words.

All prompts of an image share draws and evaluations: its pairs are estimated in one pass, by both estimators, alone (against
the empty prompt) and given the rest of the caption. What is kept are maps of each replicate; tables take them apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from infodecomp.config import InformationSection, PartialInformationSection, given, parse_section
from infodecomp.datasets.word_pairs import read_pairs
from infodecomp.estimator.designs import resolved
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.estimator.sampling import Draws, Interval, Placing, draws_of
from infodecomp.information.study_draws import study_density, study_interval
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.metrics.word_parts import CONDITION
from infodecomp.pairs.estimates import CONDITIONS, ESTIMATORS, INFORMATION, INTERVENTION, SHARD_COLUMNS
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob

STAGE = "decompose_information"

# A row of the table of pairs → name → (reference, conditioned) prompts.
PairsOf = Callable[[Any], Mapping[Any, PromptPair]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, and the estimator's section; --cases is the table of pairs."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--information", required=True, help="the information section of the configuration as JSON")


def run(args: argparse.Namespace) -> None:
    """Estimate the pairs of one shard."""
    section = parse_section(PartialInformationSection, args.section)
    information = resolved(parse_section(InformationSection, args.information), "maps")
    settings = {"steps": section.steps, "replicates": section.replicates, "information": given(information)}
    stage = ModelJob.open(args, STAGE, settings, read=read_pairs, **pilot_identity(args.pilot))
    pending = stage.shard.pending()
    if pending:
        jobs = stage.captions.readable(pending, ("first", "second"))
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "pairs") as progress:
            for job, estimate in pair_estimates(stage, jobs, section, information):
                replicates = _replicates(estimate, section.replicates)
                for case in job.cases:
                    stage.shard.store(case, case_arrays(case, replicates))
                    progress.advance()
    stage.finish(SHARD_COLUMNS, _row)


def case_pairs(case: Any) -> dict[tuple[str, str], PromptPair]:
    """(condition, which words) → (reference, conditioned) prompts; `intervention`: the caption in place of the other one."""
    pairs: dict[tuple[str, str], PromptPair] = {
        ("alone", "first"): ("", case.prompt_first),
        ("alone", "second"): ("", case.prompt_second),
        ("alone", "both"): ("", case.prompt_both),
        ("given_rest", "first"): (case.prompt_rest, case.prompt_rest_first),
        ("given_rest", "second"): (case.prompt_rest, case.prompt_rest_second),
        ("given_rest", "both"): (case.prompt_rest, case.prompt_full),
    }
    if case.prompt_intervention:
        pairs[INTERVENTION, "both"] = (case.prompt_intervention, case.prompt_full)
    return pairs


def conditional_pairs(case: Any) -> dict[str, PromptPair]:
    """Which words → the prompts of what they tell given the rest of the caption."""
    return {words: pair for (condition, words), pair in case_pairs(case).items() if condition == CONDITION}


def image_prompts(cases: Sequence[Any], pairs_of: PairsOf = case_pairs) -> list[str]:
    """Every prompt of an image's pairs, once."""
    return list(dict.fromkeys(prompt for case in cases for pair in pairs_of(case).values() for prompt in pair))


def case_arrays(case: Any, replicates: Sequence[Estimate]) -> dict[str, np.ndarray]:
    """<condition>/<estimator>/<first, second or both>: (R, h, w) float32, nats, the integral of each replicate."""
    arrays: dict[str, np.ndarray] = {}
    for (condition, words), pair in case_pairs(case).items():
        for estimator in ESTIMATORS:
            maps = [getattr(one, estimator)[pair].map for one in replicates]
            arrays[f"{condition}/{estimator}/{words}"] = np.stack(maps).astype(np.float32)
    draws = sum(len(one.draws) for one in replicates)
    return arrays | {
        "draws": np.array(draws),
        "evaluations": np.array(draws * len(set(image_prompts([case])))),
    }


def pair_estimates(
    stage: ModelJob,
    jobs: Sequence[ImageJob],
    section: PartialInformationSection,
    information: InformationSection,
    pairs_of: PairsOf = case_pairs,
) -> Iterator[tuple[ImageJob, Estimate]]:
    """Images with the estimate of all their pairs of words over all replicates; pairs_of: which prompts of each."""
    interval, density = (
        study_interval(stage.model.logsnr_range, information),
        study_density(stage.args.pilot, information),
    )
    under_way: list[ImageJob] = []

    def problems() -> Iterator[Problem]:
        for job, latent in stage.images.latents(jobs):
            under_way.append(job)
            pairs = list(dict.fromkeys(pair for case in job.cases for pair in pairs_of(case).values()))
            draws = _draws(stage, job, section, information, interval, density)
            yield Problem(latent, stage.captions.embeddings(image_prompts(job.cases, pairs_of)), pairs, draws)

    for estimate in estimate_many(stage.model.predict, problems(), stage.model.batch_size):
        yield under_way.pop(0), estimate


def _draws(
    stage: ModelJob,
    job: ImageJob,
    section: PartialInformationSection,
    information: InformationSection,
    interval: Interval,
    density: str | Placing,
) -> Draws:
    """The draws of every replicate, one after another; each replicate has a stream of its own."""
    replicates = [
        draws_of(
            information,
            steps=[section.steps],
            shape=stage.model.latent_shape,
            interval=interval,
            density=density,
            rng=generator(stage.args.seed, job.image_id, "pairs of words", number),
        )
        for number in range(section.replicates)
    ]
    return reduce(Draws.followed_by, replicates)


def _replicates(estimate: Estimate, count: int) -> list[Estimate]:
    """The estimate of each replicate by itself."""
    steps = len(estimate.draws) // count
    return [estimate.between(number * steps, (number + 1) * steps) for number in range(count)]


def _row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Totals of a finished pair with their standard errors over the replicates, where it has them."""
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
