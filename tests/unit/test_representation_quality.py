"""The tables of codes and samples: which rows there are, and what they say of codes and samples whose quality is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from infodecomp.representation.disentanglement import Scoring
from infodecomp.representation.factor_classifier import FactorClassifier
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.quality import JudgedImages, code_quality
from infodecomp.representation.quality_columns import QUALITY_COLUMNS, SAMPLE_COLUMNS, over_seeds
from infodecomp.representation.quality_markdown import quality_markdown, samples_markdown
from infodecomp.representation.sample_quality import (
    KnownWorld,
    RealSet,
    reconstruction_rows,
    sample_rows,
)
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_table

TABLE = np.array([[a, b] for a in range(3) for b in range(4)])


@pytest.fixture(scope="module")
def known() -> KnownWorld:
    images = torch.rand(12, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    return KnownWorld(FiniteWorld(images, torch.from_numpy(TABLE)), {"a": 3, "b": 4}, np.arange(12) < 3)


def value(table: pd.DataFrame, **where: str) -> float:
    found = table[np.logical_and.reduce([table[name] == text for name, text in where.items()])]
    assert len(found) == 1
    return float(found["value"].iloc[0])


def test_a_noisy_code_is_read_from_its_mean_but_not_from_itself(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    factors = rng.integers((3, 4), size=(300, 2))
    mean = factors + 0.05 * rng.normal(size=(300, 2))
    images = JudgedImages({"a": factors[:, 0], "b": factors[:, 1]}, {"b": factors[:, 1] + 0.0}, np.arange(300) >= 220)
    codes = {"z": mean + 3 * rng.normal(size=mean.shape), "mu": mean}
    table = code_quality("tiny", codes, images, Scoring((), repeats=2, seed=0))
    write_table(tmp_path / "quality.parquet", table, QUALITY_COLUMNS)  # type: ignore[operator]
    assert (
        value(table, code="mu", score="accuracy", factor="b")
        > 0.9
        > 0.5
        > value(table, code="z", score="accuracy", factor="b")
    )
    assert value(table, code="mu", score="r2", factor="b") > 0.95
    assert (
        value(table, code="mu", score="info_e", factor="")
        > 0.5
        > 0.2
        > value(table, code="z", score="info_e", factor="")
    )
    assert set(table["factor"]) == {"a", "b", ""} and (table["images"] == 300).all()
    alone = JudgedImages({"a": factors[:, 0]}, {}, images.held_out)
    assert set(code_quality("tiny", {"mu": mean}, alone, Scoring((), 2, 0))["score"]) == {"accuracy", "auroc", "chance"}
    assert code_quality("tiny", codes, JudgedImages({}, {}, images.held_out), Scoring((), 2, 0)).empty


def test_samples_of_the_world_and_noise(known: KnownWorld, tmp_path: object) -> None:
    numbers = np.arange(120) % 12
    exact = known.world.images[numbers] + 0.01
    noise = torch.rand(120, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    torch.manual_seed(0)
    real = RealSet(known.world.images.repeat(9, 1, 1, 1), {"classifier": FactorClassifier((3, 4), size=8).eval()})
    table = sample_rows("tiny", {"ddim": exact, "ddpm": noise}, known, real, 0)
    write_table(tmp_path / "samples.parquet", table, SAMPLE_COLUMNS)  # type: ignore[operator]
    assert (value(table, sampler="ddim", score="valid"), value(table, sampler="ddpm", score="valid")) == (1, 0)
    assert value(table, sampler="ddim", score="novelty") == 0.25
    assert value(table, sampler="ddim", score="coverage", factor="b") == pytest.approx(1)
    for distance in ("fid_classifier", "kid_classifier"):
        assert value(table, sampler="ddim", score=distance) < value(table, sampler="ddpm", score=distance)
    with pytest.raises(InputError, match="generated images are the real ones"):
        sample_rows("tiny", {"ddim": real.images}, known, real, 0)
    without = sample_rows("tiny", {"ddim": exact}, None, RealSet(real.images, {}), 0)
    assert without.empty and list(without.columns) == list(SAMPLE_COLUMNS)


def test_reconstructions_by_factor(known: KnownWorld) -> None:
    numbers = np.arange(12)
    wrong = numbers.copy()
    wrong[0] = 1  # the same a, another b
    table = reconstruction_rows("tiny", "ddim", numbers, known.world.images[wrong], known)
    assert value(table, score="valid", factor="") == 1
    assert value(table, score="right", factor="") == pytest.approx(11 / 12) == value(table, score="right", factor="b")
    assert value(table, score="right", factor="a") == 1 and value(table, score="mse", factor="") > 0


def quality_rows(seed: int) -> pd.DataFrame:
    scores = {("accuracy", "b"): 0.5 + seed / 10, ("mig", ""): 0.25, ("dci_d_linear", ""): float("nan")}
    rows = [(f"vae-seed{seed}", "mu", *key, value, 0.01, 40 + seed) for key, value in scores.items()]
    return pd.DataFrame(rows, columns=list(QUALITY_COLUMNS))


def test_seeds_of_a_model_are_one_row_with_their_spread() -> None:
    other = quality_rows(0).assign(model="beta_vae")
    table = over_seeds(pd.concat([quality_rows(0), quality_rows(1), quality_rows(2), other]))
    assert list(table["model"].unique()) == ["vae", "beta_vae"]
    row = table[(table["model"] == "vae") & (table["score"] == "accuracy")].iloc[0]
    assert (row["value"], row["spread"], row["seeds"], row["images"]) == pytest.approx((0.6, 0.1, 3, 40))
    text = quality_markdown(table)
    assert "| vae | μ | 0.60 ± 0.01, seeds ± 0.10 |" in text and "| beta_vae | μ | 0.50 ± 0.01 |" in text
    assert "b: AUROC" not in text  # of which there is none
    assert "DCI D, linear" in text


def test_the_table_of_samples_names_the_least_covered_factor() -> None:
    rows = [
        ("tiny", "ddim", "valid", "", 0.5, 0.05, 100),
        ("tiny", "ddim", "coverage", "a", 0.9, float("nan"), 100),
        ("tiny", "ddim", "coverage", "b", 0.7, float("nan"), 100),
        ("tiny", "two_phase", "fid_classifier", "", 12.5, float("nan"), 100),
    ]
    text = samples_markdown(over_seeds(pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))))
    assert "| tiny | ddim | 100 | 0.50 ± 0.05 | – | – | – | 0.70 (b) | – |" in text
    assert "| tiny | two phase | 100 | – | – | – | – | – | 12.50 |" in text and "FID, classifier" in text
