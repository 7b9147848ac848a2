from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.damaged_tables import is_damaged, put_aside_damaged_tables
from pipeline.storage import write_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "scenes" / "estimate_information" / "shard-0000.parquet"
    write_table(path, pd.DataFrame({"a": [1, 2, 3]}), {"a": "int64"})
    return path


def test_a_whole_table_stays(table: Path, tmp_path: Path) -> None:
    assert put_aside_damaged_tables(tmp_path) == []
    assert table.is_file()


@pytest.mark.parametrize("kept", [0, 3, 11, 12, 0.5, 0.99])
def test_a_table_without_its_end_is_put_aside(table: Path, tmp_path: Path, kept: float) -> None:
    content = table.read_bytes()
    table.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    assert is_damaged(table)
    (sentence,) = put_aside_damaged_tables(tmp_path)
    assert str(table) in sentence and "shard-0000.parquet.damaged" in sentence
    assert [path.name for path in table.parent.iterdir()] == ["shard-0000.parquet.damaged"]
    assert put_aside_damaged_tables(tmp_path) == []


def test_cases_and_tables_of_the_study_are_looked_at_too(table: Path, tmp_path: Path) -> None:
    for name in ("scenes/cases.parquet", "tables/localisation.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"PAR1 and then nothing")
    assert len(put_aside_damaged_tables(tmp_path)) == 2


def test_a_study_that_has_not_begun_has_none(tmp_path: Path) -> None:
    assert put_aside_damaged_tables(tmp_path / "none") == []
    assert not is_damaged(tmp_path / "none.parquet")
