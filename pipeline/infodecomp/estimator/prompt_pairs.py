"""Which two prompts an information compares: MI(x; y*) and CMI(x; y*|c) of a word y* in the context c."""

from __future__ import annotations

# (reference, conditioned): the information that the conditioned prompt gives beyond the reference.
PromptPair = tuple[str, str]


def prompt_pairs(*, full: str, context: str, word: str, empty: str = "") -> dict[str, PromptPair]:
    """The (reference, conditioned) prompts of MI, i(x; y*), and of CMI, i(x; y*|c) (Kong et al., ICLR 2024, §2.3).

    full: the caption. context: the caption without the word. word: the word alone. empty: no text.

    >>> prompt_pairs(full="a dog on a bed", context="a on a bed", word="dog")
    {'mi': ('', 'dog'), 'cmi': ('a on a bed', 'a dog on a bed')}
    """
    return {"mi": (empty, word), "cmi": (context, full)}
