"""Estimate MI, CMI and attention of one shard's cases: maps for each case, and a table of totals, errors and curves.

Images that a killed run finished are not estimated again: see `pipeline.shards`.
"""

from __future__ import annotations

import argparse
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.attention import AttentionRecorder, AttentionSum, Tap, recording
from pipeline.config import InformationSection, parse_section
from pipeline.designs import resolved
from pipeline.estimates import Estimate, Pair
from pipeline.information import Problem, Row, estimate_many
from pipeline.progress import Progress
from pipeline.sampling import Interval, sample_draws
from pipeline.seeds import generator
from pipeline.shards import ImageJob
from pipeline.stages.model_shard import ModelShard, add_model_arguments

METHODS = ("mi", "cmi")
ESTIMATORS = ("standard", "orthogonal")
_TOTALS = [f"{method}_{estimator}" for method in METHODS for estimator in ESTIMATORS] + ["nll_full"]
_CURVES = ["logsnr", *(f"{method}_{estimator}" for method in METHODS for estimator in ESTIMATORS)]

SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    **dict.fromkeys(("draws", "evaluations"), "int64"),
    **{f"{name}{suffix}": "float64" for name in _TOTALS for suffix in ("", "_error")},
    **{f"curve_{name}": "list<float64>" for name in _CURVES},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, and the heads of the attention maps."""
    add_model_arguments(parser)
    parser.add_argument("--heads", choices=["all", "second_half"], default="all", help="attention heads to average")


def run(args: argparse.Namespace) -> None:
    """Estimate the cases of one shard."""
    section = resolved(parse_section(InformationSection, args.section), "maps")
    stage = ModelShard.open(args, "estimate_information", section.model_dump(mode="json"), heads=args.heads)
    pending = stage.shard.pending()
    if pending:
        jobs = stage.readable(pending)
        with Progress(f"estimate_information shard {args.shard}", len(jobs), "images") as progress:
            for job, estimate, attention in _estimates(stage, jobs, section):
                for case in job.cases:
                    stage.shard.store(case, case_arrays(case, estimate, section, attention[case.case_id]))
                progress.advance()
    stage.finish(SHARD_COLUMNS, _row)


def case_prompts(case: Any, section: InformationSection) -> dict[str, str]:
    """The four prompts of a case: full, context, word and empty."""
    return {
        "full": case.prompt_full,
        "context": case.prompt_context if section.missing_word == "delete" else case.prompt_masked,
        "word": case.prompt_word if section.word_prompt == "word" else case.prompt_label,
        "empty": "",
    }


def case_pairs(case: Any, section: InformationSection) -> dict[str, Pair]:
    """The (reference, conditioned) prompts of MI and CMI."""
    prompts = case_prompts(case, section)
    return {"mi": (prompts["empty"], prompts["word"]), "cmi": (prompts["context"], prompts["full"])}


def case_arrays(
    case: Any, estimate: Estimate, section: InformationSection, attention: Mapping[int, np.ndarray]
) -> dict[str, np.ndarray]:
    """Everything that is kept of a case: maps at each number of draws, totals with errors, and the curves."""
    arrays: dict[str, np.ndarray] = {f"attention_information/-/{steps}": heat for steps, heat in attention.items()}
    pairs = case_pairs(case, section)
    for steps in section.steps:
        nested = estimate.at(steps)
        for method, pair in pairs.items():
            for estimator in ESTIMATORS:
                arrays[f"{method}/{estimator}/{steps}"] = getattr(nested, estimator)[pair].map.astype(np.float32)
    totals = {"nll_full": estimate.nll[case.prompt_full]}
    for method, pair in pairs.items():
        for estimator in ESTIMATORS:
            totals[f"{method}_{estimator}"] = getattr(estimate, estimator)[pair]
            arrays[f"curve_{method}_{estimator}"] = getattr(estimate.curve[pair], estimator)
        arrays["curve_logsnr"] = estimate.curve[pair].logsnr
    for name, value in totals.items():
        arrays[name] = np.array(value.total)
        arrays[f"{name}_error"] = np.array(value.total_error)
    arrays["draws"] = np.array(section.steps[-1])
    # What the case takes by itself, whichever cases of its image were estimated along with it.
    own = {prompt: estimate.error[prompt] for pair in pairs.values() for prompt in pair}
    arrays["evaluations"] = np.array(replace(estimate, error=own).evaluations)
    return arrays


def _row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """A finished case's row of the shard table."""
    names = [name for name in SHARD_COLUMNS if name in arrays and name != "key"]
    return {name: arrays[name].tolist() for name in names}


@dataclass(frozen=True)
class _Started:
    """A job under way, with the token positions that are recorded of each of its captions."""

    job: ImageJob
    tokens: dict[str, list[int]]


def _estimates(
    stage: ModelShard, jobs: Sequence[ImageJob], section: InformationSection
) -> Iterator[tuple[ImageJob, Estimate, dict[str, dict[int, np.ndarray]]]]:
    """Image after image: its estimate, and the attention map of each of its cases at each number of draws."""
    interval = stage.interval(section)
    started: list[_Started] = []

    def problems() -> Iterator[Problem]:
        for job, latent in stage.latents(jobs):
            started.append(_Started(job, stage.caption_tokens(job)))
            yield _problem(stage, job, latent, section, interval)

    with recording(stage.model.unet, stage.model.latent_shape[1:]) as recorder:
        estimates = estimate_many(
            stage.predict,
            problems(),
            stage.batch_size,
            lambda rows: recorder.expect(_taps(rows, started, section)),
        )
        for number, estimate in enumerate(estimates):
            yield started[number].job, estimate, _attention_maps(stage, recorder, number, started[number], section)


def _problem(stage: ModelShard, job: ImageJob, latent: Any, section: InformationSection, interval: Interval) -> Problem:
    pairs = [pair for case in job.cases for pair in case_pairs(case, section).values()]
    prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
    draws = sample_draws(
        shape=tuple(latent.shape),
        steps=section.steps,
        density=section.density,
        design=section.design,
        antithetic_eps=section.antithetic_eps,
        interval=interval,
        rng=generator(stage.args.seed, job.image_id, "information"),
    )
    return Problem(latent, stage.embeddings(prompts), list(dict.fromkeys(pairs)), draws)


def _taps(rows: Sequence[Row], started: Sequence[_Started], section: InformationSection) -> list[Tap]:
    """Record every evaluation of a caption that some case needs; sums are kept apart between two numbers of draws."""
    return [
        Tap(position, (row.problem, row.prompt, bisect_right(section.steps, row.draw)), tokens)
        for position, row in enumerate(rows)
        if (tokens := started[row.problem].tokens.get(row.prompt))
    ]


def _attention_maps(
    stage: ModelShard, recorder: AttentionRecorder, number: int, started: _Started, section: InformationSection
) -> dict[str, dict[int, np.ndarray]]:
    """Case → number of draws → attention map of its word over the draws up to there."""
    sums: dict[str, list[AttentionSum]] = {}
    for caption in started.tokens:
        parts = [recorder.pop((number, caption, k)) for k in range(len(section.steps))]
        sums[caption] = [sum(parts[1 : k + 1], start=parts[0]) for k in range(len(parts))]
    return {
        case.case_id: {
            steps: stage.word_map(case, recorded, started.tokens[case.prompt_full], stage.args.heads)
            for steps, recorded in zip(section.steps, sums[case.prompt_full], strict=True)
        }
        for case in started.job.cases
    }
