"""What `dissect_caption` made of a caption, for the stages that draw it: read, and the figure saved with its record."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from infodecomp.config import FiguresSection
from infodecomp.figures.style import save_figure
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_arrays, read_table
from infodecomp.words.caption_words import WORD_COLUMNS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are what `dissect_caption` made."""
    parser.add_argument("--words", type=Path, required=True, help="words.parquet; maps.npz lies beside it")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


@dataclass(frozen=True)
class DissectedCaption:
    """A caption taken apart: rows of `WORD_COLUMNS`, and the arrays beside them."""

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
        """Behind each total."""
        return int(self.rows[0].draws)

    def save(self, figure: Figure, stem: Path, section: FiguresSection) -> None:
        """Write a figure of the caption and its record; the name of the stage is that of the figure."""
        mpl.use("Agg")
        save_figure(figure, stem, section.format)
        write_provenance(
            stem.with_name(f"{stem.name}.provenance.json"),
            stage=f"plot_{stem.name}",
            section=section.model_dump(mode="json"),
            inputs=[self.words, self.words.with_name("maps.npz")],
        )
