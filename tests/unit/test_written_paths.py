"""What a run will write."""

from __future__ import annotations

from pathlib import Path

import pytest

from infodecomp.runs import written_paths as module
from infodecomp.runs.written_paths import records_problem, written_paths


def test_folders_of_outputs_and_of_maps_beside_them_and_logs(tmp_path: Path) -> None:
    results = tmp_path / "demo"
    for folder in ("tables", "report/data", "scenes/estimate_information/maps", "scenes/record_attention/maps"):
        (results / folder).mkdir(parents=True)
    outputs = [
        results / "tables" / "localisation.csv",
        results / "report",
        results / "scenes" / "cases.parquet",
        results / "scenes" / "estimate_information" / "shard-0000.parquet",
    ]
    log = results / "logs" / "a.log"
    found = written_paths(results, map(str, outputs), [str(log)])
    assert {str(path.relative_to(results)) for path in found} == {
        *(".", "tables", "report", "scenes", "logs/a.log"),
        *("scenes/estimate_information", "scenes/estimate_information/maps"),
    }


@pytest.mark.parametrize(
    ("arguments", "there", "refused"),
    [
        (["--cores", "2", "all"], True, True),
        (["--cores", "2", "all"], False, True),
        (["-n"], True, False),
        (["-n"], False, True),
        (["--cores", "2", "-np"], True, False),
        (["--dry-run"], True, False),
        (["--dryrun", "all"], True, False),
        (["--rerun-incomplete", "-s", "plan"], True, True),
        (["--lint"], False, False),
        (["--list-rules"], False, False),
    ],
)
def test_a_dry_run_needs_only_the_folder_of_records(
    arguments: list[str], there: bool, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "write_problem", lambda path: f"{path}: read-only")
    records = tmp_path / ".snakemake"
    if there:
        records.mkdir()
    assert (records_problem(records, arguments) is not None) == refused
