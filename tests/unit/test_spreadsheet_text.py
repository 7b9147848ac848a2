"""CSV files that a spreadsheet shows and does not run, and that are read as they were written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.tables.checked_csv import read_checked_csv
from infodecomp.tables.csv_columns import read_csv_columns
from infodecomp.tables.spreadsheet_text import meant, read_shown_csv, shown
from infodecomp.tables.text import csv_text

FORMULAS = [
    "=1+1",
    "+1",
    "-12",
    "-2+3+cmd|' /C calc'!A0",
    "@home",
    "@SUM(1;2)",
    '=HYPERLINK("http://example.org";"click")',
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "-a dog",
]
PLAIN = [
    "a dog",
    "a=b",
    "1-2",
    "'s",
    "'",
    "''",
    "don't",
    "-",
    "=",
    "–",
    "i^o",
    "é",
    "5",
    "null",
    "NA",
    "nan",
    "12e5",
    " =1",
]
TEXTS = [*FORMULAS, *PLAIN, *(f"'{text}" for text in FORMULAS), *(f"''{text}" for text in FORMULAS)]


@pytest.mark.parametrize("text", TEXTS)
def test_there_and_back(text: str) -> None:
    assert meant(shown(text)) == text
    assert (shown(text) == text) == (text in PLAIN)
    assert shown(text)[0] not in "=+-@\t\r\n＝＋－＠" or len(text) == 1


def test_a_table_there_and_back(tmp_path: Path) -> None:
    numbers = np.linspace(-1.5, 2.5, len(TEXTS))
    frame = pd.DataFrame({"dataset": "-d", "word": TEXTS, "r": numbers, "n": range(-1, len(TEXTS) - 1), "flag": True})
    frame.loc[3, "r"] = np.nan
    path = tmp_path / "words.csv"
    path.write_text(csv_text(frame), encoding="utf-8", newline="")
    found = read_shown_csv(path, dtype={"word": str})
    assert found["word"].tolist() == TEXTS and set(found["dataset"]) == {"-d"}
    numbers[3] = np.nan
    assert found["r"].to_numpy() == pytest.approx(numbers, rel=1e-5, nan_ok=True)
    assert found["n"].tolist() == list(range(-1, len(TEXTS) - 1))
    assert read_csv_columns(path, ["word", "r"])["word"].tolist() == TEXTS
    assert read_checked_csv(path, {"word": "text"}, key=["word"])["word"].tolist() == TEXTS


def test_what_a_spreadsheet_reads() -> None:
    """No cell begins as a formula but numbers, which stay numbers; everything else of the file is as it was."""
    frame = pd.DataFrame({"word": TEXTS, "r": -0.123456789, "n": -3, "mixed": 0.0}).astype({"mixed": object})
    frame.loc[:2, "mixed"] = [-1.5, "-x", None]
    rows = list(csv.DictReader(io.StringIO(csv_text(frame), newline="")))
    assert [row["word"] for row in rows] == [shown(text) for text in TEXTS]
    assert {(row["r"], row["n"]) for row in rows} == {("-0.123457", "-3")}
    assert [row["mixed"] for row in rows[:3]] == ["-1.5", "'-x", ""]
    plain = pd.DataFrame({"word": PLAIN, "r": -0.5, "missing": np.nan, "flag": [True, False] * (len(PLAIN) // 2)})
    assert csv_text(plain) == plain.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def test_the_frame_itself_stays() -> None:
    frame = pd.DataFrame({"word": ["=1"], "kind": pd.Categorical(["@a"])})
    assert csv_text(frame) == "word,kind\n'=1,'@a\n"
    assert frame["word"].tolist() == ["=1"] and frame["kind"].tolist() == ["@a"]
