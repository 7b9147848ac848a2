"""Two explanations of one caption side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from infodecomp.explaining.comparison import compare
from infodecomp.explaining.explanation import Explanation
from infodecomp.runs.errors import InputError
from tests.unit.explained import explained


def by_model(explanation: Explanation, model: str, **settings: Any) -> Explanation:
    return replace(explanation, settings={**explanation.settings, "model": model, **settings})


def test_words_of_both_are_compared() -> None:
    """Those of one alone are left out; maps of other grids are compared on the finer one."""
    first, second = by_model(explained(), "org/small"), by_model(explained(grid=16), "a/big/")
    second = replace(second, words=second.words[:0:-1])
    found = compare(first, second)
    assert found.labels == ("small", "big")
    table = found.table()
    assert table["word"].tolist() == ["blue", "dog", "below", "a", "brown", "robot"]
    assert table["occurrence"].tolist() == [0, 0, 0, 1, 0, 0]
    assert np.allclose(table["difference"], 0, atol=1e-6) and (table["rho"] > 0.99).all()
    dog = table.iloc[1]
    assert dog["first"] == first["dog"].cmi.total and dog["difference_error"] == pytest.approx(0.3 * 2**0.5)
    standard = found.table("mi", "standard")
    assert standard["first"][1] == first["dog"].quantities["mi", "standard"].total
    assert found.table("attention")[["first", "difference"]].isna().all(axis=None)


def test_different_maps_have_low_correlations() -> None:
    first = explained()
    shifted = replace(first["dog"].cmi, map=np.roll(first["dog"].cmi.map, 4, axis=0), total=5.0)
    dog = replace(first["dog"], quantities={("cmi", "orthogonal"): shifted})
    found = compare(first, replace(first, words=(dog,)), labels=("before", "after")).table()
    assert found["difference"].tolist() == [5.0 - first["dog"].cmi.total] and found["rho"][0] < 0.5


def test_a_word_without_numbers_has_none() -> None:
    found = compare(explained(failed=["dog"]), by_model(explained(), "other"))
    assert found.table().set_index("word").loc["dog", ["first", "difference", "rho"]].isna().all()
    assert len(found.plot(words=["dog", "robot"]).axes) == 2 + 2 * 3 + 1


def test_what_cannot_be_compared_is_a_sentence() -> None:
    first = explained()
    for second, labels, sentence in (
        (explained("a cat"), None, "the captions .* differ"),
        (replace(first, words=()), ("a", "b"), "no word in common"),
        (first, None, "the labels are .*; expected two that differ"),
    ):
        with pytest.raises(InputError, match=sentence):
            compare(first, second, labels)
    assert compare(first, by_model(first, "tiny", seed=1)).labels == ("tiny, seed 0", "tiny, seed 1")


def test_both_are_drawn_on_one_scale() -> None:
    first = explained("one two three four five six seven eight")
    found = compare(first, by_model(first, "other"))
    figure = found.plot()
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[:6] == titles[6:] and titles[0].startswith("three") and titles[5].startswith("eight 8.0")
    scales = {axes.images[0].norm for axes in figure.axes if axes.get_title()}
    assert len(scales) == 1
    finer = compare(first, by_model(explained(first.caption, grid=16), "other")).plot()
    one, other = (np.asarray(axes.images[0].get_array()) for axes in finer.axes if axes.get_title().startswith("eight"))
    assert other.max() == pytest.approx(one.max(), rel=0.2), "nats per cell of the finer grid"
    assert len(found.plot(words=["two"], method="attention").axes) == 2 + 2 * 2 + 1
    with pytest.raises(InputError, match="the word 'nine' is not in both explanations"):
        found.plot(words=["nine"])
