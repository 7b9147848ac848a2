"""Published scores of codes beside those of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.representation.published import PAPER_COLUMNS, PUBLISHED_COLUMNS, compare, read_published
from infodecomp.representation.published_markdown import paper_markdown
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

QUALITY = pd.DataFrame(
    [
        ("diffae", "mu", "mig", 0.9, 0.1, np.nan),
        ("diffae", "z", "mig", 0.25, 0.01, np.nan),
        ("diffae", "z", "dci_d_random_forest", 0.5, 0.01, 0.125),
        ("tokens", "z", "factor_vae", np.nan, np.nan, np.nan),
    ],
    columns=["model", "code", "score", "value", "error", "spread"],
)
SAMPLES = pd.DataFrame(
    [
        ("infodiffusion", sampler, "fid_classifier", value, np.nan, np.nan)
        for sampler, value in (("latent", 3.0), ("ddim", 9.0))
    ],
    columns=["model", "sampler", "score", "value", "error", "spread"],
)


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return read_published(shipped("data/reference/representation_papers.csv"))


@pytest.mark.parametrize(
    ("dataset", "who", "answered"),
    [
        (
            "shapes3d",
            "ours",
            {("DiffAE", "mig"): (0.25, 0.01, "mig"), ("DiffAE", "dci_d"): (0.5, 0.125, "dci_d_random_forest")},
        ),
        ("celeba", "ours", {("InfoDiffusion", "fid"): (3.0, np.nan, "fid_classifier")}),
        ("cifar10", "ours", {}),
        (
            "factors",
            "stand_in",
            {
                ("InfoDiffusion", "fid"): (3.0, np.nan, "fid_classifier"),
                ("DiffAE", "dci_d"): (0.5, 0.125, "dci_d_random_forest"),
                ("DiffAE", "mig"): (0.25, 0.01, "mig"),
            },
        ),
    ],
)
def test_a_score_answers_for_its_images_code_and_sampler(
    published: pd.DataFrame, dataset: str, who: str, answered: dict[tuple[str, str], tuple[float, float, str]]
) -> None:
    table = compare(published, QUALITY, SAMPLES, dataset)
    assert len(table) == len(published) and list(table) == list(PAPER_COLUMNS)
    found = table[table[who].notna()].set_index(["method", "metric"])[[who, f"{who}_error", f"{who}_score"]]
    assert set(found.index) == set(answered)
    for key, (value, error, score) in answered.items():
        row = found.loc[[key]].iloc[0]
        assert tuple(row)[::2] == (value, score) and np.allclose(row.iloc[1], error, equal_nan=True)
    other = {"ours": "stand_in", "stand_in": "ours"}[who]
    assert table[other].isna().all()


def test_the_table_names_protocol_learner_and_what_was_not_run(published: pd.DataFrame) -> None:
    text = paper_markdown(compare(published, QUALITY, SAMPLES, "shapes3d"))
    row = next(line for line in text.splitlines() if line.startswith("| shapes3d | DiffAE | DCI D |"))
    assert "mean over 10 seeds" in row and "| 0.114 | 0.500 ± 0.125, random forest |" in row
    assert "| 22.3 | not run |" in text


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("fidd", "1", "line 2: metric is 'fidd'"),
        ("fid", "", "line 2: value is ''"),
        ("fid", "x", "line 2: value is 'x'"),
    ],
)
def test_a_wrong_number_is_one_sentence(tmp_path: Path, metric: str, value: str, message: str) -> None:
    row = {**dict.fromkeys(PUBLISHED_COLUMNS, ""), "metric": metric, "value": value}
    pd.DataFrame([row]).to_csv(tmp_path / "papers.csv", index=False)
    with pytest.raises(InputError, match=message):
        read_published(tmp_path / "papers.csv")
