"""Probes and scores of disentanglement on codes whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.metrics import roc_auc_score

from infodecomp.representation.dci import dci, disentanglement
from infodecomp.representation.disentanglement import Coded, Scoring, disentanglement_scores
from infodecomp.representation.factor_information import by_bins, by_neighbours, entropies
from infodecomp.representation.factor_vae_score import factor_vae_score
from infodecomp.representation.information_scores import compactness, modularity, mutual_information_gap
from infodecomp.representation.probes import classify, explained_variance
from infodecomp.representation.spread import with_errors
from infodecomp.representation.tad import aurocs, one_hot, total_auroc_difference
from infodecomp.runs.errors import InputError

COUNTS = (4, 3, 5)
N = 800
TRAIN = np.arange(N) < 560


def factors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(count, size=N) for count in COUNTS], axis=1)


def same(values: np.ndarray) -> np.ndarray:
    return values.astype(float)


def rotated(values: np.ndarray) -> np.ndarray:
    """Every dimension mixes all factors, nothing is lost."""
    standard = (values - values.mean(0)) / values.std(0)
    return np.asarray(standard @ ortho_group.rvs(3, random_state=np.random.default_rng(4)))


def duplicated(values: np.ndarray) -> np.ndarray:
    return np.hstack([values, values]).astype(float)


def noise(values: np.ndarray) -> np.ndarray:
    return np.random.default_rng(2).normal(size=values.shape)


# Code → scores and the bounds between which each has to be.
KNOWN: dict[Callable[[np.ndarray], np.ndarray], dict[str, tuple[float, float]]] = {
    same: {
        **dict.fromkeys(["dci_d_random_forest", "dci_c_random_forest", "dci_i_random_forest"], (0.999, 1)),
        **dict.fromkeys(["info_m", "info_c"], (0.95, 1)),
        "info_e": (0.8, 1),
        "mig": (0.95, 1),
        "factor_vae": (1, 1),
        # The smallest and the largest values, but of the factor of three: each of its values tells much of the others.
        "tad_attributes": (4, 6),
        "used_dimensions": (3, 3),
    },
    rotated: {
        "dci_d_random_forest": (0, 0.6),
        "dci_i_random_forest": (0.75, 1),
        "info_m": (0, 0.6),
        "info_c": (0, 0.6),
        "info_e": (0.8, 1),
        "mig": (0, 0.4),
    },
    # Each factor is found twice: nothing mixes factors, but no factor is in one place, and no dimension is ahead.
    duplicated: {
        "dci_d_random_forest": (0.999, 1),
        "dci_i_random_forest": (0.999, 1),
        "info_m": (0.95, 1),
        "info_c": (0.3, 0.45),
        "mig": (0, 1e-12),
        "factor_vae": (1, 1),
        "tad": (-1e-12, 1e-12),
        "used_dimensions": (6, 6),
    },
    noise: {
        "dci_d_random_forest": (0, 0.1),
        "dci_i_random_forest": (0.15, 0.35),
        "info_e": (0, 0.02),
        "mig": (0, 0.03),
        "factor_vae": (0.25, 0.5),
        "tad": (0, 0),
        "tad_attributes": (0, 0),
    },
}


@pytest.mark.parametrize("code", KNOWN, ids=lambda code: code.__name__)
def test_scores_of_known_codes(code: Callable[[np.ndarray], np.ndarray]) -> None:
    values = factors()
    found = disentanglement_scores(
        Coded(code(values), values, ~TRAIN), Scoring(learners=("random_forest",), repeats=2, seed=0)
    )
    outside = {
        name: found[name].value
        for name, (low, high) in KNOWN[code].items()
        if not low - 1e-12 <= found[name].value <= high + 1e-12
    }
    assert outside == {}
    assert all(score.error >= 0 for score in found.values() if math.isfinite(score.value))


@pytest.mark.parametrize("learner", ["random_forest", "gradient_boosting", "linear"])
def test_every_learner_finds_a_perfect_code(learner: str) -> None:
    rng = np.random.default_rng(1)
    binary = rng.integers(2, size=(300, 3))  # values that a line separates
    found = dci(binary + 0.0, binary, np.arange(300) < 200, learner, 0)  # type: ignore[arg-type]
    assert (found.disentanglement, found.completeness, found.informativeness) == pytest.approx((1, 1, 1), abs=0.02)


def test_disentanglement_by_hand() -> None:
    # Row shares (¾, ¼) and (0, 1); weights 4/6 and 2/6.
    impure = 1 + (0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)
    assert disentanglement(np.array([[3.0, 1.0], [0.0, 2.0]])) == pytest.approx(4 / 6 * impure + 2 / 6)
    assert disentanglement(np.ones((3, 4))) == pytest.approx(0)
    assert math.isnan(disentanglement(np.zeros((2, 2))))


def test_information_of_a_table() -> None:
    entropy = np.array([1.0, 2.0])
    table = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 0.0]])
    normed = table / entropy
    assert mutual_information_gap(table, entropy) == pytest.approx((0.5 + 0.5) / 2)
    assert modularity(table, entropy) == pytest.approx(((1 + 0.5) / 2 - 0.5) / 0.5)
    shares = [normed[0, 0] / normed[:, 0].sum(), 1.0]
    assert compactness(table, entropy) == pytest.approx((np.mean(shares) - 1 / 3) / (1 - 1 / 3))
    assert math.isnan(modularity(np.zeros((2, 2)), entropy)) and math.isnan(compactness(table[:1], entropy))


@pytest.mark.parametrize(("estimate", "tolerance"), [(lambda z, f: by_neighbours(z, f, 0), 0.06), (by_bins, 0.12)])
def test_information_of_a_channel(estimate: Callable[[np.ndarray, np.ndarray], np.ndarray], tolerance: float) -> None:
    """A fair bit through Gaussian noise of sd 1 at ±1 carries 0.3367 nats (by quadrature)."""
    rng = np.random.default_rng(5)
    bit = rng.integers(2, size=(3000, 1))
    found = estimate(2.0 * bit - 1 + rng.normal(size=bit.shape), bit)[0, 0]
    grid = np.linspace(-12, 12, 4001)
    normal = np.exp(-((grid - 1) ** 2) / 2) / math.sqrt(2 * math.pi)
    truth = float((normal * (math.log(2) - np.log1p(np.exp(-2 * grid)))).sum() * (grid[1] - grid[0]))
    assert truth == pytest.approx(0.3367, abs=1e-3)
    assert found == pytest.approx(truth, abs=tolerance)
    assert entropies(bit)[0] == pytest.approx(math.log(2), abs=1e-3)


def test_aurocs_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(6)
    codes, attributes = rng.integers(5, size=(80, 3)).astype(float), rng.random((80, 2)) < 0.4
    expected = [[roc_auc_score(column, code) for code in codes.T] for column in attributes.T]
    np.testing.assert_allclose(aurocs(codes, attributes), expected, atol=1e-12)
    assert np.isnan(aurocs(codes, np.zeros((80, 1), dtype=bool))).all()


def test_tad_by_hand() -> None:
    """Two attributes count with a detector each; the copy of a third is redundant, and a fourth is not detected."""
    rng = np.random.default_rng(7)
    bits = rng.random((2000, 3)) < 0.5
    attributes = np.hstack([bits, bits[:, [2]], rng.random((2000, 1)) < 0.5])
    codes = np.hstack([bits, rng.normal(size=(2000, 1))]) * [1.0, -1.0, 1.0, 1.0]
    train = np.arange(2000) < 1000
    found = total_auroc_difference(codes, attributes, train)
    strength = np.abs(aurocs(codes[~train], attributes[~train]) - 0.5) + 0.5
    gap = strength.max(1) - np.sort(strength, 1)[:, -2]
    assert found.attributes == 2
    assert found.total == pytest.approx(gap[:2].sum(), abs=0.1)
    assert one_hot(np.array([[0, 1], [2, 1], [1, 1]])).sum() == 3


def test_the_vote_is_at_chance_if_a_code_collapsed() -> None:
    values = factors()
    assert math.isnan(factor_vae_score(np.zeros((N, 2)), values, np.random.default_rng(0)))
    one = np.hstack([values[:, [0]], np.zeros((N, 2))]).astype(float)
    assert factor_vae_score(one, values, np.random.default_rng(0)) < 0.5


def test_probes_tell_the_mean_from_a_noisy_code() -> None:
    values = factors()
    mean = np.eye(4)[values[:, 0]]
    noisy = mean + np.random.default_rng(3).normal(size=mean.shape) * 2
    clean, drowned = classify(mean, values[:, 0], TRAIN), classify(noisy, values[:, 0], TRAIN)
    assert clean.accuracy == 1 and clean.auroc == 1 and clean.explicitness > 0.9
    assert drowned.accuracy < 0.5 and drowned.auroc < 0.8 and drowned.explicitness < 0.2
    nothing = classify(np.random.default_rng(4).normal(size=(N, 2)), values[:, 0], TRAIN)
    assert nothing.accuracy == pytest.approx(nothing.chance, abs=0.08) and nothing.auroc == pytest.approx(0.5, abs=0.06)
    assert explained_variance(mean @ np.arange(4.0)[:, None], values[:, 0], TRAIN) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("held_out", "text"),
    [(3, "the value 3 of the attribute occurs among the held-out images only"), (0, "1 value.* among the training")],
)
def test_attributes_that_no_probe_can_be_fitted_to(held_out: int, text: str) -> None:
    factor = np.zeros(40, dtype=int)
    if held_out:
        factor[:10] = 1
        factor[35:] = held_out
    with pytest.raises(InputError, match=text):
        classify(np.zeros((40, 1)), factor, np.arange(40) < 30)


def test_errors_of_halves_are_those_of_a_mean() -> None:
    values = np.random.default_rng(8).exponential(size=400)
    found = with_errors(lambda rows: {"mean": values[rows].mean()}, 400, 400, np.random.default_rng(0))["mean"]
    assert found.value == values.mean()
    assert found.error == pytest.approx(values.std(ddof=1) / 20, rel=0.1)
