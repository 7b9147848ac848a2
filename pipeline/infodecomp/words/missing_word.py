"""Why a caption lacks a word that a reader sees in it, and what would mend that."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from infodecomp.words.letters import PLAIN_WORD
from infodecomp.words.occurrences import find_word
from infodecomp.words.unicode_form import composed

# Signs that look like those of a keyboard.
_ALIKE = {
    **dict.fromkeys("‘’‚‛ʼ′`´", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒–—−", "-"),
}
# Marks without which a letter is still a letter, as they are not in the scripts of India.
_ACCENTS = {chr(code) for code in range(0x300, 0x370)}
# Scripts whose sentences are written without spaces, as the names of their letters begin.
_UNSPACED = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")


def missing_word(caption: str, word: str, text: str = "caption") -> str:
    """A sentence that says that a word is not in a caption, and how the caption has it, if it looks as if it were there.

    text: what the caption is called.

    >>> missing_word("a cat", "dog")
    "the word 'dog' is not in the caption 'a cat' as a whole word."
    >>> missing_word("a café", "cafe")
    "the word 'cafe' is not in the caption 'a café' as a whole word: the caption spells it 'café', with another accent."
    """
    hint = _hint(composed(caption), composed(word), text)
    return f"the word {word!r} is not in the {text} {caption!r} as a whole word{f': {hint}' if hint else ''}."


def is_unspaced(text: str) -> bool:
    """Whether a text without spaces is of a script whose sentences have none, so that it may be several words."""
    return len(text.split()) == 1 and len(text) > 1 and any(_name(one).startswith(_UNSPACED) for one in text)


def _hint(caption: str, word: str, text: str) -> str:
    if not word:
        return ""
    for plain, difference in ((_plain_signs, ""), (_plain_letters, "with another accent")):
        if found := _spelled_alike(caption, word, plain):
            return f"the {text} spells it {found!r}, {difference or _other_characters(found, word)}"
    run = next((run for run in re.findall(PLAIN_WORD, caption) if word.lower() in run.lower()), "")
    if not run:
        return ""
    if is_unspaced(run):
        return (
            f"it is inside {run!r}, which has no spaces; separate the words of the {text} by spaces, "
            f"as in {' '.join(run.replace(word, f' {word} ').split())!r}"
        )
    return f"the {text} has it only inside {run!r}"


def _spelled_alike(caption: str, word: str, plain: Callable[[str], str]) -> str:
    """The caption's spelling of a word that is in it once both are made plain, each character by itself."""
    characters = [
        (place, plain(character))
        for place, character in enumerate(caption)
        if not (character.isspace() and caption[place - 1 : place].isspace())
    ]
    text = "".join(made for _, made in characters)
    places = [place for place, made in characters for _ in made]
    spans = find_word(text, "".join(map(plain, word)), ignore_case=True)
    return caption[places[spans[0][0]] : places[spans[0][1] - 1] + 1] if spans else ""


@cache
def _plain_signs(character: str) -> str:
    """Signs as a keyboard has them, one kind of space, nothing without a width, and compatible letters such as ﬁ apart."""
    if character in _ALIKE:
        return _ALIKE[character]
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) == "Cf" else unicodedata.normalize("NFKC", character)


@cache
def _plain_letters(character: str) -> str:
    """As `_plain_signs`, without accents."""
    apart = unicodedata.normalize("NFD", _plain_signs(character))
    return "".join(one for one in apart if one not in _ACCENTS)


def _other_characters(found: str, word: str) -> str:
    """The characters that only one of two spellings has, by their names in Unicode."""
    if found.lower() == word.lower():
        return "with other capitals"
    if set(found) == set(word):
        return "with other spaces"
    here = [_name(one) for one in dict.fromkeys(found) if one not in word and not one.isalnum()]
    there = [_name(one) for one in dict.fromkeys(word) if one not in found and not one.isalnum()]
    if here:
        return f"with {' and '.join(here)}" + (f" where the word has {' and '.join(there)}" if there else "")
    return f"without {' and '.join(there)}" if there else "with other characters"


def _name(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")
