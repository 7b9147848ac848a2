"""The start of a run finds by content what must be made again, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from infodecomp.runs.content_cache import ContentCache
from infodecomp.runs.job_record import JobRecord
from infodecomp.runs.ledger import checked, job_ledger, note_read
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text
from infodecomp.runs.study_check import Findings, check_study, renamed

ROOT = Path("results/demo")
CASES, SCORES, MAP = ROOT / "scenes/cases.csv", ROOT / "tables/scores.csv", ROOT / "scenes/maps/a.npz"
CASES_RECORD, SCORES_RECORD = ROOT / "scenes/cases.provenance.json", ROOT / "tables/scores.provenance.json"


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases made from a list and without a mask, and scores made from the cases."""
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_text("list")
    with job_ledger({"seed": "0"}):
        checked(Path("list.csv"))
        note_read(Path("mask.png"), "")
        write_text(CASES, "cases")
        write_text(MAP, "map")
        write_provenance(CASES_RECORD, stage="build_cases", section={})
    with job_ledger({"seed": "0"}):
        checked(CASES)
        write_text(SCORES, "scores")
        write_provenance(SCORES_RECORD, stage="tabulate_localisation", section={})


def check(seed: str = "0") -> Findings:
    def expected(_: JobRecord) -> Mapping[str, str] | None:
        return {"seed": seed}

    return check_study(ROOT, Path("data/scenes"), ContentCache(Path("cache.json")), expected)


def stages(found: Findings) -> set[str]:
    """The records whose jobs must run again."""
    return {name for name in found.remade if name.endswith(".json")}


def later(path: Path, seconds: float) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + int(seconds * 1e9)))


def test_an_undisturbed_study_is_left_alone() -> None:
    found = check()
    assert found.remade == set() and found.sentences() == []


@pytest.mark.parametrize("seconds", [-1e8, 0, 1e8])
def test_equal_content_with_another_date(seconds: float) -> None:
    for path in (Path("list.csv"), CASES, SCORES):
        path.write_bytes(path.read_bytes())
        later(path, seconds)
    assert check().remade == set()


@pytest.mark.parametrize("seconds", [-1e8, 0, 1e8])
def test_another_content_of_an_input_with_any_date(seconds: float) -> None:
    Path("list.csv").write_text("tsil")
    later(Path("list.csv"), seconds)
    found = check()
    assert stages(found) == {str(CASES_RECORD)}
    assert found.sentences() == ["list.csv: its content has changed; what was made from it is made again."]


@pytest.mark.parametrize(("path", "record"), [(CASES, CASES_RECORD), (MAP, CASES_RECORD), (SCORES, SCORES_RECORD)])
def test_a_result_that_is_not_what_was_written(path: Path, record: Path) -> None:
    path.write_text("other")
    found = check()
    assert found.damaged == {path: record} and stages(found) == {str(record)}
    assert renamed(path).endswith("it was renamed to " + path.name + ".damaged and is made again.")
    found = check()
    assert found.missing == {path: record} and stages(found) == {str(record)}


def test_a_result_made_from_what_its_maker_no_longer_has() -> None:
    with job_ledger({"seed": "0"}):
        checked(Path("list.csv"))
        write_text(CASES, "more cases")
        write_text(MAP, "map")
        write_provenance(CASES_RECORD, stage="build_cases", section={})
    assert stages(check()) == {str(SCORES_RECORD)}


def test_a_file_that_was_missing_and_has_come() -> None:
    Path("mask.png").write_text("mask")
    assert stages(check()) == {str(CASES_RECORD)}


def test_a_result_whose_record_is_gone() -> None:
    CASES_RECORD.unlink()
    found = check()
    assert str(CASES) in found.remade and not stages(found)
    assert found.sentences() == [f"{CASES}: the record of this result is missing; it is made again."]


def test_an_input_that_is_gone_is_left_to_the_job_that_reads_it() -> None:
    Path("list.csv").unlink()
    assert check().remade == set()


def test_a_study_restored_with_another_seed() -> None:
    found = check(seed="1")
    assert stages(found) == {str(CASES_RECORD), str(SCORES_RECORD)}
    assert "made with other settings, another seed or another model" in found.sentences()[0]


@pytest.mark.parametrize("content", [b"", b"{", b'{"seal": "0"}', b"\xff", None])
def test_a_damaged_record(content: bytes | None) -> None:
    whole = SCORES_RECORD.read_bytes()
    SCORES_RECORD.write_bytes(whole.replace(b'"0"', b'"1"') if content is None else content)
    assert check().damaged == {SCORES_RECORD: SCORES_RECORD}


def test_a_result_and_its_record_that_were_exchanged() -> None:
    """A result of JSON under the name of its record has no seal; whatever was read from it is gone."""
    CASES.rename("aside")
    CASES_RECORD.rename(CASES)
    CASES_RECORD.write_text('{"interval": [-6, 2]}')
    SCORES_RECORD.unlink()
    found = check()
    assert str(CASES_RECORD) in found.remade and set(found.damaged) == {CASES_RECORD}


def test_results_of_no_rule_are_none_of_its_business() -> None:
    SCORES.write_text("other")
    assert check_study(ROOT, Path("data/scenes"), ContentCache(Path("cache.json")), lambda _: None).remade == set()


def test_of_many_causes_a_few_are_shown() -> None:
    found = Findings(missing={Path(f"{number}.npz"): SCORES_RECORD for number in range(1200)})
    *shown, last = found.sentences()
    assert len(shown) == 5 and last == "… and 1,195 more: this result is missing; it is made again."


def test_only_what_changed_is_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (Path("list.csv"), CASES, SCORES, MAP):
        later(path, -10)
    monkeypatch.setattr("infodecomp.runs.content_cache._YOUNGEST_NS", -1)
    cache = ContentCache(Path("cache.json"))
    digests = {path: cache.sha256(str(path)) for path in (CASES, SCORES)}
    cache.save()
    hashed: list[Path] = []
    monkeypatch.setattr("infodecomp.runs.content_cache.file_sha256", lambda path: hashed.append(path) or "new")
    again = ContentCache(Path("cache.json"))
    assert {path: again.sha256(str(path)) for path in digests} == digests and hashed == []
    status = CASES.stat()
    CASES.write_text("sesac")  # as long as before
    os.utime(CASES, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert again.sha256(str(CASES)) == "new" and hashed == [CASES]


def test_a_file_of_this_moment_is_not_remembered() -> None:
    Path("young.csv").write_text("young")
    cache = ContentCache(Path("cache.json"))
    cache.sha256("young.csv")
    cache.save()
    assert not Path("cache.json").exists()


@pytest.mark.parametrize("content", ["", "[", "[]", '{"a": 1}', '{"a": ["x", 1, 1, 1, "d"]}', '{"a": [1, 2, "d"]}'])
def test_a_damaged_cache_counts_as_empty(content: str) -> None:
    Path("cache.json").write_text(content)
    assert ContentCache(Path("cache.json")).sha256(str(CASES)) is not None
