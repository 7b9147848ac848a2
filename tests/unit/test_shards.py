"""A shard of cases: what is done, what is pending, what failed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.datasets.cases import Case, cases_table, lost_case, make_case, read_cases, write_cases
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import Shard, shard_of
from infodecomp.runs.storage import read_arrays, read_table

COLUMNS = {
    "case_id": "string",
    "status": "string",
    "reason": "string",
    "key": "string",
    "evaluations": "int64",
    "total": "float64",
    "curve": "list<float64>",
}
IDENTITY = {"model": "abc", "section": {"steps": [4]}}


def case(image_id: str, word: str = "dog") -> Case:
    return make_case(
        dataset="d", image_id=image_id, image_path=f"{image_id}.png", caption="a dog and a cat", word=word, label=word
    )


def lost(image_id: str) -> Case:
    return lost_case(
        dataset="d",
        image_id=image_id,
        image_path=f"{image_id}.png",
        word="bus",
        label="bus",
        word_type="noun",
        status="word_not_in_caption",
        reason="it is not there.",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for image in ("1", "2", "3"):
        (tmp_path / "images" / f"{image}.png").write_bytes(image.encode())
    rows = [case("1"), case("2"), case("1", "cat"), lost("3"), case("3")]
    write_cases(tmp_path / "cases.parquet", cases_table(rows))
    return tmp_path


def open_shard(folder: Path, number: int = 0, shards: int = 1, **identity: object) -> Shard:
    return Shard.open(
        read_cases(folder / "cases.parquet"),
        number=number,
        shards=shards,
        images=folder / "images",
        maps=folder / "maps",
        identity={**IDENTITY, **identity},
    )


def arrays(value: float = 1.0) -> dict[str, np.ndarray]:
    return {"map": np.full((2, 3), value, dtype=np.float32), "evaluations": np.array(12)}


def row(content: dict[str, np.ndarray]) -> dict[str, object]:
    total = float(content["map"].sum())
    return {"evaluations": int(content["evaluations"]), "total": total, "curve": [total, 0.0]}


def finish(shard: Shard) -> list[str]:
    """Compute everything that is pending; the ids of what was computed."""
    computed = []
    for job in shard.pending():
        for pending in job.cases:
            shard.store(pending, arrays())
            computed.append(pending.case_id)
    return computed


def test_pending_cases_come_by_image_in_the_order_of_the_table(folder: Path) -> None:
    jobs = open_shard(folder).pending()
    assert [(job.image_id, job.image_path) for job in jobs] == [("1", "1.png"), ("2", "2.png"), ("3", "3.png")]
    assert [[c.word for c in job.cases] for job in jobs] == [["dog", "cat"], ["dog"], ["dog"]]


def test_a_stored_case_is_done_and_stays_so(folder: Path) -> None:
    shard = open_shard(folder)
    first, second = shard.pending()[0].cases
    shard.store(first, arrays())
    for state in (shard, open_shard(folder)):
        waiting = {job.image_id: [c.case_id for c in job.cases] for job in state.pending()}
        assert waiting["1"] == [second.case_id] and list(waiting) == ["2", "1", "3"]
    assert len(finish(open_shard(folder))) == 3
    assert open_shard(folder).pending() == []
    stored = read_arrays(folder / "maps" / f"{first.case_id}.npz")
    assert np.array_equal(stored["map"], arrays()["map"]) and stored["map"].dtype == np.float32


@pytest.mark.parametrize("change", [{"model": "abd"}, {"section": {"steps": [4, 8]}}, {"code": "new"}])
def test_another_identity_makes_cases_pending_again(folder: Path, change: dict[str, object]) -> None:
    finish(open_shard(folder))
    assert len(finish(open_shard(folder, **change))) == 4
    assert open_shard(folder, **change).pending() == []
    assert len(open_shard(folder).pending()) == 3  # and back again


def test_another_picture_makes_its_cases_pending_again(folder: Path) -> None:
    finish(open_shard(folder))
    (folder / "images" / "1.png").write_bytes(b"another")
    assert [job.image_id for job in open_shard(folder).pending()] == ["1"]


def test_what_determines_one_case_makes_that_case_pending_again(folder: Path) -> None:
    told = {case.case_id: "before" for case in open_shard(folder).cases.itertuples(index=False)}

    def reopened() -> Shard:
        return Shard.open(
            read_cases(folder / "cases.parquet"),
            number=0,
            shards=1,
            images=folder / "images",
            maps=folder / "maps",
            identity=IDENTITY,
            own=lambda case: told[case.case_id],
        )

    assert len(finish(reopened())) == 4 and reopened().pending() == []
    changed = reopened().cases["case_id"][1]
    told[changed] = "after"
    assert finish(reopened()) == [changed]


def test_the_order_of_keys_in_the_identity_does_not_matter(folder: Path) -> None:
    finish(open_shard(folder))
    shard = Shard.open(
        read_cases(folder / "cases.parquet"),
        number=0,
        shards=1,
        images=folder / "images",
        maps=folder / "maps",
        identity=dict(reversed(IDENTITY.items())),
    )
    assert shard.pending() == []


def test_shards_are_stable_and_even() -> None:
    assert [shard_of(image_id, 4) for image_id in ("397133", "139", "802")] == [3, 0, 1]
    counts = [0] * 4
    for number in range(4000):
        counts[shard_of(str(number), 4)] += 1
    assert min(counts) > 900


def test_shards_split_the_cases_by_image(folder: Path) -> None:
    parts = [open_shard(folder, number, 3).cases for number in range(3)]
    assert sum(map(len, parts)) == 5
    for number, part in enumerate(parts):
        assert all(shard_of(image, 3) == number for image in part["image_id"])
    together = pd.concat(parts)["case_id"]
    assert sorted(together) == sorted(open_shard(folder).cases["case_id"])


def test_keys_do_not_depend_on_the_number_of_shards(folder: Path) -> None:
    finish(open_shard(folder))
    assert all(open_shard(folder, number, 3).pending() == [] for number in range(3))


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_a_damaged_file_is_computed_again(folder: Path, kept: int, capsys: pytest.CaptureFixture[str]) -> None:
    finish(open_shard(folder))
    file = next((folder / "maps").glob("*.npz"))
    whole = file.read_bytes()
    file.write_bytes(whole[:kept])
    assert finish(open_shard(folder)) == [file.stem]
    assert "The case is computed again." in capsys.readouterr().out
    assert file.read_bytes() == whole


def test_lost_cases_are_carried_with_their_reason(folder: Path) -> None:
    shard = open_shard(folder)
    assert list(shard.failures.values()) == [("word_not_in_caption", "it is not there.")]
    finish(shard)
    summary = shard.write(folder / "shard.parquet", COLUMNS, row, 0.5)
    assert summary == "5 cases, 1 failed"
    table = read_table(folder / "shard.parquet", COLUMNS)
    assert table["case_id"].tolist() == shard.cases["case_id"].tolist()
    assert table["status"].tolist() == ["ok", "ok", "ok", "word_not_in_caption", "ok"]
    assert table["reason"].tolist() == ["", "", "", "it is not there.", ""]
    failed, done = table.iloc[3], table.iloc[0]
    assert failed["evaluations"] == 0 and np.isnan(failed["total"]) and list(failed["curve"]) == []
    assert failed["key"] == "" and len(done["key"]) == 32
    assert done["evaluations"] == 12 and done["total"] == 6 and list(done["curve"]) == [6, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_become_a_failure(folder: Path, bad: float) -> None:
    shard = open_shard(folder)
    (first, *_), *_ = (job.cases for job in shard.pending())
    shard.store(first, {**arrays(), "heat": np.array([0.0, bad])})
    assert shard.failures[first.case_id] == ("non_finite", "heat holds values that are not finite")
    assert not (folder / "maps" / f"{first.case_id}.npz").exists()
    assert first.case_id not in [c.case_id for job in shard.pending() for c in job.cases]
    # A failure of this run is no verdict for the next one.
    assert first.case_id in [c.case_id for job in open_shard(folder).pending() for c in job.cases]


def test_too_many_failures_fail_the_stage(folder: Path) -> None:
    shard = open_shard(folder)
    finish(shard)
    first = next(shard.cases.itertuples(index=False))
    shard.fail(first, "image_unreadable", "1.png cannot be read")
    with pytest.raises(InputError, match=r"^2 of 5 cases failed, more than max_failed_fraction allows \(1\)") as raised:
        shard.write(folder / "shard.parquet", COLUMNS, row, 0.2)
    assert "1.png cannot be read" in str(raised.value) and "it is not there" in str(raised.value)
    assert not (folder / "shard.parquet").exists()
    assert shard.write(folder / "shard.parquet", COLUMNS, row, 0.4) == "5 cases, 2 failed"


def test_the_allowed_number_is_rounded_up_and_zero_means_none(folder: Path) -> None:
    shard = open_shard(folder)
    finish(shard)
    assert shard.write(folder / "shard.parquet", COLUMNS, row, 0.01) == "5 cases, 1 failed"
    with pytest.raises(InputError, match=r"allows \(0\)"):
        shard.write(folder / "shard.parquet", COLUMNS, row, 0.0)


def test_an_empty_shard_is_written_too(folder: Path) -> None:
    empty = next(n for n in range(50) if open_shard(folder, n, 50).cases.empty)
    shard = open_shard(folder, empty, 50)
    assert shard.pending() == []
    assert shard.write(folder / "shard.parquet", COLUMNS, row, 0.0) == "0 cases, 0 failed"
    assert len(read_table(folder / "shard.parquet", COLUMNS)) == 0
