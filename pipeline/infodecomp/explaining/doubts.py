"""What makes an explanation doubtful, in sentences: said once, and kept with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infodecomp.explaining.explanation import WordExplanation
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.words.missing_word import is_unspaced
from infodecomp.words.occurrences import word_token_positions

# Fewer draws know too little of their own spread; see docs/estimator.md.
FEWEST_DRAWS = 24

_NAMED = 6  # words in a sentence, at most


class ExplanationWarning(UserWarning):
    """An explanation that deserves doubt."""


def doubts_of_model(model: LatentDiffusion) -> Iterator[str]:
    """A model that seems to be distilled."""
    if sign := model.distilled:
        yield (
            f"The model seems to be distilled to few steps or to its guidance ({sign}): its predictions are then no "
            "posterior means, and its numbers are not nats; use the model that it was distilled from."
        )


def doubts_of_caption(model: LatentDiffusion, caption: str, words: Sequence[WordExplanation]) -> Iterator[str]:
    """Words that the tokenizer does not know, or that the model does not read, and captions without spaces."""
    offsets = model.token_offsets(caption)
    unknown = model.unknown_tokens(caption)
    pieces, strange = list[str](), list[str]()
    for word in words:
        place = (word.span.start, word.span.end)
        tokens = word_token_positions(offsets, [place])[0]
        if word.status != "ok":
            yield f"{word.reason[:1].upper()}{word.reason[1:]}: it has no numbers."
        elif any(token in unknown for token in tokens):
            strange.append(word.span.text)
        elif _in_letters(word.span.text, [offsets[token] for token in tokens]):
            pieces.append(word.span.text)
    if pieces:
        yield (
            f"The model's tokenizer splits {_listed(pieces)} into single letters: it hardly knows "
            f"{'this word' if len(pieces) == 1 else 'these words'}, and the numbers may mean nothing."
        )
    if strange:
        yield f"The model's tokenizer does not know {_listed(strange)}: the numbers mean nothing."
    if any(is_unspaced(word.span.text) and len(word.span.text) > 3 for word in words):
        yield "The caption is in a script without spaces, taken as one word; name its words, as in words=[…]."


def doubts_of_draws(draws: int) -> Iterator[str]:
    """Too few draws for an interval."""
    if draws < FEWEST_DRAWS:
        yield f"{draws} draws are too few to trust the standard errors and intervals; use {FEWEST_DRAWS} or more."


def _in_letters(word: str, tokens: Sequence[tuple[int, int]]) -> bool:
    """Whether a word of several letters became mostly tokens of one letter, or several tokens a letter."""
    letters = sum(not character.isspace() for character in word)
    single = sum(end - start == 1 for start, end in tokens)
    return letters > 1 and len(tokens) > 1 and (len(tokens) >= letters or single > len(tokens) / 2)


def _listed(words: Sequence[str]) -> str:
    names = [f"'{word}'" for word in dict.fromkeys(words)]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
