"""The published numbers beside ours, for people, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.tables.text import MISSING, markdown_table

NOT_RUN = "not run"

TITLES = {
    1: "Table 1: captions told apart, accuracy in percent",
    3: "Table 3: objects found, mIoU in percent",
    4: "Table 4: correlation with the change of an edited image, Pearson's r",
}

_MODEL = "the checkpoint left its first address and is read from a mirror"
_ARO = "the released script stops after four batches, and whether its mean is over cases or groups is not published"
_SHUFFLES = "ARO's shuffled captions change with every run and were not published"

# (table, method) → why our number may differ from the published one.
REASONS: dict[tuple[int, str], str] = {
    (1, "OpenCLIP"): f"{_SHUFFLES}; VG: macro over groups here, of which small ones do not count",
    (1, "DiffITM"): f"noise levels and resolution of the published run are not known; {_SHUFFLES}",
    (1, "HardNeg-DiffITM"): "its LoRA is not part of this workflow (see config/paper.yaml); its training is not repeated",
    (1, "Info (logistic)"): f"{_ARO}; clip 4 instead of 3 in the released code; independent draws; ties count as wrong there",
    (3, "whole image"): "masks at 512 × 512 as published; crowd regions as in the configuration",
    (3, "attention"): "half of the heads, and pixels in 0 … 1, in the released code; all heads and −1 … 1 here",
    (3, "CMI"): "released: clip 4 (log-SNRs beyond the trained range), independent draws, letters deleted inside words",
    (3, "attention+information"): "half of the heads, and draws of its own, in the released code",
    (4, "CMI"): "released: all words of the swap table, draws of its own; its ± is a tenth of the resamples' deviation",
    (4, "attention"): "released: recorded in half precision, half of the heads; its ± is a tenth of the deviation",
}

HEAD = ["dataset", "method", "setting", "published", "ours", "released code's way", "embedded stand-in", "why they differ"]


def paper_markdown(table: pd.DataFrame, study: str, confidence: float) -> str:
    """Three tables under a caption; `study` is the one that the numbers of `ours` come from."""
    parts = [_caption(study, confidence)]
    for number, rows in table.groupby("table", sort=False):
        cells = [_cells(row) for row in rows.to_dict("records")]
        parts += ["", f"## {TITLES[int(str(number))]}", "", markdown_table(HEAD, 3, cells)]
    return "\n".join([*parts, ""])


def _cells(row: Mapping[Any, Any]) -> list[str]:
    digits = 2 if row["metric"] == "pearson_r" else 1
    published = f"{row['published']:.{2 if row['table'] == 3 else digits}f}"
    if np.isfinite(row["published_error"]):
        published += f" ± {row['published_error']:.3f}"
    stand_in = _number(row, "stand_in", digits, MISSING)
    if row["stand_in_dataset"]:
        stand_in += f", {row['stand_in_dataset']}"
    return [
        *(row["dataset"], row["method"], row["setting"] or MISSING, published),
        *(_number(row, who, digits, NOT_RUN) for who in ("ours", "released")),
        stand_in,
        row["reason"],
    ]


def _number(row: Mapping[Any, Any], who: str, digits: int, missing: str) -> str:
    if not np.isfinite(row[who]):
        return missing
    text = f"{row[who]:.{digits}f}"
    if np.isfinite(row[f"{who}_low"]):
        text += f" ({row[f'{who}_low']:.{digits}f} to {row[f'{who}_high']:.{digits}f})"
    return text.replace("-", "−")


def _caption(study: str, confidence: float) -> str:
    return "  \n".join(
        [
            "The numbers that Kong et al. (ICLR 2024) published, from data/reference/paper_tables.csv, beside those of the study "
            f"`{study}`. In parentheses: {100 * confidence:g} % intervals, over images (tables 3 and 4), over groups (VG) or "
            "over cases (order sets). The published ± of table 4 is a tenth of the deviation of the resamples.",
            f'"{NOT_RUN}": the study has no such dataset or method. Released code\'s way: the study `released`, with what '
            "config/released.yaml switches; its tables are read where they are.",
            "Embedded stand-in: the embedded scenes and their small model in the part of the dataset. Other images and another "
            "model: it shows that the row is computed, and nothing about the published number.",
            f"For every row, {_MODEL}; docs/precision.md has all differences and their keys.",
        ]
    )
