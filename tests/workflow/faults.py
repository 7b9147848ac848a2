"""A run of Snakemake in the background, to be disturbed, and what must come out of it all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import yaml

from tests.workflow.study import Study

# The table at the end of the localisation chain.
TABLE = "results/tiny/tables/localisation.csv"
CHAIN = ("localisation.csv", "localisation_by_label.csv", "localisation_curves.csv", "localisation.md")

PATIENCE = 300  # seconds


class Background:
    """Snakemake on a study, in a session of its own as a terminal would give it; killed at the end of the context."""

    def __init__(self, study: Study, *arguments: str) -> None:
        (study.folder / "tiny.yaml").write_text(yaml.safe_dump(dict(study.base)), encoding="utf-8")
        self.study, self._log = study, study.folder / "background.log"
        command = ["snakemake", "--cores", "2", *arguments, "--configfile", "tiny.yaml"]
        inherited = {name: value for name, value in os.environ.items() if name not in ("COCO_ROOT", "PYTHONPATH")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=study.folder,
                env={**inherited, "PATH": path},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell that runs tests in the background has told its children to ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill_all()

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def status(self) -> int | None:
        return self.process.poll()

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit status."""
        return self.process.wait(seconds)

    def until(self, happened: Callable[[], bool]) -> bool:
        """Wait until something has happened, or the run has ended; whether it happened first."""
        deadline = time.monotonic() + PATIENCE
        while not happened():
            if self.status is not None:
                return False
            assert time.monotonic() < deadline, self.output
            time.sleep(0.01)
        return True

    def kill(self) -> None:
        """kill −9 of Snakemake alone: what it had started goes on by itself."""
        self.process.kill()
        self.process.wait()

    def kill_all(self) -> None:
        """kill −9 of Snakemake and of everything that it started, as at a power cut."""
        try:
            family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            family = []
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()

    def worker(self, stage: str) -> psutil.Process | None:
        """The process that runs a stage, if there is one."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                command = process.cmdline()
            except psutil.Error:
                continue
            if command[1:5] == ["-m", "infodecomp", "run", stage]:
                return process
        return None


def maps_of(study: Study) -> list[Path]:
    """The maps of the estimates that are there."""
    folder = study.results / "scenes" / "estimate_information" / "maps"
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))


def without_estimates(study: Study) -> Study:
    """A finished study without its estimates and what was made of them."""
    for path in [*maps_of(study), *(study.results / "scenes" / "estimate_information").glob("shard-*")]:
        path.unlink()
    return without_scores(study)


def without_scores(study: Study) -> Study:
    """A finished study without its scores and tables."""
    for path in [
        *(study.results / "scenes" / "score_localisation").glob("scores.*"),
        *(study.results / "tables").glob("localisation*"),
    ]:
        path.unlink()
    return study


def assert_same_tables(study: Study, undisturbed: Study, without: str | None = None) -> None:
    """Byte for byte, and no file that is half written lies about.

    without: a method that the study leaves out; then the rows of all others are compared, in the tables for programs.
    """
    for name in CHAIN:
        ours, theirs = ((one.results / "tables" / name).read_bytes() for one in (study, undisturbed))
        if without is None:
            assert ours == theirs
        elif name.endswith(".csv"):
            rows = [line for line in theirs.splitlines() if f",{without},".encode() not in line]
            assert ours.splitlines() == rows and len(rows) < len(theirs.splitlines())
    assert [path.name for path in maps_of(study)] == [path.name for path in maps_of(undisturbed)]
