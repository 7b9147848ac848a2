"""What a study did with a disturbed file: the right tables, a sentence, or something that must not be."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from tests.workflow.integrity.cells import MIDWAY, Cell
from tests.workflow.integrity.changes import CHANGES, WITH_SIBLING
from tests.workflow.integrity.made_by import Making, record_of
from tests.workflow.integrity.references import References, Runner
from tests.workflow.integrity.slots import Slot
from tests.workflow.integrity.tables import Tables, differences, read_tables

RIGHT, TOLD, WRONG = "right", "told", "wrong"
# The same command, at most so often.
RUNS = 3
RECORD = ".provenance.json"
_NOTHING_RAN = "Nothing to be done"


@dataclass(frozen=True)
class Verdict:
    """kind: RIGHT (the tables at once), TOLD (a sentence first), WRONG. why: of WRONG. output: of all runs."""

    cell: Cell
    kind: str
    why: str
    output: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.cell} ({self.cell.file}, target {self.cell.target}): {self.why}"


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
        kind, why, output = WRONG, "", ""
        slot.restore()
        if cell.when == MIDWAY:
            self._unmake(cell, slot.folder)
        path = slot.folder / cell.file
        other = slot.folder / cell.other if cell.change in WITH_SIBLING and cell.other else cell.other
        CHANGES[cell.change](path, other, Random(cell.seed))
        left = path.read_bytes() if path.exists() else None
        expected = self._expected(cell, slot.folder)
        for number in range(RUNS):
            status, printed = self.run(slot.folder, cell.target)
            output += printed
            if "Traceback" in printed:
                why = "a traceback"
                break
            if status == 0:
                why = self._wrong(cell, slot.folder, expected, left, printed if number == 0 else "")
                kind = WRONG if why else TOLD if number else RIGHT
                break
            if not _names(printed, cell.file):
                why = "no sentence that names the file"
                break
            if cell.is_input:
                kind, why = TOLD, ""
                break
            why = f"still not right after {RUNS} runs"
        return Verdict(cell, kind, why, output, time.monotonic() - started)

    def _expected(self, cell: Cell, folder: Path) -> Tables | None:
        """The tables that a run must leave that ends well; None if none may."""
        if not cell.is_input or cell.change in ("delete", "touch"):
            return self.undisturbed
        changed = [cell.file, *([str(cell.other)] if cell.change in WITH_SIBLING else [])]
        return self.references.tables(folder, changed, cell.target)

    def _wrong(self, cell: Cell, folder: Path, expected: Tables | None, left: bytes | None, printed: str) -> str:
        """Why a run that ended well is wrong; "" if it is not."""
        if expected is None:
            return "exit status 0, where a fresh study with this input fails"
        asked = self._asked(cell)
        found = read_tables(folder)
        if cell.is_input:
            found = {name: content for name, content in found.items() if name in asked}
        different = differences(found, expected)
        missing = sorted(asked - found.keys())
        if different or missing:
            return f"exit status 0 with other tables: {different}, without: {missing}"
        if cell.change == "touch":
            return "" if cell.when == MIDWAY or not printed or _NOTHING_RAN in printed else "a new date ran jobs again"
        path = folder / cell.file
        made_again = path.exists() and path.read_bytes() != left
        # Of a record that is gone nobody knows, as long as nobody has to read what it was about.
        forgotten = cell.change == "delete" and cell.file.endswith(RECORD)
        return "" if cell.is_input or made_again or forgotten else "exit status 0, and the file is not made again"

    def _asked(self, cell: Cell) -> set[str]:
        """The tables that the command makes or reads."""
        job = self.making.maker(cell.target)
        assert job is not None, cell.target
        outputs = {name for one in self.making.above(job) for name in one.outputs}
        return {
            name
            for name in self.undisturbed
            if name in outputs or any(f"{one}/" in name for one in outputs if "." not in one)
        }

    def _unmake(self, cell: Cell, folder: Path) -> None:
        """Delete what was made from a file, as if the study had stopped before: of an input, after its first reader."""
        start = cell.file
        if cell.is_input:
            start = self.making.readers(cell.file)[0].outputs[0]
        below = self.making.below(start)
        for name in self.making.files:
            if self.making.maker(name) in below:
                (folder / name).unlink(missing_ok=True)
        for job in below:
            for output in job.outputs:
                record_of(folder, output).unlink(missing_ok=True)


def _names(printed: str, file: str) -> bool:
    """Whether a sentence says what is wrong and names the file, or its folder."""
    path = PurePosixPath(file)
    names = [name for name in (str(path), path.name, str(path.parent)) if name != "."]
    return any(any(name in line for name in names) for line in re.findall(r"^\s*error: .*$", printed, re.MULTILINE))
