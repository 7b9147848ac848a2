"""Explained captions, read from what explain_images kept of them, and the scores of their words as one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.runs.storage import read_arrays, write_table, write_text
from infodecomp.tables.text import csv_text

TOKEN_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("dataset", "image_id", "prompt", "target"), "string"),
    "place": "int64",  # of the word in the caption, from 0
    "word": "string",
    "kind": "string",  # word, mark, start, end, padding
    "score": "float64",
    "percent": "float64",  # of the scores of this image, caption and target
}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class ExplainedCaption:
    """A caption of an image: one of its cases, the stem of its pictures' names, and the arrays of its explanation."""

    case: Any
    stem: str
    arrays: Mapping[str, np.ndarray]

    @property
    def side(self) -> int:
        """The side of the picture that was explained, in pixels."""
        return int(self.arrays["side"])

    @property
    def targets(self) -> list[str]:
        """What was explained: loss, image, box0, loss_box0, …"""
        return sorted(key.partition("/")[2] for key in self.arrays if key.startswith("scores/"))

    def cells(self, target: str) -> np.ndarray:
        """The map of a target, (h, w)."""
        return self.arrays[f"cells/{target}"]

    def box(self, target: str, boxes: Sequence[Box]) -> Box | None:
        """The box of a target among the study's; None for a target that is the whole picture."""
        return boxes[int(target.rpartition("box")[2])] if "box" in target else None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of `TOKEN_COLUMNS`; percentages sum to 100 for each target, or are NaN where every score is 0."""
        case = self.case
        for target in self.targets:
            scores = self.arrays[f"scores/{target}"].astype(np.float64)
            total = scores.sum()
            words = zip(self.arrays["words"], self.arrays["kinds"], scores.tolist(), strict=True)
            for place, (word, kind, score) in enumerate(words):
                yield {
                    **{
                        "dataset": case.dataset,
                        "image_id": case.image_id,
                        "prompt": case.prompt_full,
                        "target": target,
                    },
                    **{"place": place, "word": str(word), "kind": str(kind), "score": score},
                    "percent": 100 * score / total if total > 0 else float("nan"),
                }


def explained_captions(cases: pd.DataFrame, maps: Path) -> Iterator[ExplainedCaption]:
    """The captions of explained cases, each once: the words of a caption share its explanation.

    maps: folder of <case_id>.npz. An image's first caption has the image's own name, the others a number after it.
    """
    numbers: dict[str, int] = {}
    of_captions: Any = cases.drop_duplicates(["image_id", "prompt_full"]).itertuples(index=False)
    for case in of_captions:
        number = numbers[case.image_id] = numbers.get(case.image_id, -1) + 1
        stem = Path(str(case.image_path)).stem + (f"-caption{number}" if number else "")
        yield ExplainedCaption(case, stem, read_arrays(maps / f"{case.case_id}.npz"))


def write_token_table(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of `TOKEN_COLUMNS` as tokens.parquet and tokens.csv."""
    table = pd.DataFrame(rows, columns=list(TOKEN_COLUMNS))
    write_table(folder / "tokens.parquet", table, TOKEN_COLUMNS)
    write_text(folder / "tokens.csv", csv_text(table))
