from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.maps.rounding import rounded_map
from infodecomp.runs import storage
from infodecomp.runs.errors import InputError

COLUMNS = {
    "name": "string",
    "count": "int64",
    "value": "float64",
    "good": "bool",
    "curve": "list<float64>",
    "texts": "list<string>",
}


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "curve": [[0.5, 1.0], []],
            "texts": [("a dog", ""), np.array(["een café"], dtype=object)],
            "name": ["zebra", ""],
            "count": [1, -2],
            "value": [np.nan, 2.5],
            "good": [True, False],
        }
    )


def test_table_returns_as_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.parquet"
    storage.write_table(path, frame(), COLUMNS)
    read = storage.read_table(path, COLUMNS)
    assert list(read.columns) == list(COLUMNS)
    assert read["name"].tolist() == ["zebra", ""]
    assert read["count"].tolist() == [1, -2]
    assert np.isnan(read["value"][0]) and read["value"][1] == 2.5
    assert read["good"].tolist() == [True, False]
    assert [list(curve) for curve in read["curve"]] == [[0.5, 1.0], []]
    assert [list(texts) for texts in read["texts"]] == [["a dog", ""], ["een café"]]
    assert [file.name for file in path.parent.iterdir()] == ["table.parquet"]


def test_nan_stays_a_number_and_is_not_a_missing_value(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "table.parquet"
    storage.write_table(path, frame(), COLUMNS)
    assert pq.read_table(path)["value"].null_count == 0


def test_table_without_rows_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    storage.write_table(path, pd.DataFrame({name: [] for name in COLUMNS}), COLUMNS)
    assert len(storage.read_table(path, COLUMNS)) == 0


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("name", ["zebra", None]),
        ("name", ["zebra", 3]),
        ("count", [1, 2.5]),
        ("count", [True, False]),
        ("value", ["1", "2"]),
        ("value", [True, False]),
        ("good", [0, 1]),
        ("curve", [[1.0], "ab"]),
        ("curve", [[1.0], 2.0]),
        ("curve", [[1.0], ["a"]]),
        ("curve", [[1.0], None]),
        ("texts", [["a"], "ab"]),
        ("texts", [["a"], ["b", None]]),
        ("texts", [["a"], [1]]),
        ("texts", [["a"], None]),
    ],
)
def test_wrong_content_names_file_and_column(tmp_path: Path, column: str, values: list[object]) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(InputError, match=rf"table\.parquet: column `{column}`"):
        storage.write_table(path, frame().assign(**{column: pd.Series(values, dtype=object)}), COLUMNS)
    assert list(tmp_path.iterdir()) == []


