"""Where the results are that the page is made from, and how their tables are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow.parquet as pq

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.tables.spreadsheet_text import read_shown_csv


@dataclass(frozen=True)
class StudyFolder:
    """The folder results/<study>. Files of a part that was not run are absent.

    shards: dataset → number of shards. of_stage: stage → number of its shards, if it differs from the dataset's.
    described: descriptions of images by name, true factors and codes.
    """

    root: Path
    shards: Mapping[str, int]
    of_stage: Mapping[str, int] = field(default_factory=dict)
    described: Sequence[str] = ()

    def cases(self, dataset: str) -> Path:
        """The cases table of a dataset."""
        return self.root / dataset / "cases.parquet"

    def shard_tables(self, dataset: str, stage: str) -> list[Path]:
        """The tables that a sharded stage has written for a dataset."""
        folder = self.root / dataset / stage
        return existing([folder / name for name in self._shard_names(dataset, self.of_stage.get(stage, 0))])

    def maps(self, dataset: str, source: str, case_id: str) -> Path:
        """The arrays of a case: source is information, attention, gradients, pairs, explanations or edits."""
        stage = {
            "information": "estimate_information/maps",
            "attention": "record_attention/maps",
            "gradients": "record_gradients/maps",
            "pairs": "gather_parts/maps",
            "explanations": "explain_images/maps",
            "edits": "edit_images/edits",
        }[source]
        return self.root / dataset / stage / f"{case_id}.npz"

    def described_shards(self, description: str) -> list[Path]:
        """The tables of what a code, or factors, say about images."""
        stage = "estimate_representation"
        folder = self.root / "representation" / description / stage
        return existing([folder / name for name in _shard_names(self.of_stage.get(stage, 0))])

    def has_maps(self, dataset: str) -> bool:
        """Whether the words of a dataset have maps of information."""
        return bool(self.shard_tables(dataset, "estimate_information"))

    def localisation_scores(self, dataset: str) -> Path:
        """Scores of the maps of a dataset."""
        return self.root / dataset / "score_localisation" / "scores.parquet"

    def retrieval_scores(self, dataset: str) -> list[Path]:
        """Every file of scores of a retrieval dataset."""
        folders = sorted(set((self.root / dataset).glob("score_*")) - {self.root / dataset / "score_localisation"})
        names = [*self._shard_names(dataset), "scores.parquet"]
        return existing([folder / name for folder in folders for name in names])

    def table(self, name: str) -> Path:
        """A file of the study's tables."""
        return self.root / "tables" / name

    def parts(self) -> list[str]:
        """Folders of figures."""
        return sorted(path.name for path in (self.root / "figures").glob("*") if path.is_dir())

    def figures(self, part: str) -> list[Path]:
        """The figures of a part of the study as PNG, then those of its folders."""
        folder = self.root / "figures" / part
        return [*sorted(folder.glob("*.png")), *sorted(folder.glob("*/*.png"))]

    def tables(self, part: str) -> list[Path]:
        """The tables of a part for programs."""
        return sorted((self.root / "tables").glob(f"{part}*.csv"))

    def _shard_names(self, dataset: str, count: int = 0) -> list[str]:
        return _shard_names(count or self.shards[dataset])


def _shard_names(count: int) -> list[str]:
    return [f"shard-{number:04d}.parquet" for number in range(count)]


def existing(paths: Sequence[Path]) -> list[Path]:
    """Those that exist."""
    return [path for path in paths if path.is_file()]


def read_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a Parquet table; InputError naming the file if it cannot be read or lacks one."""
    try:
        with checked(path).open("rb") as handle:  # a handle, so that a name such as a=b is not taken for a partition
            return pq.read_table(handle, columns=list(columns)).select(list(columns)).to_pandas()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a readable table with the columns {', '.join(columns)} ({error}).") from error


def read_csv(path: Path) -> pd.DataFrame:
    """A table for programs; empty if it does not exist. Raises InputError naming the file if it cannot be read."""
    try:
        return read_shown_csv(path) if path.is_file() else pd.DataFrame()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable CSV ({error}).") from error


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dicts."""
    return cast(list[dict[str, Any]], frame.to_dict("records"))


def by_case(paths: Sequence[Path], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Case id → its row, over several tables."""
    return {row["case_id"]: row for path in paths for row in rows(read_columns(path, ["case_id", *columns]))}


def grouped(frame: pd.DataFrame, column: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Value of a column → its rows, in order of first appearance."""
    for value, part in frame.groupby(column, sort=False):
        yield str(value), rows(part)
