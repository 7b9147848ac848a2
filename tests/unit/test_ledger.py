"""Jobs compare what they read: with the record of its maker, and with each other."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.runs.errors import InputError
from infodecomp.runs.job_record import DamagedFile, read_record
from infodecomp.runs.ledger import checked, checked_sha256, current_ledger, job_ledger, kept, note_read
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import copy_file, read_arrays, read_table, write_arrays, write_table, write_text

COLUMNS = {"case_id": "string", "score": "float64"}
FRAME = pd.DataFrame({"case_id": ["a", "b"], "score": [0.25, 0.5]})
RESULTS = Path("results/demo")

Read = Callable[[Path], object]


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photo, a table made from it by one job, and arrays made from the table by another."""
    monkeypatch.chdir(tmp_path)
    Path("photo.txt").write_text("photo")
    with job_ledger({}):
        checked(Path("photo.txt"))
        write_table(RESULTS / "scenes/cases.parquet", FRAME, COLUMNS)
        write_provenance(RESULTS / "scenes/cases.provenance.json", stage="build_cases", section={})
    with job_ledger({}):
        read_table(RESULTS / "scenes/cases.parquet", COLUMNS)
        write_arrays(RESULTS / "scenes/estimate/maps/a.npz", {"cmi": np.ones((4, 4))})
        write_text(RESULTS / "scenes/estimate/shard-0000.csv", "case_id,nats\na,1.5\n")
        write_provenance(
            RESULTS / "scenes/estimate/shard-0000.provenance.json", stage="estimate_information", section={}
        )
    return tmp_path


FILES: dict[str, Read] = {
    "scenes/cases.parquet": lambda path: read_table(path, COLUMNS),
    "scenes/estimate/maps/a.npz": read_arrays,
    "scenes/estimate/shard-0000.csv": lambda path: checked(path).read_text(),
}


def test_what_fits_together_is_read_without_a_word() -> None:
    with job_ledger({}) as ledger:
        for name, read in FILES.items():
            read(RESULTS / name)
    assert sorted(Path(name).name for name in ledger.inputs) == ["a.npz", "cases.parquet", "shard-0000.csv"]


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_bit_is_seen_and_put_aside(name: str) -> None:
    path, rng = RESULTS / name, random.Random(0)
    whole = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with job_ledger({}), pytest.raises(DamagedFile, match="is damaged or was changed; run the same snakemake"):
            FILES[name](path)
        assert not path.exists() and path.with_name(f"{path.name}.damaged").read_bytes() == damaged
    path.write_bytes(whole)
    with job_ledger({}):
        FILES[name](path)


@pytest.mark.parametrize("name", FILES)
def test_outside_a_job_nothing_is_compared(name: str) -> None:
    path = RESULTS / name
    path.write_bytes(path.read_bytes() + b" ")
    assert current_ledger() is None
    checked(path)
    assert path.exists()


def test_a_result_made_from_an_earlier_table(study: Path) -> None:
    with job_ledger({}):
        checked(Path("photo.txt"))
        write_table(RESULTS / "scenes/cases.parquet", FRAME[:1], COLUMNS)
        write_provenance(RESULTS / "scenes/cases.provenance.json", stage="build_cases", section={})
    with job_ledger({}), pytest.raises(InputError) as caught:
        read_arrays(RESULTS / "scenes/estimate/maps/a.npz")
    assert str(caught.value) == (
        "results/demo/scenes/estimate/shard-0000.provenance.json: made from an earlier results/demo/scenes/cases.parquet, "
        "which build_cases has since written again; run the same snakemake command again, which makes it again."
    )


def test_two_results_of_two_photos() -> None:
    Path("photo.txt").write_text("another photo")
    with job_ledger({}):
        checked(Path("photo.txt"))
        write_text(RESULTS / "scenes/attention/shard-0000.csv", "case_id\na\n")
        write_provenance(RESULTS / "scenes/attention/shard-0000.provenance.json", stage="record_attention", section={})
    with job_ledger({}), pytest.raises(InputError) as caught:
        checked(RESULTS / "scenes/attention/shard-0000.csv")
        checked(RESULTS / "scenes/estimate/shard-0000.csv")
    assert str(caught.value).startswith("photo.txt: this file changed during the study: ")
    assert "scenes/cases.provenance.json" in str(caught.value) and "attention" in str(caught.value)


def test_a_photo_that_changes_while_a_job_reads_it() -> None:
    with job_ledger({}), pytest.raises(InputError, match=r"photo\.txt: this file changed during the study"):
        checked_sha256(Path("photo.txt"))
        Path("photo.txt").write_text("another photo")
        checked_sha256(Path("photo.txt"))


def test_a_missing_map_of_a_finished_case() -> None:
    (RESULTS / "scenes/estimate/maps/a.npz").unlink()
    with (
        job_ledger({}),
        pytest.raises(InputError, match=r"a\.npz: estimate_information wrote this file, and it is miss"),
    ):
        checked(RESULTS / "scenes/estimate/shard-0000.csv")


def test_a_damaged_record() -> None:
    path = RESULTS / "scenes/cases.provenance.json"
    path.write_text(path.read_text().replace('"stage": "build_cases"', '"stage": "build_casts"'))
    with job_ledger({}), pytest.raises(DamagedFile, match=r"cases\.provenance\.json: .* does not agree with its seal"):
        read_table(RESULTS / "scenes/cases.parquet", COLUMNS)


def test_files_without_a_record_are_only_noted() -> None:
    Path("other.provenance.json").write_text(json.dumps({"by": "someone else"}))
    with job_ledger({}) as ledger:
        checked(Path("photo.txt"))
        checked(Path("no-such-file"))
        note_read(Path("absent.png"), "")
    assert {Path(name).name: bool(digest) for name, digest in ledger.inputs.items()} == {
        "photo.txt": True,
        "absent.png": False,
    }


def test_what_a_job_writes_and_keeps_is_its_output() -> None:
    Path("old.png").write_text("kept")
    with job_ledger({}) as ledger:
        copy_file(Path("photo.txt"), Path("copy.txt"))
        kept(Path("old.png"))
        kept(Path("gone.png"))
        checked(Path("copy.txt"))  # its own output is not its input
    assert sorted(Path(name).name for name in ledger.outputs) == ["copy.txt", "old.png"]
    assert [Path(name).name for name in ledger.inputs] == ["photo.txt"]


def test_a_study_that_was_moved_still_fits_together(study: Path) -> None:
    (study / RESULTS).rename(study / "results/moved")
    with job_ledger({}):
        read_arrays(study / "results/moved/scenes/estimate/maps/a.npz")
    record = read_record(study / "results/moved/scenes/estimate/shard-0000.provenance.json")
    assert record is not None and [Path(name).exists() for name in record.inputs] == [True]
