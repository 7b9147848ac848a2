"""Estimate MI, CMI and attention of one shard's cases: maps for each case, and a table of totals, errors and curves.

Images that a killed run finished are not estimated again: see `runs.shards`. With `extendable`, cases go on from what an
earlier run with fewer numbers of draws left: see `infodecomp.estimator.extension`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infodecomp.config import InformationSection, parse_section
from infodecomp.estimator.designs import resolved
from infodecomp.estimator.estimates import Estimate
from infodecomp.information.case_draws import INTEGRALS, KINDS, LIKELIHOOD, Drawn, draw_cases
from infodecomp.information.extended_cases import by_start, extended_arrays
from infodecomp.jobs.model_shard import ModelShard, add_model_arguments, add_pilot_argument, pilot_identity
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.attention import AttentionSum
from infodecomp.runs.progress import Progress
from infodecomp.words.prompts import case_pairs

_TOTALS = [*INTEGRALS, LIKELIHOOD]
_CURVES = ["logsnr", *INTEGRALS]

SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    **dict.fromkeys(("draws", "evaluations"), "int64"),
    **{f"{name}{suffix}": "float64" for name in _TOTALS for suffix in ("", "_error")},
    **{f"curve_{name}": "list<float64>" for name in _CURVES},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, and the heads of the attention maps."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--heads", choices=["all", "second_half"], default="all", help="attention heads to average")


def run(args: argparse.Namespace) -> None:
    """Estimate the cases of one shard."""
    section = resolved(parse_section(InformationSection, args.section), "maps")
    identity = {"heads": args.heads, **pilot_identity(args.pilot)}
    stage = ModelShard.open(args, "estimate_information", section.model_dump(mode="json"), **identity)
    pending = stage.shard.pending()
    if pending:
        jobs = [part for job in stage.readable(pending) for part in by_start(stage, job, section)]
        total = sum(len(job.cases) for job, _ in jobs)
        with Progress(f"estimate_information shard {args.shard}", total, "cases") as progress:
            for case, image, estimate in draw_cases(stage, jobs, section):
                stage.shard.store(case, _arrays(stage, case, image, estimate, section))
                progress.advance()
    stage.finish(SHARD_COLUMNS, _row)


def case_arrays(
    case: Any, estimate: Estimate, section: InformationSection, attention: Mapping[int, np.ndarray]
) -> dict[str, np.ndarray]:
    """Everything that is kept of a case: maps at each number of draws, totals with errors, and the curves.

    A case that ended at fewer draws has its last maps at the numbers after that.
    """
    arrays: dict[str, np.ndarray] = {f"attention_information/-/{steps}": heat for steps, heat in attention.items()}
    pairs = case_pairs(case, section)
    for steps in section.steps:
        nested = estimate.at(steps)
        for method, pair in pairs.items():
            for kind in KINDS:
                arrays[f"{method}/{kind}/{steps}"] = rounded_map(getattr(nested, kind)[pair].map)
    totals = {LIKELIHOOD: estimate.nll[case.prompt_full]}
    for method, pair in pairs.items():
        for kind in KINDS:
            totals[f"{method}_{kind}"] = getattr(estimate, kind)[pair]
            arrays[f"curve_{method}_{kind}"] = getattr(estimate.curve[pair], kind)
        arrays["curve_logsnr"] = estimate.curve[pair].logsnr
    for name, value in totals.items():
        arrays[name] = np.array(value.total)
        arrays[f"{name}_error"] = np.array(value.total_error)
    return arrays | _counts(case, estimate, section, len(estimate.draws))


def _counts(case: Any, estimate: Estimate, section: InformationSection, draws: int) -> dict[str, np.ndarray]:
    """Draws of a case, and the evaluations that it takes by itself, without the other cases of its image."""
    pairs = case_pairs(case, section).values()
    own = replace(estimate, error={prompt: estimate.error[prompt] for pair in pairs for prompt in pair})
    return {"draws": np.array(draws), "evaluations": np.array(own.evaluations // len(own.draws) * draws)}


def _row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """A finished case's row of the shard table."""
    names = [name for name in SHARD_COLUMNS if name in arrays and name != "key"]
    return {name: arrays[name].tolist() for name in names}


def _arrays(
    stage: ModelShard, case: Any, image: Drawn, estimate: Estimate, section: InformationSection
) -> dict[str, np.ndarray]:
    """What is kept of a case that has its draws."""
    own = [stage.word_sum(case, sums, image.tokens[case.prompt_full]) for sums in image.attention[case.prompt_full]]
    if section.extendable:
        found = extended_arrays(stage, case, image, estimate, section, own)
        return found | _counts(case, estimate, section, len(image.draws))
    return case_arrays(case, estimate, section, _attention_maps(stage, own, section.steps))


def _attention_maps(stage: ModelShard, parts: Sequence[AttentionSum], steps: Sequence[int]) -> dict[int, np.ndarray]:
    """Number of draws → attention map over the draws up to there, or up to the last there are."""
    sums = [sum(parts[1 : k + 1], start=parts[0]) for k in range(len(parts))]
    sums += [sums[-1]] * (len(steps) - len(sums))
    return {count: stage.summed_map(recorded, stage.args.heads) for count, recorded in zip(steps, sums, strict=True)}
