"""A caption in parts, so that the page can make a button of every word with a case."""

from __future__ import annotations

from collections.abc import Sequence

from infodecomp.words.occurrences import find_word

Part = tuple[str, int]


def caption_parts(caption: str, words: Sequence[str]) -> list[Part]:
    """Cut a caption at its words.

    Args:
        caption: any text.
        words: as written in it; of words that overlap, the longer is taken.

    Returns:
        (text, index of the word or −1), whose texts together are the caption. Of equal words the first is taken.
    """
    taken: list[tuple[int, int, int]] = []
    for index in sorted(range(len(words)), key=lambda number: (-len(words[number]), number)):
        for start, end in find_word(caption, words[index]):
            if all(end <= left or start >= right for left, right, _ in taken):
                taken.append((start, end, index))
    parts, position = list[Part](), 0
    for start, end, index in sorted(taken):
        if start > position:
            parts.append((caption[position:start], -1))
        parts.append((caption[start:end], index))
        position = end
    if position < len(caption) or not parts:
        parts.append((caption[position:], -1))
    return parts
