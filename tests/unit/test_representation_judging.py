"""From a model to its rows: what is drawn, kept, and judged, on a tiny world with exact denoisers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.config.representation import ComponentsSection
from infodecomp.config.representation_samples import RepresentationJudgingSection, RepresentationSamplesSection
from infodecomp.representation.drawn_file import SAMPLE, drawn_arrays, eight_bits, images_of, read_drawn
from infodecomp.representation.factor_classifier import FactorClassifier
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.judging import judged_codes, judged_images, judged_samples
from infodecomp.representation.quality_columns import QUALITY_COLUMNS, SAMPLE_COLUMNS
from infodecomp.representation.sampled_models import open_model
from infodecomp.runs.storage import write_arrays, write_table

SAMPLES = RepresentationSamplesSection(count=70, steps=20, split_step=14, traversals=(-1.0, 1.0), interpolations=3)
JUDGING = RepresentationJudgingSection(images=100, learners=(), repeats=2, real=70)
TABLE = torch.tensor([[a, b] for a in range(3) for b in range(4)]).repeat(10, 1)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    """120 images, whose pixels are their two factors and noise."""
    noise = 0.4 * torch.rand(120, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.2
    noise[:, 0] += (TABLE[:, 0] / 2 - 0.5)[:, None, None] * 0.7
    noise[:, 1] += (TABLE[:, 1] / 3 - 0.5)[:, None, None]
    held = np.arange(0, 120, 3)
    return ImageSet("tiny", FiniteWorld(noise, TABLE), ("a", "b"), held, lambda number: np.ones((8, 8), bool))


def test_a_code_and_its_samples_are_judged(images: ImageSet, tmp_path: Path) -> None:
    model = open_model("components", images, ComponentsSection(dimensions=3, noise=0.02))
    write_arrays(tmp_path / "drawn.npz", drawn_arrays(model, images, SAMPLES, 0))
    arrays = read_drawn(tmp_path / "drawn.npz")
    assert {name for name in arrays if name.startswith(SAMPLE)} == {
        f"{SAMPLE}{name}" for name in ("unconditional", "ddim", "ddpm", "two_phase", "two_phase_prior")
    }
    assert arrays["traversal"].shape == (3, 2, 3, 8, 8) and arrays["way/code"].shape == (3, 3, 8, 8)
    np.testing.assert_array_equal(arrays["shown"][0], eight_bits(images.world.images[arrays["reconstructed"][0]]))
    assert set(arrays["reconstructed"]) <= set(images.held_out) and len(set(arrays["reconstructed"])) == 40

    codes = judged_codes("components", model, images, JUDGING, 0)
    write_table(tmp_path / "quality.parquet", codes, QUALITY_COLUMNS)
    accuracy = codes[(codes["score"] == "accuracy") & (codes["code"] == "mu")].set_index("factor")["value"]
    assert accuracy["a"] > 0.9  # factors are what the images vary in most

    torch.manual_seed(0)
    networks = {"classifier": FactorClassifier((3, 4), size=8, num_features=8).eval()}
    rows = judged_samples("components", arrays, images, networks, JUDGING, 0)
    write_table(tmp_path / "samples.parquet", rows, SAMPLE_COLUMNS)
    found = rows.set_index(["sampler", "score", "factor"])["value"]
    assert found["unconditional", "valid", ""] > 0.95 and found["unconditional", "novelty", ""] == pytest.approx(
        1 / 3, abs=0.2
    )
    assert found["reconstruction, code", "right", ""] > 0.9
    assert found["reconstruction, inverted", "right", ""] == 1
    assert found["unconditional", "fid_classifier", ""] >= 0


def test_a_model_of_factors_has_no_code_to_judge(images: ImageSet, tmp_path: Path) -> None:
    model = open_model("factors", images, ComponentsSection())
    rows = judged_codes("factors", model, images, JUDGING, 0)
    write_table(tmp_path / "quality.parquet", rows, QUALITY_COLUMNS)
    assert rows.empty
    arrays = drawn_arrays(model, images, SAMPLES.model_copy(update={"samplers": ("ddim",), "count": 8}), 0)
    assert set(arrays) == {"sample/ddim", "reconstructed", "reconstruction/code", "reconstruction/inverted"}


def test_three_tenths_of_the_judged_images_are_held_out(images: ImageSet) -> None:
    numbers, judged = judged_images(images, 100, 0)
    assert len(set(numbers)) == 100 and judged.held_out.sum() == 30
    assert set(np.array(numbers)[judged.held_out]) <= set(images.held_out)
    np.testing.assert_array_equal(judged.classes["b"], TABLE[numbers, 1].numpy())
    assert judged.measures == {}


def test_images_are_kept_to_the_nearest_eighth_bit() -> None:
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    again = images_of({"sample/ddim": eight_bits(images), "way/code": eight_bits(images)}, "sample/")
    assert list(again) == ["ddim"] and float((again["ddim"] - images).abs().max()) <= 1 / 255 + 1e-6
