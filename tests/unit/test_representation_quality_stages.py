"""The stages that sample, judge, tabulate and draw, one after another on a folder of small images."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.config import Config, section_json, settings_of
from infodecomp.config.representation import ComponentsSection, RepresentationSection
from infodecomp.config.representation_samples import (
    FactorClassifierSection,
    LatentDiffusionSection,
    RepresentationJudgingSection,
    RepresentationSamplesSection,
)
from infodecomp.representation.datasets.records import Attribute
from infodecomp.representation.prepared_images import IMAGES, write_attributes, write_images
from infodecomp.representation.quality_columns import OVER_SEEDS, QUALITY_COLUMNS, SAMPLE_COLUMNS
from infodecomp.representation.table_columns import DIMENSION_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped
from infodecomp.runs.storage import read_table, write_table

MODELS = ("components", "factors")
CONFIG = Config(
    representation=RepresentationSection(
        components=ComponentsSection(dimensions=3, noise=0.02),
        samples=RepresentationSamplesSection(
            count=40, steps=12, split_step=8, latent=LatentDiffusionSection(steps=20, batch=16), traversals=(-1.0, 1.0)
        ),
        judging=RepresentationJudgingSection(
            images=90, learners=(), repeats=2, real=70, classifier=FactorClassifierSection(steps=8, batch=16)
        ),
    )
)


def run(stage: str, *arguments: str | Path, config: Config = CONFIG) -> None:
    module = importlib.import_module(f"infodecomp.stages.{stage}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    settings = () if stage.startswith("tabulate") else ("--settings", section_json(settings_of(stage, config)))
    module.run(parser.parse_args([str(argument) for argument in (*arguments, *settings)]))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 images of 8×8: the colour says two factors."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    factors = np.array([[a, b] for a in range(3) for b in range(4)] * 10)
    pixels = rng.integers(30, size=(120, 3, 8, 8)) + 80
    pixels[:, 0] += 50 * factors[:, 0, None, None]
    pixels[:, 1] += 40 * factors[:, 1, None, None]
    write_images(folder / IMAGES, pixels.astype(np.uint8), (120, 3, 8, 8))
    attributes = {"a": Attribute(factors[:, 0], ("x", "y", "z")), "b": Attribute(factors[:, 1], ("p", "q", "r", "s"))}
    write_attributes(
        folder, [f"{n:03d}" for n in range(120)], np.arange(120) % 3 == 0, attributes, {"dataset": "small"}
    )
    return folder


def test_from_a_model_to_tables_and_figures(images: Path, tmp_path: Path) -> None:
    given = ("--images", images, "--seed", "0")
    run("train_representation_classifier", *given, "--output-dir", tmp_path / "classifier")
    for name in MODELS:
        folder = tmp_path / name
        run("sample_representation", "--model", name, *given, "--output", folder / "drawn.npz", "--device", "cpu")
        drawn, classifier = ("--drawn", folder / "drawn.npz"), ("--classifier", tmp_path / "classifier")
        judged = ("--model", name, "--name", name, *drawn, *classifier, *given, "--output", folder / "quality.parquet")
        run("judge_representation", *judged)
        rows = pd.DataFrame(
            {"model": name, "part": ["z0", "z1", "z2"], "quantity": "given_rest", "exact": [1.0, 2.0, 3.0]}
        )
        write_table(tmp_path / "by.parquet", rows.reindex(columns=list(DIMENSION_COLUMNS)), DIMENSION_COLUMNS)
        tables = ("--samples", folder / "samples.parquet", "--by-dimension", tmp_path / "by.parquet")
        run("plot_representation_pictures", "--name", name, *drawn, *tables, "--output-dir", folder / "figures")
        for figure in ("samples", "traversals", "interpolations"):
            assert (folder / "figures" / f"{figure}.png").stat().st_size > 1000
    files = {
        key: [tmp_path / name / f"{key}.parquet" for name in ("components", "factors")]
        for key in ("quality", "samples")
    }
    arguments = ("--quality", *files["quality"], "--samples", *files["samples"])
    arguments += ("--published", shipped("data/reference/representation_papers.csv"), "--dataset", "factors")
    run("tabulate_representation_quality", *arguments, "--output-dir", tmp_path)
    scores = read_table(tmp_path / "representation_quality.parquet", {**QUALITY_COLUMNS, **OVER_SEEDS})
    assert set(scores["model"]) == {"components"} and {"accuracy", "info_m", "tad"} <= set(scores["score"])
    drawn_rows = read_table(tmp_path / "representation_samples.parquet", {**SAMPLE_COLUMNS, **OVER_SEEDS})
    found = drawn_rows.set_index(["model", "sampler", "score", "factor"])["value"]
    assert found["factors", "ddim", "valid", ""] == 1
    assert found["components", "latent", "fid_classifier", ""] > 0
    assert "| factors | reconstruction, code |" in (tmp_path / "representation_samples.md").read_text()


def test_a_network_that_is_not_there(images: Path, tmp_path: Path) -> None:
    arguments = ("--model", "factors", "--name", "factors", "--drawn", tmp_path, "--images", images, "--seed", "0")
    with pytest.raises(InputError, match="features has classifier, and classifier is null"):
        run("judge_representation", *arguments, "--output", tmp_path / "quality.parquet")
