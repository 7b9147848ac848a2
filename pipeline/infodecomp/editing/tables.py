"""The tables of the editing study: correlations, predictors compared in pairs, checks, flagged cases, and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.config.settings import TabulateEditing
from infodecomp.editing.by_word import IMPLIED_COLUMNS, WORD_COLUMNS, by_context, by_word
from infodecomp.editing.checks import CHECK_COLUMNS, FLAGGED_COLUMNS, check_rows, flagged_rows
from infodecomp.editing.correlations import CORRELATION_COLUMNS, PAIRED_COLUMNS, correlations
from infodecomp.editing.edited_datasets import EditedDataset
from infodecomp.editing.markdown import editing_markdown
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

# editing_<name>.csv, beside the table of correlations.
_OTHER_TABLES = {
    "paired": PAIRED_COLUMNS,
    "checks": CHECK_COLUMNS,
    "flagged": FLAGGED_COLUMNS,
    "by_word": WORD_COLUMNS,
    "implied": IMPLIED_COLUMNS,
}


@dataclass(frozen=True)
class EditingTables:
    """The correlations, the other tables by name, and the same for people as Markdown."""

    correlations: pd.DataFrame
    others: dict[str, pd.DataFrame]
    text: str

    def write(self, folder: Path) -> None:
        """Write every table into a folder."""
        write_table(folder / "editing.parquet", self.correlations, CORRELATION_COLUMNS)
        write_text(folder / "editing.csv", csv_text(self.correlations))
        write_text(folder / "editing.md", self.text)
        for name, frame in self.others.items():
            write_text(folder / f"editing_{name}.csv", csv_text(frame))


def editing_tables(datasets: Sequence[EditedDataset], section: TabulateEditing, seed: int) -> EditingTables:
    """The tables of all datasets.

    Args:
        datasets: their measures.
        section: resamples, confidence, error, and the lowest PSNR that is not flagged.
        seed: of the resamples.
    """
    found = [_rows(dataset, section, seed) for dataset in datasets]
    table = pd.DataFrame([row for rows in found for row in rows["correlations"]], columns=list(CORRELATION_COLUMNS))
    others = {
        name: pd.DataFrame([row for rows in found for row in rows[name]], columns=columns)
        for name, columns in _OTHER_TABLES.items()
    }
    lost_masks = {
        dataset.name: {status: len(reasons) for status, reasons in dataset.lost_masks.items()} for dataset in datasets
    }
    text = editing_markdown(table, others["checks"], others["flagged"], others["implied"], lost_masks, section)
    return EditingTables(table, others, text)


def _rows(dataset: EditedDataset, section: TabulateEditing, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Rows of each table of one dataset; all share the resamples of the images."""
    images = int(dataset.image.max(initial=-1)) + 1
    weights = resample_weights(images, section.statistics.bootstrap, generator(seed, dataset.name, "bootstrap"))
    correlated, paired = correlations(dataset, weights, section)
    return {
        "correlations": correlated,
        "paired": paired,
        "checks": check_rows(dataset, weights, section),
        "flagged": flagged_rows(dataset, section),
        "by_word": by_word(dataset),
        "implied": by_context(dataset, weights, section.statistics.confidence),
    }
