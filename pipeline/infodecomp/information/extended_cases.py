"""Cases that continue from an earlier run with fewer draws, and store what a later run with more needs.

Beside the maps, the file of such a case holds the totals of the integrands draw by draw and the sums of recorded attention;
`infodecomp.estimator.extension` explains why that is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from infodecomp.config import InformationSection
from infodecomp.config.attribution import Heads
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.extension import Extended, extended, with_error
from infodecomp.information.case_draws import Drawn
from infodecomp.information.quantities import INTEGRALS, KINDS, LIKELIHOOD, METHODS
from infodecomp.information.word_attention import attention_map
from infodecomp.jobs.model_job import ModelJob
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.attention import AttentionSum
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

_TOTALS = (*INTEGRALS, LIKELIHOOD)


def by_start(stage: ModelJob, job: ImageJob, section: InformationSection) -> Iterator[tuple[ImageJob, int]]:
    """The cases of an image, grouped by the number of draws that they have from an earlier run."""
    starts: dict[int, list[Any]] = {}
    for case in job.cases:
        starts.setdefault(_earlier(stage, case, section)[0], []).append(case)
    yield from ((replace(job, cases=tuple(cases)), start) for start, cases in starts.items())


def _earlier(stage: ModelJob, case: Any, section: InformationSection) -> tuple[int, dict[str, np.ndarray]]:
    """The draws and arrays of a case from an earlier run that differs only in having fewer draws; 0 if there is none."""
    for count in reversed(range(1, len(section.budget.steps) if section.budget.extendable else 1)):
        budget = section.budget.model_copy(update={"steps": section.budget.steps[:count]})
        fewer = section.model_copy(update={"budget": budget}).model_dump(mode="json")
        found = stage.shard.earlier(case, {**stage.shard.identity, "section": fewer})
        if found is not None:
            return section.budget.steps[count - 1], found
    return 0, {}


def extended_arrays(
    stage: ModelJob,
    case: Any,
    image: Drawn,
    estimate: Estimate,
    section: InformationSection,
    attention: Sequence[AttentionSum],
    heads: Heads,
) -> dict[str, np.ndarray]:
    """Maps, totals and curves of a case from the stored earlier draws and an estimate of the others, and what is stored."""
    start, earlier = _earlier(stage, case, section)
    before = _before(image, section, start, earlier) if start else None
    pairs = case_pairs(case, section.prompts)
    found = extended(estimate, pairs, image.draws, section.budget.steps, before, rounded_map)
    found = with_error(found, estimate, LIKELIHOOD, case.prompt_full, before)
    arrays = {
        f"{method}/{kind}/{steps}": found.maps[f"{method}_{kind}", steps]
        for method in METHODS
        for kind in KINDS
        for steps in section.budget.steps
    }
    dimensions = estimate.channels * estimate.error[case.prompt_full][0].numel()
    totals = {name: found.total(name) for name in INTEGRALS}
    totals[LIKELIHOOD] = found.likelihood(LIKELIHOOD, dimensions)
    for name, total in totals.items():
        arrays |= {name: total.value, f"{name}_error": total.error, f"by_draw/{name}": found.totals[name]}
    arrays["curve_logsnr"] = np.sort(image.draws.logsnr.numpy())
    arrays |= {f"curve_{name}": found.curve(name) for name in INTEGRALS}
    arrays |= _extended_attention(stage, attention, earlier, start, section, heads)
    return arrays


def _before(image: Drawn, section: InformationSection, start: int, earlier: Mapping[str, np.ndarray]) -> Extended:
    """The stored results of the earlier draws."""
    maps = {
        (f"{method}_{kind}", steps): earlier[f"{method}/{kind}/{steps}"]
        for method in METHODS
        for kind in KINDS
        for steps in section.budget.steps
        if steps <= start
    }
    return Extended(image.draws.first(start), maps, {name: earlier[f"by_draw/{name}"] for name in _TOTALS})


def _extended_attention(
    stage: ModelJob,
    parts: Sequence[AttentionSum],
    earlier: Mapping[str, np.ndarray],
    start: int,
    section: InformationSection,
    heads: Heads,
) -> dict[str, np.ndarray]:
    """Attention maps at each number of draws, and the sums of all draws, layer by layer."""
    arrays = {name: heat for name, heat in earlier.items() if name.startswith("attention_information/")}
    recorded = _recorded(earlier, start)
    for count, part in zip([steps for steps in section.budget.steps if steps > start], parts, strict=True):
        recorded = part if recorded is None else recorded + part
        arrays[f"attention_information/-/{count}"] = attention_map(stage, recorded, heads)
    if recorded is None:
        raise ValueError("the case has no draws, and so no attention")
    return arrays | {f"attention_sum/{layer}": sums.numpy() for layer, sums in recorded.layers.items()}


def _recorded(earlier: Mapping[str, np.ndarray], start: int) -> AttentionSum | None:
    layers = {
        name.removeprefix("attention_sum/"): torch.from_numpy(sums)
        for name, sums in earlier.items()
        if name.startswith("attention_sum/")
    }
    return AttentionSum(layers, start) if layers else None
