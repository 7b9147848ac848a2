"""How likely a text is as a caption without the image: an interpolated n-gram model of words.

Shuffled captions can be distinguished from real ones by grammar alone, so every benchmark of word order needs this baseline
beside models that see the image (Hsieh et al. 2023, "SugarCrepe"; Lin et al. 2024, "Revisiting the role of language priors
in vision-language models").

Smoothing is Witten and Bell's (1991), interpolated as in Chen and Goodman (1998), without a tuned parameter. For a word w
after a history h of up to two words,

    P(w | h) = (c(h w) + T(h) · P(w | h′)) / (c(h) + T(h)),

where c counts occurrences in the training captions, T(h) is the number of distinct words that follow h in them, h′ is h
without its first word, and P(w | h) = P(w | h′) if h was never seen. The empty history falls back to the uniform
distribution over the words of the training captions, their end, and one class for all unseen words: P = 1 / (T() + 1).

A text of n words has the score (1 / (n + 1)) · Σ ln P(word | the two before it) over its words and its end, in nats per
word. Words are split as by CLIP's tokenizer, ignoring case and spaces: `tree ,` and `tree,` are the same text.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter

ORDER = 3

# Markers that no caption can hold: it has no word with a space in it.
_START, _END = " start", " end"
_WORD = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\w\s]|_)+")

History = tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a text in lower case; digits and runs of punctuation are separate words."""
    return _WORD.findall(text.lower())


class NgramModel:
    """Counts of words after histories of 0, 1 and 2 words; captions can be removed again exactly."""

    def __init__(self, captions: Iterable[str] = ()) -> None:
        """Count `captions`."""
        # History → the words that follow it, all counts positive, and their sum.
        self._following: dict[History, Counter[str]] = defaultdict(Counter)
        self._total: Counter[History] = Counter()
        self._count(captions, 1)

    def score(self, text: str) -> float:
        """Length-normalised log probability of a text with its end marker, in nats per word; never above 0."""
        logs = [math.log(self.probability(word, history)) for history, word in _events(words(text))]
        return math.fsum(logs) / len(logs)

    def probability(self, word: str, history: History = ()) -> float:
        """P(word | history); history: the preceding words, at most two, in reading order."""
        following = self._following.get(history)
        shorter = self.probability(word, history[1:]) if history else 1 / (len(following or ()) + 1)
        if not following:
            return shorter
        kinds = len(following)
        return (following.get(word, 0) + kinds * shorter) / (self._total[history] + kinds)

    @contextmanager
    def without(self, captions: Iterable[str]) -> Iterator[None]:
        """Within the block, the model without `captions`, which it must have counted."""
        captions = list(captions)
        self._count(captions, -1)
        try:
            yield
        finally:
            self._count(captions, 1)

    def _count(self, captions: Iterable[str], sign: int) -> None:
        for caption in captions:
            for history, word in _events(words(caption)):
                for length in range(ORDER):
                    self._add(history[ORDER - 1 - length :], word, sign)

    def _add(self, history: History, word: str, sign: int) -> None:
        following = self._following[history]
        following[word] += sign
        self._total[history] += sign
        if following[word] == 0:
            # T(h) is the number of entries, so entries with count 0 must go.
            del following[word]
        if not following:
            del self._following[history], self._total[history]


def _events(text: list[str]) -> Iterator[tuple[History, str]]:
    """Each word of a text, and its end marker, with the two preceding words (or start markers)."""
    padded = [_START] * (ORDER - 1) + text + [_END]
    for position in range(ORDER - 1, len(padded)):
        yield tuple(padded[position - ORDER + 1 : position]), padded[position]


def leave_one_out_scores(texts: Iterable[tuple[str, str]], captions: Iterable[tuple[str, str]]) -> Iterator[float]:
    """Score texts of images, each with a model of the captions of all other images.

    Args:
        texts: (image, text) to score; fastest if the texts of an image are adjacent.
        captions: (image, true caption). Equal captions of an image count once.

    Yields:
        the score of each text, in order.
    """
    by_image: dict[str, list[str]] = defaultdict(list)
    for image, caption in dict.fromkeys(captions):
        by_image[image].append(caption)
    model = NgramModel(caption for own in by_image.values() for caption in own)
    for image, of_image in groupby(texts, key=itemgetter(0)):
        with model.without(by_image.get(image, ())):
            scores = [model.score(text) for _, text in of_image]
        yield from scores
