"""What is estimated of a case: its information integrals, and the prompts that each of them compares."""

from __future__ import annotations

from typing import Any

from infodecomp.config import InformationSection

# mi: i(x; y*), the word alone. cmi: i(x; y*|c), the word given the rest of its caption.
METHODS = ("mi", "cmi")
# The two estimators of Eq. 6.
KINDS = ("standard", "orthogonal")
INTEGRALS = tuple(f"{method}_{kind}" for method in METHODS for kind in KINDS)
# The negative log likelihood of the image given the whole caption.
LIKELIHOOD = "nll_full"


def case_prompts(case: Any, section: InformationSection) -> dict[str, str]:
    """The four prompts of a case, a row of the cases table: full, context, word and empty."""
    return {
        "full": case.prompt_full,
        "context": case.prompt_context if section.missing_word == "delete" else case.prompt_masked,
        "word": case.prompt_word if section.word_prompt == "word" else case.prompt_label,
        "empty": "",
    }


def case_pairs(case: Any, section: InformationSection) -> dict[str, tuple[str, str]]:
    """The prompt pairs (reference, conditioned) of MI and CMI."""
    prompts = case_prompts(case, section)
    return {"mi": (prompts["empty"], prompts["word"]), "cmi": (prompts["context"], prompts["full"])}
