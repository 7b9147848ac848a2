"""How long a run of the workflow will still take, said once a minute from the jobs that it has finished."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable

# Estimates before are guesses.
_FEWEST_JOBS = 5
_EVERY_SECONDS = 60.0


class TimeLeft:
    """Jobs of a run by rule, and how long those that ended took.

    >>> left = TimeLeft(["estimate"] * 20)
    >>> for job in range(5):
    ...     left.start(job, "estimate", now=10.0 * job)
    ...     left.end(job, now=10.0 * job + 10)
    >>> round(left.seconds(now=50.0))
    150
    """

    def __init__(self, rules: Iterable[str]) -> None:
        """`rules`: the rule of every job that will run."""
        self._waiting = Counter(rules)
        self.total = self._waiting.total()
        self._running: dict[object, tuple[str, float]] = {}
        self._took: dict[str, list[float]] = defaultdict(list)
        self._started: float | None = None

    @property
    def done(self) -> int:
        """Number of jobs that ended."""
        return sum(map(len, self._took.values()))

    def start(self, job: object, rule: str, now: float) -> None:
        """Note that a job has started; a second try starts anew."""
        self._started = now if self._started is None else self._started
        if job not in self._running:
            self._waiting[rule] -= 1
        self._running[job] = (rule, now)

    def end(self, job: object, now: float) -> None:
        """Note that a job has ended."""
        if job in self._running:
            rule, since = self._running.pop(job)
            self._took[rule].append(now - since)

    def seconds(self, now: float) -> float | None:
        """Seconds that the rest takes; None while too few jobs have ended to say.

        A job takes what jobs of its rule took on average, or all jobs if none of its rule has ended; as many run at once as
        have until now.
        """
        if self._started is None or self.done < max(_FEWEST_JOBS, self.total / 10) or now <= self._started:
            return None
        ran = sum(map(sum, self._took.values()))
        typical = ran / self.done
        mean = {rule: sum(times) / len(times) for rule, times in self._took.items()}
        work = sum(max(count, 0) * mean.get(rule, typical) for rule, count in self._waiting.items())
        running = [(mean.get(rule, typical), now - since) for rule, since in self._running.values()]
        work += sum(max(whole - so_far, 0.0) for whole, so_far in running)
        at_once = (ran + sum(so_far for _, so_far in running)) / (now - self._started)
        return work / max(at_once, 1e-9)


class _JobEvents(logging.Handler):
    """Hears from Snakemake's logger when jobs start and end."""

    def __init__(self, left: TimeLeft) -> None:
        super().__init__(logging.INFO)
        self._left = left

    def emit(self, record: logging.LogRecord) -> None:
        event, now = getattr(getattr(record, "event", None), "value", None), time.monotonic()
        if event == "job_info":
            self._left.start(record.jobid, record.rule_name, now)  # type: ignore[attr-defined]
        elif event == "job_finished":
            self._left.end(record.job_id, now)  # type: ignore[attr-defined]


def announce_time_left(rules: Iterable[str]) -> None:
    """Print every minute, from now on, how long the jobs of this run of Snakemake will still take.

    rules: the rule of every job that will run.
    """
    left = TimeLeft(rules)
    logging.getLogger("snakemake.logging").addHandler(_JobEvents(left))
    threading.Thread(target=_announce, args=(left,), daemon=True).start()


def _announce(left: TimeLeft) -> None:
    while left.done < left.total:
        time.sleep(_EVERY_SECONDS)
        seconds = left.seconds(time.monotonic())
        if seconds is not None and left.done < left.total:
            print(f"{left.done} of {left.total} jobs done, about {spoken(seconds)} left", file=sys.stderr, flush=True)


def spoken(seconds: float) -> str:
    """A length of time in two units at most.

    >>> spoken(42), spoken(760), spoken(12_000)
    ('42 s', '13 min', '3 h 20 min')
    """
    if seconds < 100:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
