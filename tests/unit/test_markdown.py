"""Tables for people: columns, formats and the examples of their docstrings."""

from __future__ import annotations

import doctest
from types import ModuleType

import numpy as np
import pytest

from infodecomp import methods
from infodecomp.maps import setting
from infodecomp.tables import markdown, text
from infodecomp.tables.markdown import lines, markdown_table, numbers, paragraphs, words
from infodecomp.tables.text import interval, or_missing, percent, percent_interval


@pytest.mark.parametrize("module", [markdown, text, methods, setting], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0


def test_columns_have_a_side_and_a_format() -> None:
    columns = [
        words("dataset"),
        words("name", "key", str.upper),
        numbers("n", "count"),
        numbers("range", lambda row: "0–1"),
    ]
    table = markdown_table(columns, [{"dataset": "a|b", "key": "cmi", "count": 3}])
    assert table == "| dataset | name | n | range |\n| :-- | :-- | --: | --: |\n| a\\|b | CMI | 3 | 0–1 |"
    assert markdown_table([words("a")], [{"a": "$1 to $2"}]).splitlines()[2] == r"| \$1 to \$2 |"
    assert markdown_table([words("a")], []) == "| a |\n| :-- |"


def test_what_is_missing_is_a_dash() -> None:
    assert [percent(np.nan), percent_interval(np.nan, np.nan), interval(np.nan, np.nan, 2), or_missing(0)] == ["–"] * 4


def test_pages_have_paragraphs_and_lines() -> None:
    assert paragraphs(lines("a.", "b."), "c") == "a.  \nb.\n\nc\n"
