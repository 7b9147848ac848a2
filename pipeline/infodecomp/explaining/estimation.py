"""The words of captions, by the functions of the workflow: all words of a picture in one pass over shared draws."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from infodecomp.config import AttentionSection, InformationSection
from infodecomp.config.settings import RecordGradients
from infodecomp.estimator.estimates import Estimate, MapEstimate
from infodecomp.explaining.explanation import Quantity, Span, WordExplanation
from infodecomp.explaining.familiarity import Likelihood
from infodecomp.explaining.given_inputs import GivenInputs, WordCase, caption_case, word_case
from infodecomp.information.attention_walks import attention_maps
from infodecomp.information.case_draws import Drawn, draw_cases
from infodecomp.information.gradient_maps import gradient_maps
from infodecomp.information.quantities import KINDS
from infodecomp.information.word_attention import attention_map, word_sum
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.protocol import DiffusionModel
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs


@dataclass(frozen=True)
class Measured:
    """What is measured of every word: names of `infodecomp.methods`, and how."""

    methods: tuple[str, ...]
    section: InformationSection
    attention: AttentionSection
    gradients: RecordGradients


@dataclass(frozen=True)
class Task:
    """One picture, by number, with the caption and its places to explain."""

    number: int
    caption: str
    spans: tuple[Span, ...]

    def cases_of(self, methods: Collection[str]) -> list[WordCase]:
        """One case a place, in the order of the caption."""
        return [word_case(self.number, self.caption, span, methods) for span in self.spans]

    def prompts(self, measured: Measured) -> int:
        """The number of distinct prompts that its draws are evaluated with."""
        cases = [*self.cases_of(measured.methods), caption_case(self.number, self.caption)]
        return len({prompt for case in cases for prompt in prompts_of(case, measured)})


@dataclass
class Found:
    """What was estimated of a picture so far.

    waiting: cases without their draws. words, draws: by case. taken: prompt → the draws that it was evaluated at.
    likelihood: of the picture without a caption.
    """

    task: Task
    waiting: int
    words: dict[str, WordExplanation] = field(default_factory=dict)
    draws: dict[str, int] = field(default_factory=dict)
    caption_nats: dict[str, Quantity] = field(default_factory=dict)
    likelihood: Likelihood | None = None
    taken: dict[str, int] = field(default_factory=dict)

    @property
    def evaluations(self) -> int:
        """Evaluations of the denoiser for the information of all words."""
        return sum(self.taken.values())


def prompts_of(case: WordCase, measured: Measured) -> list[str]:
    """The prompts that a case compares."""
    return [prompt for pair in case_pairs(case, measured.section.prompts).values() for prompt in pair]


def found_words(
    inputs: GivenInputs, tasks: Sequence[Task], measured: Measured, evaluated: Callable[[int], None]
) -> Iterator[Found]:
    """What is found of each task, in their order; evaluated: receives the rows of each call of the denoiser."""
    if "attention_output" in measured.methods and not inputs.model.joint_attention:
        raise InputError(
            "methods has 'attention_output', but the text of this model does not attend to the image, as it does in Stable "
            "Diffusion 3, FLUX.1 and Qwen-Image; use 'attention'."
        )
    founds, jobs = dict[int, Found](), list[tuple[ImageJob, int]]()
    for task in tasks:
        found = founds[task.number] = Found(task, 0)
        cases = [caption_case(task.number, task.caption)]
        for case in task.cases_of(measured.methods):
            if (problem := inputs.captions.unread(case)) is None:
                cases.append(case)
            elif case.span is not None:
                found.words[case.case_id] = WordExplanation(case.span, {}, {}, *problem)
        found.waiting = len(cases)
        jobs.append((ImageJob(str(task.number), str(task.number), tuple(cases)), 0))
    jobs_of = {int(job.image_path): job for job, _ in jobs}
    ready = iter([task.number for task in tasks])
    due = next(ready, None)
    for case, image, estimate in draw_cases(inputs, jobs, measured.section, evaluated):
        found = founds[int(image.job.image_path)]
        _take(inputs, found, case, image, estimate, measured)
        while due is not None and founds[due].waiting == 0:
            yield _with_other_maps(inputs, founds.pop(due), jobs_of.pop(due), measured)
            due = next(ready, None)


def _take(
    inputs: GivenInputs, found: Found, case: WordCase, image: Drawn, estimate: Estimate, measured: Measured
) -> None:
    """Add a case that has its draws."""
    found.waiting -= 1
    pairs = case_pairs(case, measured.section.prompts)
    for prompt in prompts_of(case, measured):
        found.taken[prompt] = max(found.taken.get(prompt, 0), len(estimate.draws))
    if case.span is None:
        found.likelihood = Likelihood.of(estimate)
        found.caption_nats = {kind: quantity(getattr(estimate, kind)[pairs["mi"]]) for kind in KINDS}
        return
    quantities = {
        (name, kind): quantity(getattr(estimate, kind)[pair])
        for name, pair in pairs.items()
        if name in measured.methods
        for kind in KINDS
    }
    maps = {}
    if "attention_information" in measured.methods:
        tokens = image.tokens[case.prompt_full]
        sums = [word_sum(inputs, case, part, tokens) for part in image.attention[case.prompt_full]]
        maps["attention_information"] = attention_map(inputs, sum(sums[1:], start=sums[0]), measured.attention.heads)
    found.words[case.case_id] = WordExplanation(case.span, quantities, maps)
    found.draws[case.case_id] = len(estimate.draws)


def quantity(found: MapEstimate) -> Quantity:
    """An estimate of the estimator, with its map as maps are stored."""
    return Quantity(
        found.total,
        found.total_error,
        rounded_map(found.map),
        float(found.image.freedom),
        float(found.image.skewness),
    )


def _with_other_maps(inputs: GivenInputs, found: Found, job: ImageJob, measured: Measured) -> Found:
    """Add the maps of methods that have evaluations of their own."""
    words = tuple(case for case in job.cases if case.span is not None)
    if not words:
        return found
    job = replace(job, cases=words)
    if walked := [name for name in ("attention", "attention_output") if name in measured.methods]:
        # A walk has one row; others would only fill its calls up.
        alone = replace(inputs, model=_in_calls_of(inputs.model, 1))
        maps = list(attention_maps(alone, [job], measured.attention))
        for name in walked:
            _add_maps(found, name, iter(maps), measured.attention.steps)
    if "gradient" in measured.methods:
        _add_maps(found, "gradient", gradient_maps(inputs, [job], measured.gradients), measured.gradients.steps)
    return found


def _add_maps(
    found: Found, name: str, results: Iterator[tuple[Any, Mapping[str, np.ndarray]]], steps: Sequence[int]
) -> None:
    for case, arrays in results:
        word = found.words[case.case_id]
        found.words[case.case_id] = replace(word, maps={**word.maps, name: arrays[f"{name}/-/{steps[-1]}"]})


def _in_calls_of(model: DiffusionModel, rows: int) -> DiffusionModel:
    """The same model with calls of this many rows."""
    other = copy.copy(model)
    other.batch_size = BatchSize(rows)
    return other
