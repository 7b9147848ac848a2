"""Two words of a caption, estimated by the functions of the workflow: the same numbers as a study's word pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from infodecomp.config import InformationSection, PairSamplingSection
from infodecomp.explaining.caption_spans import without
from infodecomp.explaining.explanation import Explanation, Span
from infodecomp.explaining.given_inputs import GivenInputs
from infodecomp.explaining.pair_places import REPLICATES, shared_draws
from infodecomp.explaining.word_pair import Given, WordPair
from infodecomp.metrics.partial_information import Information
from infodecomp.pairs.estimates import CONDITIONS, ESTIMATORS
from infodecomp.pairs.pair_draws import pair_estimates, replicate_maps, replicates
from infodecomp.pairs.prompts import condition_pairs, image_prompts
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import joint_prompt

_CONDITION: dict[Given, str] = dict(zip(("nothing", "rest"), CONDITIONS, strict=True))
_JOIN = "and"


@dataclass(frozen=True)
class PairCase:
    """Two places of a caption, with the prompts that `pairs.prompts.word_pair_prompts` reads."""

    case_id: str
    prompt_full: str
    prompt_rest: str
    prompt_rest_first: str
    prompt_rest_second: str
    prompt_first: str
    prompt_second: str
    prompt_both: str
    prompt_intervention: str = ""


def pair_case(caption: str, first: Span, second: Span) -> PairCase:
    """The case of two places, in the order of the caption, that do not overlap."""
    one, other = (first.start, first.end), (second.start, second.end)
    return PairCase(
        f"{first.start}-{first.end}+{second.start}-{second.end}",
        prompt_full=caption,
        prompt_rest=without(caption, one, other),
        prompt_rest_first=without(caption, other),
        prompt_rest_second=without(caption, one),
        prompt_first=first.text,
        prompt_second=second.text,
        prompt_both=joint_prompt(caption, one, other, _JOIN),
    )


def pair_sampling(draws: int) -> PairSamplingSection:
    """The draws of a pair, shared out among its replicates."""
    return PairSamplingSection(steps=shared_draws(draws) // REPLICATES, replicates=REPLICATES)


def pair_evaluations(case: PairCase, given: Given, sampling: PairSamplingSection) -> int:
    """Evaluations of the denoiser that a pair takes at most: prompts that encode alike share theirs."""
    prompts = image_prompts([case], partial(condition_pairs, condition=_CONDITION[given]))
    return len(prompts) * sampling.steps * sampling.replicates


def estimated_pair(
    inputs: GivenInputs,
    explanation: Explanation,
    case: PairCase,
    words: tuple[Span, Span],
    given: Given,
    sampling: PairSamplingSection,
    information: InformationSection,
    evaluated: Callable[[int], None],
) -> WordPair:
    """Two words of an explanation. case: theirs; words: in the order of the caption; information: range and density."""
    prompts = partial(condition_pairs, condition=_CONDITION[given])
    job = ImageJob("0", "0", (case,))
    (_, found), *_ = pair_estimates(inputs, [job], sampling, information, prompts, evaluated)
    runs = replicates(found, sampling.replicates)
    nats = {
        estimator: Information(
            **{name: replicate_maps(runs, estimator, pair).astype(np.float64) for name, pair in prompts(case).items()}
        )
        for estimator in ESTIMATORS
    }
    return WordPair(explanation.picture, explanation.caption, *words, given, len(found.draws), nats)
