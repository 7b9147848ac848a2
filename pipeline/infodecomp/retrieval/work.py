"""Denoiser evaluations and bytes of the scores of captions."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from infodecomp.config import Config
from infodecomp.estimator.options import INFORMATION_SCORES
from infodecomp.jobs.work import ARRAY_BYTES, FLOAT64_BYTES, Bytes, Work, by_image, usable


def retrieval_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """Every option of an image once a draw or timestep: by the study's model, then by each second model."""
    cases = usable(cases)
    section = config.retrieval
    images = list(by_image(cases))
    options = sum(len({option for case in rows for option in case.options}) for rows in images)
    of_norms = options * len(section.diffitm.timesteps)
    scores = [method for method in section.methods if method in INFORMATION_SCORES]
    if scores or "diffitm" in section.methods:
        empty = len(images) if {"i_o", "i_s"} & set(scores) else 0
        drawn = (options + empty) * section.scoring.steps[-1] if scores else 0
        evaluations = drawn + (of_norms if "diffitm" in section.methods else 0)
        leaves = _leaves(cases, len(scores) + ("diffitm" in section.methods))
        racing = section.scoring.stopping == "racing" and bool(scores)
        yield Work.of(config, dataset, "score_retrieval", cases, evaluations, leaves, at_most=racing)
    for method in section.methods:
        if method in config.models:
            yield Work.of(config, dataset, f"score_{method}", cases, of_norms, _leaves(cases, 1))


def _leaves(cases: pd.DataFrame, scores: int) -> Bytes:
    """Value and error of each option, and the number of evaluations, for each score; and a key."""
    numbers = 2 * FLOAT64_BYTES * scores * int(cases["options"].map(len).sum())
    return Bytes(fixed=numbers + len(cases) * (3 * scores + 1) * ARRAY_BYTES)
