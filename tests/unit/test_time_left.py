"""The time that a run of the workflow still takes."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from infodecomp.runs import time_left
from infodecomp.runs.time_left import TimeLeft, spoken


def finished(left: TimeLeft, jobs: range, rule: str, start: float, seconds: float) -> None:
    """Run jobs of a rule one after the other."""
    for place, job in enumerate(jobs):
        left.start(job, rule, now=start + place * seconds)
        left.end(job, now=start + (place + 1) * seconds)


def test_jobs_take_what_those_of_their_rule_took() -> None:
    left = TimeLeft([*["draw"] * 10, *["estimate"] * 3])
    finished(left, range(9), "draw", 0, 1)
    finished(left, range(9, 10), "estimate", 9, 100)
    assert left.seconds(now=109) == pytest.approx(1 + 2 * 100)


def test_jobs_of_other_rules_take_the_mean_of_all() -> None:
    left = TimeLeft([*["draw"] * 6, "estimate"])
    finished(left, range(6), "draw", 0, 10)
    assert left.seconds(now=60) == pytest.approx(10)


def test_a_running_job_counts_for_the_rest_of_its_time() -> None:
    left = TimeLeft(["draw"] * 6)
    finished(left, range(5), "draw", 0, 10)
    left.start(5, "draw", now=50)
    assert left.seconds(now=54) == pytest.approx(6)
    assert left.seconds(now=70) == 0


def test_jobs_side_by_side() -> None:
    left = TimeLeft(["draw"] * 12)
    for job in range(6):
        left.start(job, "draw", now=10 * (job // 2))
        left.end(job, now=10 * (job // 2) + 10)
    assert left.seconds(now=30) == pytest.approx(30)


def test_too_few_jobs_say_nothing() -> None:
    left = TimeLeft(["draw"] * 100)
    assert left.seconds(now=0) is None
    finished(left, range(9), "draw", 0, 10)
    assert left.seconds(now=90) is None
    finished(left, range(9, 10), "draw", 90, 10)
    assert left.seconds(now=100) == pytest.approx(900)


def test_a_second_try_starts_anew() -> None:
    left = TimeLeft(["draw"] * 7)
    finished(left, range(5), "draw", 0, 10)
    left.start(5, "draw", now=50)
    left.start(5, "draw", now=80)
    left.end(5, now=90)
    assert left.done == 6
    assert left.seconds(now=90) == pytest.approx(10 * 90 / 60)


def test_it_is_printed_while_jobs_are_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Snakemake's logger says when jobs start and end; here a minute passes whenever anybody sleeps."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time_left.time, "monotonic", lambda: clock.now)
    left = TimeLeft(["draw"] * 10)
    handler = time_left._JobEvents(left)

    def log(event: str, **fields: object) -> None:
        record = logging.makeLogRecord({"event": SimpleNamespace(value=event), **fields})
        handler.handle(record)

    def sleep(seconds: float) -> None:
        job = left.done
        log("job_info", jobid=job, rule_name="draw")
        clock.now += seconds
        log("job_finished", job_id=job)

    monkeypatch.setattr(time_left.time, "sleep", sleep)
    time_left._announce(left)
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == "5 of 10 jobs done, about 5 min left"
    assert printed[-1] == "9 of 10 jobs done, about 60 s left"
    assert len(printed) == 5


def test_events_are_those_of_snakemake() -> None:
    from snakemake.logging import logger
    from snakemake_interface_logger_plugins.common import LogEvent

    assert (LogEvent.JOB_INFO.value, LogEvent.JOB_FINISHED.value) == ("job_info", "job_finished")
    assert logger.name == "snakemake.logging"


@pytest.mark.parametrize(
    ("seconds", "text"), [(42.4, "42 s"), (760, "13 min"), (5399, "1 h 30 min"), (12_000, "3 h 20 min")]
)
def test_times_as_people_say_them(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
