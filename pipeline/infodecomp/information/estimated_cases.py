"""MI, CMI and attention of cases: the maps, totals and curves that are kept of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infodecomp.config import InformationSection
from infodecomp.config.attribution import Heads
from infodecomp.estimator.estimates import Estimate
from infodecomp.information.case_draws import draw_cases
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.information.extended_cases import by_start, extended_arrays
from infodecomp.information.quantities import KINDS, LIKELIHOOD
from infodecomp.information.word_attention import attention_map, word_sum
from infodecomp.jobs.model_job import ModelJob
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.attention import AttentionSum
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs


def estimated_cases(
    stage: ModelJob, jobs: Sequence[ImageJob], section: InformationSection, heads: Heads
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Each case with its arrays, as soon as it has its draws; see `case_arrays` and `extended_cases`.

    heads: the attention heads that maps of attention average.
    """
    parts = [part for job in jobs for part in by_start(stage, job, section)]
    for case, image, estimate in draw_cases(stage, parts, section):
        attention = image.attention[case.prompt_full]
        own = [word_sum(stage, case, sums, image.tokens[case.prompt_full]) for sums in attention]
        if section.budget.extendable:
            arrays = extended_arrays(stage, case, image, estimate, section, own, heads)
            yield case, arrays | _counts(case, estimate, section, len(image.draws))
        else:
            yield case, case_arrays(case, estimate, section, _attention_maps(stage, own, section.budget.steps, heads))


def case_arrays(
    case: Any, estimate: Estimate, section: InformationSection, attention: Mapping[int, np.ndarray]
) -> dict[str, np.ndarray]:
    """Everything that is kept of a case: maps at each number of draws, totals with errors, and the curves.

    A case that stopped early keeps its last maps at the larger numbers of draws too. attention: number of draws → map.
    """
    arrays: dict[str, np.ndarray] = {f"attention_information/-/{steps}": heat for steps, heat in attention.items()}
    pairs = case_pairs(case, section.prompts)
    for steps in section.budget.steps:
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


def estimate_row(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """A case's row of the shard's table, from its arrays."""
    names = [name for name in SHARD_COLUMNS if name in arrays and name != "key"]
    return {name: arrays[name].tolist() for name in names}


def _counts(case: Any, estimate: Estimate, section: InformationSection, draws: int) -> dict[str, np.ndarray]:
    """The draws of a case, and the evaluations it would take by itself, without the other cases of its image."""
    pairs = case_pairs(case, section.prompts).values()
    own = replace(estimate, error={prompt: estimate.error[prompt] for pair in pairs for prompt in pair})
    return {"draws": np.array(draws), "evaluations": np.array(own.evaluations // len(own.draws) * draws)}


def _attention_maps(
    stage: ModelJob, parts: Sequence[AttentionSum], steps: Sequence[int], heads: Heads
) -> dict[int, np.ndarray]:
    """Number of draws → attention map over the draws so far; a case that stopped early repeats its last map."""
    sums = [sum(parts[1 : k + 1], start=parts[0]) for k in range(len(parts))]
    sums += [sums[-1]] * (len(steps) - len(sums))
    return {count: attention_map(stage, recorded, heads) for count, recorded in zip(steps, sums, strict=True)}
