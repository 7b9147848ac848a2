"""The prompts of a case, and which two of them MI and CMI compare."""

from __future__ import annotations

from typing import Any, Protocol

from infodecomp.estimator.prompt_pairs import PromptPair, prompt_pairs
from infodecomp.words.occurrences import Span


class PromptChoice(Protocol):
    """How a configuration says that prompts are made.

    missing: "delete" or "underscore", what the context has in place of the word. word: "word" or "label", what MI asks for.
    """

    @property
    def missing(self) -> str: ...
    @property
    def word(self) -> str: ...


def case_prompts(case: Any, section: PromptChoice) -> dict[str, str]:
    """The four prompts of a row of the cases table: full, context, word and empty."""
    return {
        "full": case.prompt_full,
        "context": case.prompt_context if section.missing == "delete" else case.prompt_masked,
        "word": case.prompt_word if section.word == "word" else case.prompt_label,
        "empty": "",
    }


def case_pairs(case: Any, section: PromptChoice) -> dict[str, PromptPair]:
    """The (reference, conditioned) prompts of a case's MI and CMI."""
    return prompt_pairs(**case_prompts(case, section))


def joint_prompt(caption: str, first: Span, second: Span, join: str) -> str:
    """Two places of a caption, in its order, as one prompt: as they stand if adjacent, else with `join` between them.

    >>> joint_prompt("a red dog", (2, 5), (6, 9), "and"), joint_prompt("a dog on a bed", (2, 5), (11, 14), "and")
    ('red dog', 'dog and bed')
    """
    one, other = caption[slice(*first)], caption[slice(*second)]
    together = " ".join(caption[first[0] : second[1]].split())
    return together if together == f"{one} {other}" else " ".join(f"{one} {join} {other}".split())
