"""A caption cut at the words that are explained."""

from __future__ import annotations

from collections.abc import Sequence

from infodecomp.explaining.explanation import WordExplanation

Part = tuple[str, int]


def written_words(words: Sequence[WordExplanation]) -> list[WordExplanation]:
    """The words that can be marked in the caption together, in its order: of those that overlap, the longer one."""
    taken = list[WordExplanation]()
    for word in sorted(words, key=lambda word: (word.span.start - word.span.end, word.span.start)):
        if all(word.span.end <= other.span.start or word.span.start >= other.span.end for other in taken):
            taken.append(word)
    return sorted(taken, key=lambda word: word.span.start)


def caption_parts(caption: str, words: Sequence[WordExplanation]) -> list[Part]:
    """The caption as (text, index of the word or −1), whose texts together are the caption.

    Of words that overlap, only the longer one is among the parts.
    """
    parts, position = list[Part](), 0
    for word in written_words(words):
        if word.span.start > position:
            parts.append((caption[position : word.span.start], -1))
        parts.append((caption[word.span.start : word.span.end], next(i for i, one in enumerate(words) if one is word)))
        position = word.span.end
    return [*parts, (caption[position:], -1)] if position < len(caption) or not parts else parts
