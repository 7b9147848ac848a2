from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.runs.damaged_files import damaged_files, is_damaged_npz, is_damaged_table, put_aside_damaged_files
from infodecomp.runs.storage import write_arrays, write_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "scenes" / "estimate_information" / "shard-0000.parquet"
    write_table(path, pd.DataFrame({"a": [1, 2, 3]}), {"a": "int64"})
    return path


def test_a_whole_table_stays(table: Path, tmp_path: Path) -> None:
    assert put_aside_damaged_files(tmp_path) == []
    assert table.is_file()


@pytest.mark.parametrize("kept", [0, 3, 11, 12, 0.5, 0.99])
def test_a_table_without_its_end_is_put_aside(table: Path, tmp_path: Path, kept: float) -> None:
    content = table.read_bytes()
    table.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    assert is_damaged_table(table)
    (sentence,) = put_aside_damaged_files(tmp_path)
    assert str(table) in sentence and "shard-0000.parquet.damaged" in sentence
    assert [path.name for path in table.parent.iterdir()] == ["shard-0000.parquet.damaged"]
    assert put_aside_damaged_files(tmp_path) == []


def test_cases_and_tables_of_the_study_are_looked_at_too(table: Path, tmp_path: Path) -> None:
    for name in ("scenes/cases.parquet", "tables/localisation.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"PAR1 and then nothing")
    assert len(put_aside_damaged_files(tmp_path)) == 2


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A stage with two shards of two cases, whose arrays lie beside the tables."""
    stage = tmp_path / "scenes" / "estimate_information"
    for number, cases in enumerate((["a", "b"], ["c", "d"])):
        write_table(stage / f"shard-000{number}.parquet", pd.DataFrame({"case_id": cases}), {"case_id": "string"})
        for case in cases:
            write_arrays(stage / "maps" / f"{case}.npz", {"heat": np.ones((4, 4)), "key": np.array("k")})
    return stage


def test_whole_arrays_stay(shards: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert put_aside_damaged_files(tmp_path) == []
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kept", [0, 21, 0.5, 0.99])
def test_arrays_without_their_end_go_with_the_table_of_their_shard(shards: Path, tmp_path: Path, kept: float) -> None:
    arrays = shards / "maps" / "c.npz"
    content = arrays.read_bytes()
    arrays.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    assert is_damaged_npz(arrays)
    (sentence,) = put_aside_damaged_files(tmp_path)
    assert str(arrays) in sentence and "c.npz.damaged" in sentence
    assert [path.name for path in shards.glob("*.parquet")] == ["shard-0000.parquet"]
    assert sorted(path.name for path in (shards / "maps").iterdir()) == ["a.npz", "b.npz", "c.npz.damaged", "d.npz"]
    assert put_aside_damaged_files(tmp_path) == []


def test_arrays_whose_middle_is_missing(shards: Path, tmp_path: Path) -> None:
    arrays = shards / "maps" / "a.npz"
    content = arrays.read_bytes()
    arrays.write_bytes(content[:100] + content[140:])
    assert len(put_aside_damaged_files(tmp_path)) == 1
    assert not (shards / "shard-0000.parquet").exists()


def test_arrays_that_are_an_output_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "scenes" / "dissect_caption" / "maps.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK")
    assert len(put_aside_damaged_files(tmp_path)) == 1
    assert not path.exists() and not is_damaged_npz(path)


def test_looking_for_damage_changes_nothing(shards: Path, tmp_path: Path) -> None:
    """What must be made again: a table; arrays, and the table of their shard."""
    table, arrays, cases = shards / "shard-0000.parquet", shards / "maps" / "c.npz", tmp_path / "scenes/cases.parquet"
    for path in (table, arrays, cases):
        path.write_bytes(b"PK")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert damaged_files(tmp_path) == {
        **{path: [str(path)] for path in (cases, table)},
        arrays: [str(arrays), str(shards / "shard-0001.parquet")],
    }
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_study_that_has_not_begun_has_none(tmp_path: Path) -> None:
    assert put_aside_damaged_files(tmp_path / "none") == []
    assert not is_damaged_table(tmp_path / "none.parquet")
