"""The content words of a caption: all but the function words of English, by a closed list. No tagger has to be installed."""

from __future__ import annotations

import re

from infodecomp.words.letters import JOINED_WORD

_DETERMINERS = (
    "a an the this that these those some any each every either neither no another such both all its his her their "
    "our my your"
)
_PRONOUNS = (
    "i me mine you yours he him she hers it we us ours they them theirs who whom whose which what whatever "
    "whoever itself himself herself themselves myself yourself ourselves someone somebody something anyone "
    "anybody anything everyone everything nothing one's"
)
_PREPOSITIONS = (
    "aboard about above across after against along alongside amid among amongst around as at atop away back "
    "before behind below beneath beside besides between beyond by down during except for from front in inside "
    "into like near next of off on onto opposite out outside over past per round since through throughout to "
    "together toward towards under underneath until up upon via with within without"
)
_CONJUNCTIONS = (
    "and or nor but so yet if then than because although though unless when whenever where wherever while whether"
)
_AUXILIARIES = (
    "be am is are was were been being do does did done doing has have had having can could may might must shall "
    "should will would there's that's it's he's she's isn't aren't wasn't weren't doesn't don't didn't can't "
    "won't"
)
_ADVERBS = "not very too also just only here there how why again quite rather"

FUNCTION_WORDS = frozenset(
    " ".join((_DETERMINERS, _PRONOUNS, _PREPOSITIONS, _CONJUNCTIONS, _AUXILIARIES, _ADVERBS)).split()
)


def content_words(caption: str, *, function_words: bool = False) -> list[str]:
    """The words of a caption that are no function words, each once, as first spelled there and in their order.

    function_words: keep those too. A hyphen or an apostrophe inside a word is part of it. The list is English; of other
    languages every word stays. Sentences of scripts without spaces are one word.

    >>> content_words("A dog on the red sofa, and another dog")
    ['dog', 'red', 'sofa']
    """
    found = dict[str, str]()
    for word in re.findall(JOINED_WORD, caption):
        plain = word.lower().replace("’", "'")
        if function_words or plain not in FUNCTION_WORDS:
            found.setdefault(plain, word)
    return list(found.values())
