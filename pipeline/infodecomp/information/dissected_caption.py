"""A caption that `dissect_caption` took apart, read from its files for the figures that show it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays, read_table
from infodecomp.words.caption_words import WORD_COLUMNS


@dataclass(frozen=True)
class DissectedCaption:
    """words: the path of words.parquet. rows: of `WORD_COLUMNS`, one a word. arrays: those of maps.npz beside it."""

    words: Path
    rows: list[Any]
    arrays: dict[str, np.ndarray]

    @classmethod
    def read(cls, words: Path) -> DissectedCaption:
        """Read words.parquet and maps.npz; InputError if they cannot be read or hold no word."""
        rows = list(read_table(words, WORD_COLUMNS).itertuples(index=False))
        if not rows:
            raise InputError(f"{words}: the table has no rows; run dissect_caption again.")
        return cls(words, rows, read_arrays(words.with_name("maps.npz")))

    @property
    def caption(self) -> str:
        """The whole caption."""
        return str(self.rows[0].caption)

    @property
    def draws(self) -> int:
        """The number of draws of each total."""
        return int(self.rows[0].draws)

    @property
    def files(self) -> list[Path]:
        """The files that were read."""
        return [self.words, self.words.with_name("maps.npz")]
