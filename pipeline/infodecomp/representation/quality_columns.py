"""The columns of the tables of codes and of samples, and models trained with several seeds as one."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

# A row a score of one model's codes, z or mu; `factor` is empty for scores of all factors.
QUALITY_COLUMNS = {
    "model": "string",
    "code": "string",
    "score": "string",
    "factor": "string",
    "value": "float64",
    "error": "float64",
    "images": "int64",
}
# A row a score of one model's samples.
SAMPLE_COLUMNS = {
    "model": "string",
    "sampler": "string",
    "score": "string",
    "factor": "string",
    "value": "float64",
    "error": "float64",
    "samples": "int64",
}
# The same over seeds: value is their mean, error the mean of their standard errors, spread their standard deviation.
OVER_SEEDS = {"seeds": "int64", "spread": "float64"}

_SEED = re.compile(r"-seed\d+$")


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Models whose names differ in an ending `-seed<number>` only as one row a score; spread is NaN for one seed.

    >>> scores = {"code": "z", "score": "mig", "factor": "", "error": 0.1, "images": 9}
    >>> rows = pd.DataFrame([{"model": f"vae-seed{k}", **scores, "value": k / 2} for k in range(2)])
    >>> over_seeds(rows)[["model", "value", "spread", "seeds"]].round(3).values.tolist()
    [['vae', 0.25, 0.354, 2]]
    """
    counted = "images" if "images" in rows else "samples"
    named = rows.assign(model=[_SEED.sub("", name) for name in rows["model"]])
    keys = [name for name in rows.columns if name not in ("value", "error", counted)]
    groups = named.groupby(keys, sort=False, dropna=False)
    found = groups.agg(
        value=("value", "mean"),
        error=("error", "mean"),
        spread=("value", lambda values: values.std(ddof=1) if len(values) > 1 else np.nan),
        seeds=("value", "size"),
        counted=(counted, "min"),
    ).reset_index()
    return found.rename(columns={"counted": counted})[[*rows.columns, *OVER_SEEDS]]
