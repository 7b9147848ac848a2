"""The tables of codes and of samples for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from infodecomp.tables.markdown import Captioned, Column, Row, lines, numbers, paragraphs, words
from infodecomp.tables.text import MISSING

_CODES = {"z": "z", "mu": "μ"}
_PROBES = {"accuracy": "accuracy", "auroc": "AUROC", "r2": "R²"}
# Scores of the division of factors among dimensions; those of DCI follow, a learner each.
_DIVIDED = {
    "info_m": "InfoM",
    "info_c": "InfoC",
    "info_e": "InfoE",
    "mig": "MIG",
    "factor_vae": "FactorVAE",
    "tad": "TAD, sum",
    "tad_attributes": "TAD, attributes",
}
_SAMPLES = {"valid": "valid", "right": "right image", "novelty": "held out", "mse": "MSE"}


def quality_markdown(table: pd.DataFrame) -> str:
    """Two tables; see `quality_tables`."""
    return paragraphs(*(one.markdown for one in quality_tables(table)))


def quality_tables(table: pd.DataFrame) -> list[Captioned]:
    """Probes by factor, then how factors are divided among dimensions; rows are models and z or μ.

    table: as `quality_columns.over_seeds` makes it.
    """
    factors = [name for name in dict.fromkeys(table["factor"]) if name]
    learners = [name.removeprefix("dci_d_") for name in dict.fromkeys(table["score"]) if name.startswith("dci_d_")]
    probes = [_cell(f"{factor}: {head}", score, factor) for factor in factors for score, head in _PROBES.items()]
    kept = [column for column in probes if any(column.cell(row) != MISSING for row in _rows(table, "code"))]
    divided = [_cell(head, score) for score, head in _DIVIDED.items()]
    divided += [_cell(f"DCI {part.upper()}, {_plain(one)}", f"dci_{part}_{one}") for one in learners for part in "dci"]
    names = [words("model"), words("code", text=lambda code: _CODES.get(code, code))]
    return [
        Captioned(_probe_caption(table), [*names, *kept], _rows(table, "code")),
        Captioned(_divided_caption(), [*names, *divided], _rows(table, "code")),
    ]


def samples_markdown(table: pd.DataFrame) -> str:
    """One table; see `samples_table`."""
    return paragraphs(samples_table(table).markdown)


def samples_table(table: pd.DataFrame) -> Captioned:
    """A row a model and sampler: what share are images of the world, and how far their features are from real ones'."""
    distances = [name for name in dict.fromkeys(table["score"]) if name.startswith(("fid_", "kid_"))]
    columns: list[Column] = [
        words("model"),
        words("sampler", text=_plain),
        numbers("n", "count"),
        *(_cell(head, score) for score, head in _SAMPLES.items()),
        numbers("least coverage", _least_coverage),
        *(_cell(f"{name[:3].upper()}, {_plain(name[4:])}", name) for name in distances),
    ]
    return Captioned(_samples_caption(), columns, _rows(table, "sampler"))


def _rows(table: pd.DataFrame, second: str) -> Iterator[Row]:
    counted = "images" if "images" in table else "samples"
    for (model, other), rows in table.groupby(["model", second], sort=False):
        scores = {(row["score"], row["factor"]): row for row in rows.to_dict("records")}
        yield {"model": model, second: other, "count": str(int(rows[counted].min())), "scores": scores}


def _cell(head: str, score: str, factor: str = "") -> Column:
    return numbers(head, lambda row: _value(row["scores"].get((score, factor))))


def _value(found: Row | None) -> str:
    """A value with its standard error, and behind a bar its spread over seeds."""
    if found is None or not np.isfinite(found["value"]):
        return MISSING
    digits = 4 if abs(found["value"]) < 0.1 else 2
    text = f"{found['value']:.{digits}f}"
    if np.isfinite(found["error"]):
        text += f" ± {found['error']:.{digits}f}"
    return f"{text}, seeds ± {found['spread']:.{digits}f}" if np.isfinite(found["spread"]) else text


def _least_coverage(row: Row) -> str:
    found = [(one["value"], factor) for (score, factor), one in row["scores"].items() if score == "coverage"]
    known = [(value, factor) for value, factor in found if np.isfinite(value)]
    return f"{min(known)[0]:.2f} ({min(known)[1]})" if known else MISSING


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _probe_caption(table: pd.DataFrame) -> str:
    chances: Sequence[float] = table.loc[table["score"] == "chance", "value"].tolist()
    return lines(
        "What linear models read from a code, on held-out images: accuracy and AUROC of logistic regression, R² of ridge "
        "regression where values are ordered; ± standard errors over images, from random halves.",
        "z: the code as the decoder sees it; μ: its mean, which may hold what the noise drowns."
        + (f" By chance, accuracies are {min(chances):.2f} to {max(chances):.2f}." if chances else ""),
    )


def _divided_caption() -> str:
    return lines(
        "How factors are divided among dimensions. InfoM: a dimension tells of one factor; InfoC: a factor is in one "
        "dimension; InfoE: share of the factors' entropy that is linearly readable; all 0 to 1.",
        "MIG: how far the best dimension is ahead; DCI: disentanglement D, completeness C, informativeness I, with the "
        "learner named; TAD: sum of the leads in AUROC over the attributes counted, on held-out images.",
    )


def _samples_caption() -> str:
    return lines(
        "valid: share within 0.04 RMSE of an image of the world; held out: share of these that was held out of training; "
        "least coverage: lowest entropy of a factor among these, over ln of its values.",
        "right image: share of reconstructions, from z and fresh noise, nearest to their own image. inverted: from z and "
        "the noise of the image itself, which tells nothing of the code.",
        "FID, KID: distances of features, with their network; comparable only for one network, image size and number.",
    )
