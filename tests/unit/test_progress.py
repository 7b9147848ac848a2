from __future__ import annotations

import sys
import time

import pytest

from infodecomp.runs import progress
from infodecomp.runs.progress import Progress


class Clock:
    """A clock that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_log_has_few_lines_with_rate_and_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("estimate_information", total=600, unit="images") as bar:
        for _ in range(300):
            clock.now += 0.25
            bar.advance(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "estimate_information: 240/600 images, 8 images/s, 0:00:45 left",
        "estimate_information: 480/600 images, 8 images/s, 0:00:15 left",
        "estimate_information: 600/600 images, 8 images/s, took 0:01:15",
    ]


def test_a_line_comes_also_while_one_unit_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("score_retrieval", total=3, unit="cases", every_seconds=0.02) as bar:
        bar.advance()
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("score_retrieval: 1/3 cases") for line in lines)
    assert [line.endswith("left") for line in lines] == [True] * (len(lines) - 1) + [False]


def test_terminal_rewrites_one_line(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = Progress("train", total=3, unit="steps")
    for _ in range(3):
        clock.now += 1.0
        bar.advance()
    bar.close()
    bar.close()
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and text.endswith("\n")
    assert text.count("\rtrain: ") == 4
    assert "train: 3/3 steps" in text.split("\r")[-1]


def test_work_that_stops_early_says_how_far_it_came(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), Progress("score", total=5000, unit="cases") as bar:
        bar.advance()
        clock.now += 3725
        raise RuntimeError
    assert capsys.readouterr().err == "score: 1/5000 cases, 0.000268 cases/s, took 1:02:05\n"


def test_nothing_to_do_divides_by_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    Progress("score", total=0, unit="cases").close()
    assert capsys.readouterr().err == "score: 0/0 cases, 0 cases/s, took 0:00:00\n"


def test_what_an_earlier_run_did_does_not_count_as_speed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("train", total=200, unit="steps", every_seconds=10, before=150) as bar:
        clock.now += 10
        bar.advance(20)
        clock.now += 5
        bar.advance(30)
    assert capsys.readouterr().err.splitlines() == [
        "train: 170/200 steps, 2 steps/s, 0:00:15 left",
        "train: 200/200 steps, 3.33 steps/s, took 0:00:15",
    ]
