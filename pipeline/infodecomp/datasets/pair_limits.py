"""How many word pairs are made: of words that the model reads, and at most so many of a caption and of a dataset.

A caption of n nouns has n(n−1)/2 pairs: 500 words have 124,750, of which a model that reads 75 tokens sees 2,775 at most.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from infodecomp.words.occurrences import find_word


class Candidate(NamedTuple):
    """Two words of a caption, as spelled there, that may become a pair; intervention as in the list of pairs."""

    one: str
    other: str
    kind: str
    intervention: str = ""


@dataclass
class PairLimits:
    """Chooses the pairs of a dataset, caption by caption. left_out: reason → number of pairs.

    reads: whether the model reads a word of a caption (None: it reads all). None for a limit means none.
    """

    per_caption: int | None = None
    per_dataset: int | None = None
    reads: Callable[[str, str], bool] | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    def choose(self, caption: str, candidates: Iterable[Candidate], made: int) -> tuple[list[Candidate], bool]:
        """Those that become pairs, in their order, and whether the model reads both words of any.

        Of too many, those whose words come first in the caption. made: pairs of the dataset so far.
        """
        readable = Counter[bool]()
        limits = [limit for limit in (self.per_caption, self._room(made)) if limit is not None]
        ordered = self._ordered(caption, candidates, readable)
        # Of hundreds of thousands, never more than the limit is in memory.
        first = heapq.nsmallest(min(limits), ordered) if limits else list(ordered)
        deque(ordered, maxlen=0)  # where the limit is 0, they are still to be counted
        chosen = [candidate for _, candidate in sorted((number, candidate) for _, number, candidate in first)]
        self._count(readable, len(chosen))
        return chosen, readable[True] > 0

    def _room(self, made: int) -> int | None:
        return None if self.per_dataset is None else self.per_dataset - made

    def _ordered(
        self, caption: str, candidates: Iterable[Candidate], readable: Counter[bool]
    ) -> Iterator[tuple[int, int, Candidate]]:
        """Where the later word of each ends, its number, and itself; those that the model does not read are counted only."""
        end = cache(lambda word: find_word(caption, word)[0][1])
        reads = cache(lambda word: self.reads is None or self.reads(caption, word))
        for number, candidate in enumerate(candidates):
            known = reads(candidate.one) and reads(candidate.other)
            readable[known] += 1
            if known:
                yield max(end(candidate.one), end(candidate.other)), number, candidate

    def _count(self, readable: Counter[bool], chosen: int) -> None:
        of_caption = readable[True] if self.per_caption is None else min(readable[True], self.per_caption)
        for reason, count in (
            ("with a word beyond what the model reads", readable[False]),
            (f"beyond the first {self.per_caption} of a caption", readable[True] - of_caption),
            (f"beyond the first {self.per_dataset} of the dataset", of_caption - chosen),
        ):
            if count:
                self.left_out[reason] += count
