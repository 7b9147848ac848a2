"""FID and KID against closed forms, sets that cannot be compared, and networks of features."""

from __future__ import annotations

import builtins
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from infodecomp.representation import factor_world, feature_networks
from infodecomp.representation.factor_classifier import FactorClassifier
from infodecomp.representation.feature_networks import load_features
from infodecomp.representation.fidelity import (
    fidelity,
    image_features,
    real_features,
    refuse_equal_folders,
    refuse_equal_sets,
)
from infodecomp.runs.errors import InputError
from infodecomp.training.factor_classifier import FactorClassifierRecipe, factor_accuracy, train_factor_classifier


def normal(count: int, features: int, seed: int, spread: float = 1.0) -> np.ndarray:
    return (spread * np.random.default_rng(seed).normal(size=(count, features))).astype(np.float32)


def gaussian_distance(first: np.ndarray, second: np.ndarray) -> float:
    """‖μ − μ'‖² + tr(Σ + Σ' − 2(Σ^½ Σ' Σ^½)^½) with a symmetric root."""
    (m, s), (n, t) = ((part.astype(float).mean(0), np.cov(part.T.astype(float))) for part in (first, second))
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(values) @ vectors.T
    return float(((m - n) ** 2).sum() + np.trace(s + t) - 2 * np.sqrt(np.linalg.eigvalsh(root @ t @ root)).sum())


def polynomial_mmd(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased MMD² with the kernel of KID."""
    x, y = first.astype(float), second.astype(float)
    xx, yy, xy = ((a @ b.T / x.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * xy.mean())


def test_distances_are_those_of_their_formulas() -> None:
    real, generated = normal(300, 5, 0), normal(300, 5, 1, spread=1.4) + np.float32(0.3)
    found = fidelity(real, generated, 0)
    assert found.fid == pytest.approx(gaussian_distance(real, generated), rel=1e-6)
    assert found.kid == pytest.approx(polynomial_mmd(real, generated), rel=1e-6)  # one subset: all images
    assert found.kid_spread == pytest.approx(0, abs=1e-9)
    same = fidelity(real, normal(300, 5, 2), 0)
    assert 0 <= same.fid < found.fid / 4 and abs(same.kid) < found.kid / 4


def test_subsets_of_kid_are_seeded_and_leave_the_generator_alone() -> None:
    real, generated = normal(300, 3, 0), normal(200, 3, 1)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, again, other = (fidelity(real, generated, seed, subset=100) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(1), expected)
    assert first == again and first.kid != other.kid and first.kid_spread > 0


@pytest.mark.parametrize(("real", "generated"), [(5, 90), (90, 5), (90, 0)])
def test_fewer_images_than_features(real: int, generated: int) -> None:
    with pytest.raises(InputError, match=r"images for 5 features; FID needs more images than features"):
        fidelity(normal(real, 5, 0), normal(generated, 5, 1), 0)


def test_a_set_is_not_compared_with_itself(tmp_path: Path) -> None:
    images = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    network = FactorClassifier((2, 3), size=8)
    with pytest.raises(InputError, match="the 6 generated images are the real ones"):
        real_features(network, images, [images * 0.5, images.flip(0)])
    refuse_equal_sets(images, images[:5])
    assert real_features(network, images, [images * 0.5]).shape == (6, 32)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"pixels")
    shutil.copytree(tmp_path / "real", tmp_path / "copy")
    for other in (tmp_path / "real" / ".." / "real", tmp_path / "copy"):
        with pytest.raises(InputError, match="holds the files of"):
            refuse_equal_folders(tmp_path / "real", other)
    (tmp_path / "copy" / "b.png").write_bytes(b"other pixels")
    refuse_equal_folders(tmp_path / "real", tmp_path / "copy")


def test_the_classifier_learns_and_its_features_see_noise(tmp_path: Path) -> None:
    rows = np.flatnonzero(np.isin(factor_world.factor_table()[:, 4:], [0, 4]).all(1))[::3]
    images = torch.from_numpy(factor_world.draw_images()[rows]).float() / 127.5 - 1
    factors = factor_world.factor_table()[rows][:, [2, 3, 4, 5]]
    factors[:, 2:] //= 4
    losses: list[float] = []
    recipe = FactorClassifierRecipe(seed=0, steps=60, batch=48, learning_rate=3e-3)
    network = train_factor_classifier(images, factors, recipe, lambda step, loss: losses.append(loss))
    assert losses[-1] < losses[0] / 4
    accuracy = factor_accuracy(network, images, factors)
    assert accuracy[0] > 0.9 and accuracy[2:].min() > 0.9
    network.save_pretrained(tmp_path / "classifier")
    loaded = load_features("classifier", tmp_path / "classifier")
    np.testing.assert_array_equal(image_features(loaded, images[:9]), image_features(network, images[:9]))
    first, second = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(1))].chunk(2)
    noisy = second + 0.5 * torch.randn(second.shape, generator=torch.Generator().manual_seed(0))
    features = image_features(network, first)
    distances = [fidelity(features, image_features(network, other), 0).fid for other in (second, noisy)]
    assert distances[1] > 2 * distances[0]


def test_dinov2_takes_images_of_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=224, patch_size=56)
    Dinov2Model(config).save_pretrained(tmp_path / "dinov2")
    network = load_features("dinov2", tmp_path / "dinov2")
    grey = torch.rand(2, 1, 28, 28) * 2 - 1
    features = image_features(network, grey)
    assert features.shape == (2, 16) == (2, network.num_features)
    np.testing.assert_allclose(features, image_features(network, grey.expand(-1, 3, -1, -1)), atol=1e-6)


def test_inception_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_networks, "find_spec", lambda name: None)
    monkeypatch.setattr(builtins, "open", None)  # no weights are looked for before
    with pytest.raises(InputError, match=r"install infodecomp\[fid\]"):
        load_features("inception", tmp_path / "weights.pth")
