"""Redundancy, unique information and synergy: identities, measures, errors."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.metrics.partial_information import ATOMS, Information, Redundancy, decompose, decompose_replicates

MEASURES: tuple[Redundancy, ...] = ("ppid", "min", "ccs")


@pytest.fixture
def maps() -> Information:
    rng = np.random.default_rng(0)
    return Information(*(rng.normal(size=(6, 5)) for _ in range(3)))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("surprisal", [(0.0, 0.0), (0.3, 1.4), (5.0, 0.1)])
def test_the_parts_make_up_the_whole(maps: Information, measure: Redundancy, surprisal: tuple[float, float]) -> None:
    atoms = decompose(maps, measure, surprisal)
    np.testing.assert_allclose(atoms.redundancy + atoms.unique_first, maps.first, rtol=0, atol=1e-14)
    np.testing.assert_allclose(atoms.redundancy + atoms.unique_second, maps.second, rtol=0, atol=1e-14)
    whole = atoms.redundancy + atoms.unique_first + atoms.unique_second + atoms.synergy
    np.testing.assert_allclose(whole, maps.both, rtol=0, atol=1e-14)


@pytest.mark.parametrize("measure", MEASURES)
def test_words_that_change_places_change_their_parts(maps: Information, measure: Redundancy) -> None:
    atoms = decompose(maps, measure, (0.3, 1.4))
    swapped = decompose(Information(maps.second, maps.first, maps.both), measure, (1.4, 0.3))
    np.testing.assert_allclose(swapped.redundancy, atoms.redundancy, atol=1e-14)
    np.testing.assert_allclose(swapped.unique_first, atoms.unique_second, atol=1e-14)
    np.testing.assert_allclose(swapped.synergy, atoms.synergy, atol=1e-14)


def test_equal_surprisals_share_what_the_one_word_tells_that_tells_more(maps: Information) -> None:
    for surprisal in ((0.0, 0.0), (2.5, 2.5)):
        atoms = decompose(maps, "ppid", surprisal)
        np.testing.assert_allclose(atoms.redundancy, np.maximum(maps.first, maps.second), atol=1e-14)


def test_a_much_commoner_word_is_all_redundant(maps: Information) -> None:
    """As published maps have it: nothing is unique to one of the words at any pixel."""
    atoms = decompose(maps, "ppid", (1.0, 20.0))
    np.testing.assert_allclose(atoms.redundancy, maps.first, atol=1e-12)
    np.testing.assert_allclose(atoms.unique_first, 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "both", "common"),
    [
        (2.0, 3.0, 4.0, 1.0),
        (-2.0, -3.0, -4.0, -1.0),
        (2.0, 3.0, 7.0, 0.0),  # together they tell more than one by one: no change is common
        (2.0, -3.0, -2.0, 0.0),
        (2.0, 3.0, -1.0, 0.0),
        (0.0, 3.0, 2.0, 0.0),
    ],
)
def test_changes_are_common_where_all_have_one_sign(first: float, second: float, both: float, common: float) -> None:
    atoms = decompose(Information(*map(np.array, (first, second, both))), "ccs")
    assert float(atoms.redundancy) == common


def test_the_error_of_a_mean_is_its_standard_error() -> None:
    """Where redundancy is one of the two values everywhere, everything is linear."""
    rng = np.random.default_rng(1)
    replicates = Information(rng.normal(5, 1, 6), rng.normal(1, 1, 6) - 30, rng.normal(9, 1, 6))
    value, error = decompose_replicates(replicates, lambda one: decompose(one, "ppid"))
    assert float(value.redundancy) == pytest.approx(replicates.first.mean())
    assert float(error.redundancy) == pytest.approx(replicates.first.std(ddof=1) / 6**0.5)
    synergy = replicates.both - replicates.second
    assert float(value.synergy) == pytest.approx(synergy.mean())
    assert float(error.synergy) == pytest.approx(synergy.std(ddof=1) / 6**0.5)
    assert float(error.unique_first) == pytest.approx(0.0, abs=1e-12)


def test_errors_cover_atoms_that_are_not_linear() -> None:
    """Near the kink of a minimum the error is what atoms of equal runs differ by, or a little more, never much less."""
    rng = np.random.default_rng(2)
    values, errors = [], []
    for _ in range(400):
        runs = Information(rng.normal(1.0, 1, 8), rng.normal(1.2, 1, 8), rng.normal(3.0, 1, 8))
        value, error = decompose_replicates(runs, lambda one: decompose(one, "min"))
        values.append([float(getattr(value, name)) for name in ATOMS])
        errors.append([float(getattr(error, name)) for name in ATOMS])
    ratio = np.sqrt(np.mean(np.square(errors), 0)) / np.std(values, 0)
    assert ((ratio > 0.85) & (ratio < 1.5)).all(), ratio


def test_a_statistic_may_sum_over_pixels() -> None:
    rng = np.random.default_rng(3)
    maps = Information(*(rng.normal(size=(4, 3, 3)) for _ in range(3)))
    value, error = decompose_replicates(maps, lambda one: decompose(one, "min").apply(lambda atom: atom.sum((-2, -1))))
    atoms = decompose(maps.apply(lambda one: one.mean(0)), "min")
    assert float(value.redundancy) == pytest.approx(atoms.redundancy.sum())
    assert error.redundancy.shape == () and float(error.redundancy) > 0
