"""The word pairs of a dataset: two words of one caption, chosen by word class or by a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from infodecomp.config import PairSelectionSection
from infodecomp.datasets.pair_limits import PairLimits
from infodecomp.datasets.word_pairs import pairs_by_class, pairs_listed, pairs_table, read_pair_list
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped
from infodecomp.scenes.tagger import open_tagger


class FoundPairs(NamedTuple):
    """The table of word pairs of a dataset.

    unused: lines of the list whose words occur in no caption. left_out: reason → number of pairs that the limits leave out.
    """

    table: pd.DataFrame
    unused: list[int]
    left_out: dict[str, int]


def word_pairs(
    dataset: str, cases: pd.DataFrame, section: PairSelectionSection, reads: Callable[[str, str], bool] | None = None
) -> FoundPairs:
    """The word pairs of a dataset. reads: (caption, word) → whether the model reads it (None: it reads all)."""
    limits = PairLimits(section.limits.per_caption, section.limits.per_dataset, reads)
    if section.list:
        rows = read_pair_list(shipped(section.list))
        pairs, unused = pairs_listed(dataset, cases, rows, join=section.join, first=section.captions, limits=limits)
        return FoundPairs(pairs_table(pairs), [row.line for row in unused], dict(limits.left_out))
    tagger = open_tagger(section.tagger) if section.tagger else None
    pairs = pairs_by_class(
        dataset,
        cases,
        kinds=section.kinds,
        tagger=tagger,
        join=section.join,
        first=section.captions,
        limits=limits,
    )
    return FoundPairs(pairs_table(pairs), [], dict(limits.left_out))


def check_any_pair(dataset: str, pairs: pd.DataFrame, captions: int, section: PairSelectionSection) -> None:
    """Raise InputError if a dataset has no word pair. captions: how many captions it has."""
    if pairs.empty:
        needed = f"two words of a row of {section.list}" if section.list else f"words for {' or '.join(section.kinds)}"
        raise InputError(
            f"the dataset {dataset} gives no pair: none of its {captions} captions holds {needed}; name a `tagger` or "
            "a `list` under `pairs → selection` that fits it, or remove `word_pairs` from its section."
        )


def count_captions(rows: pd.DataFrame) -> int:
    """Number of captions in a table of cases or word pairs; one caption of two images counts twice."""
    return len(rows.loc[rows["prompt_full"] != "", ["image_id", "prompt_full"]].drop_duplicates())
