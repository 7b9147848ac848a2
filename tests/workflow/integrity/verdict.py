"""What a study did with a disturbed file: the right tables, a sentence, or something that must not be."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from tests.workflow.integrity.cells import MIDWAY, Cell
from tests.workflow.integrity.changes import CHANGES, FROM_SISTER, WITH_SIBLING
from tests.workflow.integrity.made_by import Making, record_of
from tests.workflow.integrity.references import References, Runner
from tests.workflow.integrity.slots import Slot
from tests.workflow.integrity.tables import Tables, differences, read_tables

RIGHT, TOLD, WRONG = "right", "told", "wrong"
# The same command, at most so often.
RUNS = 3
_NOTHING_RAN = "Nothing to be done"
_RECORD = ".provenance.json"


@dataclass(frozen=True)
class Verdict:
    """kind: RIGHT (the tables at once), TOLD (a sentence first), WRONG. why: of WRONG. output: of all runs."""

    cell: Cell
    kind: str
    why: str
    output: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.cell} ({self.cell.file}, then {self.cell.target}) {self.why}".rstrip()


@dataclass(frozen=True)
class Judge:
    """Runs cells of one finished study.

    undisturbed: its tables. making: who made its files. references: fresh runs with other inputs.
    """

    undisturbed: Tables
    making: Making
    references: References
    run: Runner

    def judge(self, cell: Cell, slot: Slot) -> Verdict:
        """Disturb a slot as the cell says, and give the same command again until the tables are right, three times."""
        started = time.monotonic()
        slot.restore()
        left = self._disturb(cell, slot.folder)
        printed: list[str] = []
        kind, why = WRONG, f"still not right after {RUNS} runs"
        for number in range(RUNS):
            status, output = self.run(slot.folder, cell.target)
            printed.append(output)
            found = self._end(cell, slot.folder, status, output)
            if found is None:
                continue
            kind, why = found
            if kind == RIGHT and not why:
                kind, why = (TOLD if number else RIGHT), self._left_over(cell, slot.folder, left, printed)
            kind = WRONG if why else kind
            break
        return Verdict(cell, kind, why, "\n".join(printed), time.monotonic() - started)

    def _disturb(self, cell: Cell, folder: Path) -> bytes | None:
        """What is in the file then; None without it, and for another record that says the same."""
        if cell.when == MIDWAY:
            self.unmake(cell, folder)
        path = folder / cell.file
        other = folder / cell.other if cell.change in WITH_SIBLING and cell.other else cell.other
        before = path.read_bytes() if path.exists() else b""
        CHANGES[cell.change](path, other, Random(cell.seed))
        left = path.read_bytes() if path.exists() else None
        replaced = cell.change in FROM_SISTER and cell.file.endswith(_RECORD)
        return None if left and replaced and _say_the_same(before, left) else left

    def _end(self, cell: Cell, folder: Path, status: int, printed: str) -> tuple[str, str] | None:
        """The verdict of one run, and why it is wrong; None if the same command must be given again."""
        if "Traceback" in printed:
            return WRONG, "a traceback"
        if status == 0:
            return RIGHT, self._wrong_tables(cell, folder)
        sentences = re.findall(r"^\s*error: .*$", printed, re.MULTILINE)
        if not sentences:
            return WRONG, "no sentence that says why"
        # An input that cannot be used is the user's to mend.
        if cell.is_input and (any(_names(one, cell.file) for one in sentences) or self._expected(cell, folder) is None):
            return TOLD, ""
        return None

    def _expected(self, cell: Cell, folder: Path) -> Tables | None:
        """The tables that a run must leave that ends well; None if none may."""
        if not cell.is_input or cell.change in ("delete", "touch"):
            return self.undisturbed
        changed = [cell.file, *([str(cell.other)] if cell.change in WITH_SIBLING else [])]
        return self.references.tables(folder, changed, cell.target)

    def _wrong_tables(self, cell: Cell, folder: Path) -> str:
        """What is wrong with the tables after a run that ended well; "" if nothing is."""
        expected = self._expected(cell, folder)
        if expected is None:
            return "exit status 0, where a fresh study with this input fails"
        asked, found = self._asked(cell), read_tables(folder)
        if cell.is_input:
            found = {name: content for name, content in found.items() if name in asked}
        different, missing = differences(found, expected), sorted(asked - found.keys())
        return f"exit status 0 with other tables: {different}, without: {missing}" if different or missing else ""

    def _left_over(self, cell: Cell, folder: Path, left: bytes | None, printed: list[str]) -> str:
        """What is wrong besides the tables: a result that is still as it was left, or jobs that ran for a new date."""
        if cell.change == "touch":
            idle = cell.when == MIDWAY or _NOTHING_RAN in printed[0]
            return "" if idle else "a new date ran jobs again"
        # Nobody misses a record before what it is about is read, and records of shards say the same under other names.
        harmless = cell.change in ("delete", "swap") and cell.file.endswith(_RECORD)
        path = folder / cell.file
        if cell.is_input or harmless or (path.exists() and path.read_bytes() != left):
            return ""
        return "exit status 0, and the file is not made again"

    def _asked(self, cell: Cell) -> set[str]:
        """The tables that the command makes or reads."""
        outputs = {name for job in self.making.above(self.making.made(cell.target)) for name in job.outputs}
        return {
            name for name in self.undisturbed if not outputs.isdisjoint((name, *map(str, PurePosixPath(name).parents)))
        }

    def unmake(self, cell: Cell, folder: Path) -> None:
        """Delete what was made from a file, as if the study had stopped before: of an input, after its first reader."""
        start = self.making.readers(cell.file)[0].outputs[0] if cell.is_input else cell.file
        below = self.making.below(start)
        for name in self.making.files:
            if self.making.maker(name) in below:
                (folder / name).unlink(missing_ok=True)
        for job in below:
            for output in job.outputs:
                record_of(folder, output).unlink(missing_ok=True)
                if (folder / output).is_dir():
                    shutil.rmtree(folder / output)


def _names(sentence: str, file: str) -> bool:
    """Whether a sentence names a file, or its folder."""
    path = PurePosixPath(file)
    return any(name in sentence for name in (str(path), path.name, str(path.parent)) if name != ".")


def _say_the_same(one: bytes, other: bytes) -> bool:
    """Whether two records are of the same arguments and files: of a job that nothing of what differs reaches."""
    records = [json.loads(content) for content in (one, other)]
    return all(records[0][key] == records[1][key] for key in ("arguments", "inputs", "outputs"))