def test_lists_of_texts_and_of_numbers_are_not_mixed_up(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(InputError, match=r"column `texts`, row 1 holds \['a', 2\]; expected a list of texts"):
        storage.write_table(path, frame().assign(texts=[[], ["a", 2]]), COLUMNS)
    storage.write_table(path, frame().assign(texts=[[], []]), COLUMNS)
    assert [len(texts) for texts in storage.read_table(path, COLUMNS)["texts"]] == [0, 0]
    with pytest.raises(InputError, match=r"column `texts` has type .*; expected list<float64>"):
        storage.read_table(path, {**COLUMNS, "texts": "list<float64>"})


def test_missing_and_extra_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(InputError, match=r"lacks `good` and has the unknown `god`"):
        storage.write_table(path, frame().rename(columns={"good": "god"}), COLUMNS)
    storage.write_table(path, frame(), COLUMNS)
    with pytest.raises(InputError, match=r"table\.parquet: the table lacks `label`"):
        storage.read_table(path, {**COLUMNS, "label": "string"})
    with pytest.raises(InputError, match="column `count` has type int64; expected float64"):
        storage.read_table(path, {**COLUMNS, "count": "float64"})


def test_a_table_is_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    path, columns = tmp_path / "a=b" / "table.parquet", {"number": "int64", "list": "list<float64>"}
    rows = pd.DataFrame({"number": range(10), "list": [[float(row)] * row for row in range(10)]})
    storage.write_table_rows(path, [rows[:3], rows[3:]], columns)
    frames = list(storage.read_table_rows(path, columns, 4))
    assert max(map(len, frames)) == 4
    read = pd.concat(frames, ignore_index=True)
    assert read["number"].tolist() == rows["number"].tolist()
    assert [list(values) for values in read["list"]] == rows["list"].tolist()
    with pytest.raises(InputError, match="lacks `word`"):
        next(storage.read_table_rows(path, {**columns, "word": "string"}, 4))


def test_unreadable_tables_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        storage.read_table(tmp_path / "none.parquet", COLUMNS)
    (tmp_path / "text.parquet").write_text("not a table")
    with pytest.raises(InputError, match="not a readable Parquet table"):
        storage.read_table(tmp_path / "text.parquet", COLUMNS)


def test_arrays_return_as_written_whatever_their_keys(tmp_path: Path) -> None:
    arrays = {
        "mi/orthogonal/100": np.arange(6, dtype=np.float32).reshape(2, 3),
        "attention/-/50": np.zeros((0, 4), np.float64),
        "word": np.array("zebra"),
    }
    path = tmp_path / "deep" / "maps.npz"
    storage.write_arrays(path, arrays)
    read = storage.read_arrays(path)
    assert set(read) == set(arrays)
    for key, array in arrays.items():
        assert read[key].dtype == array.dtype and np.array_equal(read[key], array)


def test_equal_arrays_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = np.ones((2, 2), np.float32), np.arange(3)
    storage.write_arrays(tmp_path / "a.npz", {"one": one, "two": two})
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    storage.write_arrays(tmp_path / "b.npz", {"two": two.copy(), "one": one.copy()})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="array `bad` holds Python objects"):
        storage.write_arrays(tmp_path / "a.npz", {"bad": np.array([{}, None], dtype=object)})
    assert list(tmp_path.iterdir()) == []
    np.savez(tmp_path / "pickled.npz", bad=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="not a readable npz"):
        storage.read_arrays(tmp_path / "pickled.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
def test_damaged_arrays_are_input_errors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "maps.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"maps\.npz"):
        storage.read_arrays(tmp_path / "maps.npz")


def test_a_damaged_byte_is_seen_or_changes_nothing(tmp_path: Path) -> None:
    """Whichever byte of a file with small and large arrays it is, and wherever the file is cut off."""
    draw = np.random.default_rng(0).standard_normal
    arrays = {"map": draw((40, 40)).astype(np.float32), "curve": draw(20), "total": np.array(1.5), "key": np.array("k")}
    path = tmp_path / "case.npz"
    storage.write_arrays(path, arrays)
    whole, seen = path.read_bytes(), 0
    damaged = [whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :] for place in range(0, len(whole), 29)]
    for content in [*damaged, *(whole[:end] for end in range(0, len(whole), 499))]:
        path.write_bytes(content)
        try:
            read = storage.read_arrays(path)
        except InputError:
            seen += 1
        else:
            assert set(read) == set(arrays) and all(np.array_equal(read[key], arrays[key]) for key in arrays)
    assert seen > 200


def test_a_case_with_maps_of_64x64_pixels_takes_less_than_64_kib(tmp_path: Path) -> None:
    """Five maps of skewed and of signed noise and the curves of 100 draws, read by NumPy alone, value by value."""
    draw = np.random.default_rng(0).standard_normal
    skewed, signed = np.exp(draw((3, 64, 64))), draw((2, 64, 64)) * np.exp(0.5 * draw((2, 64, 64)))
    arrays = {f"map/{place}": rounded_map(heat) for place, heat in enumerate([*skewed, *signed])}
    arrays |= {f"curve_{place}": draw(100) for place in range(5)} | {f"total_{place}": draw() for place in range(12)}
    storage.write_arrays(tmp_path / "case.npz", arrays)
    assert (tmp_path / "case.npz").stat().st_size <= 64 * 1024
    with np.load(tmp_path / "case.npz", allow_pickle=False) as read:
        assert set(read.files) == set(arrays) and all(np.array_equal(read[key], arrays[key]) for key in arrays)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    storage.write_text(path, "old\n")

    def interrupted() -> None:
        with storage.atomic_path(path) as temporary:
            assert temporary.parent == path.parent and temporary.suffix == ".md"
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]
