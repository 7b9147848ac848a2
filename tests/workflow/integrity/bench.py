"""The undisturbed study, its sisters, the slots in which cells run, and a run of many cells, two at a time."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.workflow.integrity.cells import Cell, all_cells
from tests.workflow.integrity.forked import ForkServer
from tests.workflow.integrity.inputs import write_inputs
from tests.workflow.integrity.made_by import Making
from tests.workflow.integrity.references import References
from tests.workflow.integrity.slots import Slot
from tests.workflow.integrity.study import TINY, command, write_config
from tests.workflow.integrity.tables import read_tables
from tests.workflow.integrity.verdict import Judge, Verdict
from tests.workflow.study import working_copy

# Seconds after which a run counts as one that never ends, on a machine that many share.
PATIENCE = 600
SLOTS = 2


@dataclass(frozen=True)
class Bench:
    """A finished study, and what is needed to disturb it.

    folder: where it ran, never changed. sisters: studies of the same shape, with another seed and with other inputs.
    """

    server: ForkServer
    checkout: Path
    folder: Path
    sisters: tuple[Path, ...]
    making: Making
    judge: Judge
    slots: tuple[Slot, ...]

    def cells(self, seed: int, most_jobs: int | None) -> list[Cell]:
        """Every cell of the study; see `all_cells`."""
        return list(all_cells(self.folder, self.making, self.sisters, seed, most_jobs))

    def run_all(self, cells: Sequence[Cell], seen: Callable[[Verdict], None] = lambda verdict: None) -> list[Verdict]:
        """Judge cells, as many at a time as there are slots, in the order of the cells; `seen` is called with each."""
        free: queue.Queue[Slot] = queue.Queue()
        for slot in self.slots:
            free.put(slot)

        def judge(cell: Cell) -> Verdict:
            slot = free.get()
            try:
                verdict = self.judge.judge(cell, slot)
            finally:
                free.put(slot)
            seen(verdict)
            return verdict

        with ThreadPoolExecutor(len(self.slots)) as pool:
            return list(pool.map(judge, cells))

    def run(self, folder: Path, *targets: str) -> tuple[int, str]:
        """Run the study, or what a command asks for, in a working folder: exit status, and what it prints."""
        return self.server.run(command(self.checkout, *targets), folder, PATIENCE)


@contextmanager
def opened(repository: Path, room: Path) -> Iterator[Bench]:
    """Run the study and its sisters, and lay out the slots, in a folder with a short path."""
    checkout = room / "checkout"
    checkout.mkdir(parents=True)
    working_copy(repository, checkout)
    with ForkServer(repository, checkout, room / "server") as server, ThreadPoolExecutor(SLOTS) as pool:

        def run(folder: Path, *targets: str) -> tuple[int, str]:
            return server.run(command(checkout, *targets), folder, PATIENCE)

        def finished(folder: Path, *targets: str) -> Path:
            status, printed = run(folder, *targets)
            assert status == 0, printed
            return folder

        inputs, folder, seeded, other = (room / name for name in ("inputs", "study", "seeded", "other"))
        write_inputs(repository, inputs, seed=0)
        write_inputs(repository, other, seed=1)
        write_config(inputs)
        described = {**TINY["representation"], "images": {**TINY["representation"]["images"], "seed": 1}}
        write_config(other, scenes={**TINY["scenes"], "seed": 1}, representation=described)
        for copy in (folder, seeded):
            shutil.copytree(inputs, copy)
        write_config(seeded, seed=1)
        list(pool.map(finished, (folder, seeded)))
        making = Making.of(folder)
        finished(other, *sorted(_made_alike(making, folder, seeded)))
        slots = list(pool.map(lambda number: _slot(folder, room / f"slot{number}", run), range(SLOTS)))
        judge = Judge(read_tables(folder), making, References(inputs, room / "references", run), run)
        yield Bench(server, checkout, folder, (seeded, other), making, judge, tuple(slots))


def _slot(folder: Path, copy: Path, run: Callable[[Path], tuple[int, str]]) -> Slot:
    """A copy of the finished study that has started once since, and so knows its files by their inodes."""
    shutil.copytree(folder, copy)
    time.sleep(2.5)  # younger files are looked at again whatever their dates
    status, printed = run(copy)
    assert status == 0 and "Nothing to be done" in printed, printed
    return Slot(copy, copy.with_name(f"{copy.name}.kept"))


def _made_alike(making: Making, folder: Path, sister: Path) -> set[str]:
    """Outputs of the jobs whose results do not depend on the seed, so that a sister must have other inputs."""
    alike = set()
    for job in making.jobs:
        files = [name for name in job.outputs if (folder / name).is_file() and not name.endswith(".provenance.json")]
        if files and all((folder / name).read_bytes() == (sister / name).read_bytes() for name in files):
            alike.add(files[0])
    return alike


def real_python(checkout: Path, folder: Path, target: str) -> tuple[int, str]:
    """The same command as `Bench.run`, without the server."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", *command(checkout, target)],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(checkout / "pipeline")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
