"""Published numbers and ours for people, and why they differ."""

from __future__ import annotations

import numpy as np
import pandas as pd

from infodecomp.tables.markdown import Row, lines, markdown_table, paragraphs, records, words
from infodecomp.tables.text import MISSING, or_missing

NOT_RUN = "not run"

TITLES = {
    1: "Table 1: retrieval, accuracy in percent",
    3: "Table 3: localisation, mIoU in percent",
    4: "Table 4: correlation with the change by an edit, Pearson's r",
}

# Why our number may differ from the published one, by table and method, and by dataset.
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
    """Why our number may differ from the published one; empty if nothing is known."""
    return "; ".join(filter(None, (_BY_METHOD.get((table, method)), _BY_DATASET.get(dataset))))


def _number(row: Row, who: str, missing: str) -> str:
    if not np.isfinite(row[who]):
        return missing
    digits = _digits(row)
    text = f"{row[who]:.{digits}f}"
    if np.isfinite(row[f"{who}_low"]):
        text += f" ({row[f'{who}_low']:.{digits}f} to {row[f'{who}_high']:.{digits}f})"
    return text.replace("-", "−")


def _digits(row: Row) -> int:
    return 2 if row["metric"] == "pearson_r" else 1


def _published(row: Row) -> str:
    text = f"{row['published']:.{2 if row['table'] == 3 else _digits(row)}f}"
    return f"{text} ± {row['published_error']:.3f}" if np.isfinite(row["published_error"]) else text


def _stand_in(row: Row) -> str:
    text = _number(row, "stand_in", MISSING)
    return f"{text}, {row['stand_in_dataset']}" if row["stand_in_dataset"] else text


_COLUMNS = [
    *(words("dataset"), words("method"), words("setting", text=or_missing)),
    words("published", _published),
    words("ours", lambda row: _number(row, "ours", NOT_RUN)),
    words("released code's way", lambda row: _number(row, "released", NOT_RUN)),
    words("embedded stand-in", _stand_in),
    words("why they differ", "reason"),
]


def paper_markdown(table: pd.DataFrame, study: str, confidence: float) -> str:
    """Three tables under a caption; `study` is the one that the numbers of `ours` come from."""
    parts = [_caption(study, confidence)]
    for number, rows in table.groupby("table", sort=False):
        parts += [f"## {TITLES[int(str(number))]}", markdown_table(_COLUMNS, records(rows))]
    return paragraphs(*parts)


def _caption(study: str, confidence: float) -> str:
    return lines(
        "The published numbers of Kong et al. (ICLR 2024; data/reference/paper_tables.csv) beside those of the study "
        f"`{study}`. In parentheses: {100 * confidence:g} % intervals, over images (tables 3 and 4), over groups (VG) "
        "or over cases (order sets). The published ± of table 4 is a tenth of the standard deviation over resamples.",
        f"{NOT_RUN}: the study has no such dataset or method. Released code's way: the study `released` (see "
        "config/released.yaml); its tables are read if they exist.",
        "Embedded stand-in: the embedded scenes and their small model on the same task. With other images and another "
        "model, it shows that the row can be computed, and says nothing about the published number.",
        "For every row: Stable Diffusion 2.1-base is no longer at its original address and is read from a mirror. All "
        "differences from the released code, and their keys, are in docs/precision.md.",
    )
