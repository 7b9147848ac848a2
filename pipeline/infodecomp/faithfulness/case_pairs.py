"""The word pairs that cases are in, for the maps of `unique`, which are averages over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from infodecomp.config.pairs import Redundancy, WordPrior
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.pairs.parts import PARTS_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import read_table


@dataclass(frozen=True)
class CaseWordPairs:
    """How word pairs are decomposed, and which there are.

    of_case: case id → its pairs, rows of the table of word pairs. surprisal: word → −ln of its probability, nats.
    """

    redundancy: Redundancy
    of_case: Mapping[str, Sequence[Any]]
    surprisal: Mapping[str, float]

    def of_image(self, job: ImageJob) -> tuple[Any, ...]:
        """The pairs of an image's cases, each once."""
        return tuple({pair.case_id: pair for case in job.cases for pair in self.of_case.get(case.case_id, ())}.values())


def read_case_pairs(
    cases: Path, word_pairs: Path | None, parts: Sequence[Path], redundancy: Redundancy, word_prior: WordPrior
) -> CaseWordPairs:
    """The pairs that have an estimate; none without `parts`.

    Args:
        cases: the cases table of the dataset, whose captions give the surprisal of words.
        word_pairs: the dataset's table of word pairs; InputError if it is missing where there are `parts`.
        parts: tables of `gather_parts`, which name the pairs of each case.
        redundancy, word_prior: how pairs are decomposed.
    """
    if not parts:
        return CaseWordPairs(redundancy, {}, {})
    if word_pairs is None:
        raise InputError("--word-pairs is missing: give the pairs.parquet that the tables of --pairs refer to.")
    pairs = {pair.case_id: pair for pair in cast(Iterable[Any], read_pairs(word_pairs).itertuples(index=False))}
    table = pd.concat([read_table(path, PARTS_COLUMNS) for path in parts])
    of_case = {
        row.case_id: [pairs[name] for name in row.pairs]
        for row in cast(Iterable[Any], table.itertuples(index=False))
        if len(row.pairs)
    }
    words = [word for pair in pairs.values() for word in (pair.first, pair.second)]
    return CaseWordPairs(redundancy, of_case, surprisals(read_cases(cases), words, word_prior))
