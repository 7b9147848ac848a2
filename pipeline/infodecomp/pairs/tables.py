"""The tables of word pairs: the decomposition, and redundancy against the change when a word is omitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd

from infodecomp.config.settings import TabulatePartialInformation
from infodecomp.datasets.cases import read_cases
from infodecomp.pairs.decomposition import DECOMPOSITION_COLUMNS, PairedSource, decomposed
from infodecomp.pairs.left_out import left_out_sentence
from infodecomp.pairs.markdown import partial_information_markdown
from infodecomp.pairs.omitted_words import CORRELATION_COLUMNS, OMITTED_COLUMNS, correlations, omitted_words
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text


@dataclass(frozen=True)
class PairTables:
    """The decomposition, the omitted words, their correlations, and the same for people as Markdown."""

    decomposition: pd.DataFrame
    omitted: pd.DataFrame
    correlations: pd.DataFrame
    text: str

    def write(self, folder: Path) -> None:
        """Write every table into a folder."""
        write_table(folder / "partial_information.parquet", self.decomposition, DECOMPOSITION_COLUMNS)
        write_text(folder / "partial_information.csv", csv_text(self.decomposition))
        write_text(folder / "partial_information.md", self.text)
        write_text(folder / "partial_information_omitted.csv", csv_text(self.omitted))
        write_text(folder / "partial_information_correlations.csv", csv_text(self.correlations))


def pair_tables(sources: Sequence[PairedSource], section: TabulatePartialInformation, seed: int) -> PairTables:
    """The tables of all datasets. seed: of the bootstrap."""
    frames = [decomposed(source, section) for source in sources]
    table = pd.concat(frames, ignore_index=True)[list(DECOMPOSITION_COLUMNS)]
    words = pd.concat(
        [
            omitted_words(source.name, frame, read_cases(source.cases), source.edits, cast(Path, source.edit_maps))
            for source, frame in zip(sources, frames, strict=True)
            if source.edits
        ]
        or [pd.DataFrame(columns=OMITTED_COLUMNS)],
        ignore_index=True,
    )
    correlated = correlations(words, section.statistics, seed)
    left_out = left_out_sentence({source.name: source.pairs for source in sources})
    text = partial_information_markdown(table, correlated, section, seed, left_out)
    return PairTables(table, words, correlated[CORRELATION_COLUMNS], text)
