"""The published numbers beside ours, for people, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.tables.text import MISSING, markdown_table

NOT_RUN = "not run"

TITLES = {
    1: "Table 1: captions told apart, accuracy in percent",
    3: "Table 3: objects found, mIoU in percent",
    4: "Table 4: correlation with the change of an edited image, Pearson's r",
}

# What may set our number apart from the published one, by table and method, and by dataset.
_BY_METHOD: dict[tuple[int, str], str] = {
    (1, "DiffITM"): "the noise levels of the published run are not known",
    (
        1,
        "HardNeg-DiffITM",
    ): "its LoRA is loaded from where its authors put it (config/paper.yaml); without it the row is not run",
    (1, "Info (logistic)"): "released: log-SNR clip 4, not 3; independent draws; ties count as wrong",
    (3, "whole image"): "the share of the masks alone: another number means other masks or cases",
    (3, "attention"): "released: half of the heads, pixels in 0 … 1",
    (3, "CMI"): "released: log-SNR clip 4, not 3; independent draws; letters taken out inside other words",
    (3, "attention+information"): "released: half of the heads, draws of its own",
    (4, "CMI"): "released: all words of the swap table; ± is a tenth of the resamples' deviation",
    (4, "attention"): "released: half precision, half of the heads; ± is a tenth of the resamples' deviation",
}
_VG = "published: mean over cases or over groups is not said; here over groups, as ARO has it"
_ORDER = "the shuffled captions of the published run are not known: ARO draws others in every run"
_BY_DATASET = {"vg_attribution": _VG, "vg_relation": _VG, "coco_order": _ORDER, "flickr30k_order": _ORDER}


def reason(table: int, dataset: str, method: str) -> str:
    """What may set our number apart from the published one; empty if nothing is known."""
    return "; ".join(filter(None, (_BY_METHOD.get((table, method)), _BY_DATASET.get(dataset))))


HEAD = [
    "dataset",
    "method",
    "setting",
    "published",
    "ours",
    "released code's way",
    "embedded stand-in",
    "why they differ",
]


def paper_markdown(table: pd.DataFrame, study: str, confidence: float) -> str:
    """Three tables under a caption; `study` is the one that the numbers of `ours` come from."""
    parts = [_caption(study, confidence)]
    for number, rows in table.groupby("table", sort=False):
        cells = [_cells(row) for row in rows.to_dict("records")]
        parts += ["", f"## {TITLES[int(str(number))]}", "", markdown_table(HEAD, len(HEAD), cells)]
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
            "What Kong et al. (ICLR 2024) published (data/reference/paper_tables.csv) beside the numbers of the study "
            f"`{study}`. In parentheses: {100 * confidence:g} % intervals, over images (tables 3 and 4), over groups (VG) "
            "or over cases (order sets). The published ± of table 4 is a tenth of the resamples' deviation.",
            f"{NOT_RUN}: the study has no such dataset or method. Released code's way: the study `released`, with what "
            "config/released.yaml switches; its tables are read if they are there.",
            "Embedded stand-in: the embedded scenes and their small model in the part of the dataset. Other images and "
            "another model: it shows that the row is computed, and says nothing about the published number.",
            "For every row: Stable Diffusion 2.1-base left its first address and is read from a mirror. All differences "
            "from the released code, and their keys, are in docs/precision.md.",
        ]
    )
