"""The prompts of a word pair: what each of its quantities conditions on, and against what.

Conditions: `alone`, against the empty prompt, and `given_rest`, against the caption without both words. `intervention` is
the caption against the one that a list puts in its place, if it names one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.metrics.word_parts import CONDITION
from infodecomp.pairs.estimates import INTERVENTION

# A row of the table of word pairs → name → (reference, conditioned) prompts.
PromptPairsOf = Callable[[Any], Mapping[Any, PromptPair]]


def word_pair_prompts(case: Any) -> dict[tuple[str, str], PromptPair]:
    """(condition, which words) → (reference, conditioned) prompts. case: a row of the table of word pairs."""
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


def condition_pairs(case: Any, condition: str) -> dict[str, PromptPair]:
    """Which words → (reference, conditioned) prompts, under one condition."""
    return {words: pair for (under, words), pair in word_pair_prompts(case).items() if under == condition}


def conditional_pairs(case: Any) -> dict[str, PromptPair]:
    """Which words → (reference, conditioned) prompts, given the rest of the caption."""
    return condition_pairs(case, CONDITION)


def image_prompts(cases: Sequence[Any], pairs_of: PromptPairsOf = word_pair_prompts) -> list[str]:
    """Every prompt of an image's word pairs, once."""
    return list(dict.fromkeys(prompt for case in cases for pair in pairs_of(case).values() for prompt in pair))
