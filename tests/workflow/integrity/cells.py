"""The table of disturbances: every file of a finished study × what happens to it × when, drawn evenly over the stages."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from tests.workflow.integrity.changes import CHANGES, FROM_SISTER, WITH_SIBLING
from tests.workflow.integrity.made_by import Job, Making

AFTER, MIDWAY = "after", "midway"


@dataclass(frozen=True)
class Cell:
    """One disturbance.

    stage: the rule that made the file, or the first folder of an input. file, other: what is changed, and with what: a
    file of the working folder, or of the sister's. target: what the command asks for. when: after the whole study, or
    before what is made from the file. jobs: those that may run again.
    """

    stage: str
    file: str
    change: str
    when: str
    target: str
    other: Path | None
    is_input: bool
    jobs: int
    seed: int

    def __str__(self) -> str:
        folder = "maps-" if PurePosixPath(self.file).parent.name in ("maps", "parts", "edits", "latents") else ""
        kind = f"{folder}{PurePosixPath(self.file).suffix.removeprefix('.') or 'file'}"
        return f"{self.stage}/{kind}/{self.change}/{self.when}"


def all_cells(
    folder: Path, making: Making, sisters: Sequence[Path], seed: int, most_jobs: int | None
) -> Iterator[Cell]:
    """Every cell of a finished study, each with a random target among those that are made from its file.

    folder: where it ran. sisters: working folders of studies of the same shape; the first that has other content under
    the name of a file gives what replaces it. most_jobs: targets that take more jobs are left out where there are others;
    None: targets are tables of any cost, and the page, which takes every job.
    """
    for file in making.files:
        rng = random.Random(f"{seed} {file}")
        maker = making.maker(file)
        stage = maker.rule if maker else input_kind(file)
        targets = _targets(making, file, most_jobs)
        for change in CHANGES:
            other = _other(change, folder, file, making, sisters, rng)
            if (change in (*FROM_SISTER, *WITH_SIBLING) and other is None) or _does_nothing(change, folder / file):
                continue
            for when in (AFTER, MIDWAY):
                target, jobs = rng.choice(targets)
                if when == MIDWAY and jobs < 2 and maker:
                    continue
                yield Cell(stage, file, change, when, target, other, maker is None, jobs, rng.randrange(1 << 30))


def spread(cells: Sequence[Cell], count: int, seed: int) -> list[Cell]:
    """As many cells as asked for: stage by stage in turn, each change and each kind of file as often as any other."""
    rng = random.Random(seed)
    shuffled = sorted(rng.sample(list(cells), len(cells)), key=lambda cell: cell.stage)
    waiting = {stage: list(group) for stage, group in groupby(shuffled, key=lambda cell: cell.stage)}
    chosen: list[Cell] = []
    used: dict[tuple[str, ...], int] = {}
    while len(chosen) < count and any(waiting.values()):
        for stage in sorted(stage for stage, left in waiting.items() if left):
            best = min(waiting[stage], key=lambda cell: _used(used, cell))
            waiting[stage].remove(best)
            chosen.append(best)
            for key in _keys(best):
                used[key] = used.get(key, 0) + 1
    return chosen[:count]


def input_kind(file: str) -> str:
    """What a user's file is part of: its first folder, or its own name."""
    parts = PurePosixPath(file).parts
    return (
        parts[-2]
        if parts[0] == "data" and len(parts) > 3
        else PurePosixPath(parts[-1] if parts[0] == "data" else parts[0]).stem
    )


def _keys(cell: Cell) -> list[tuple[str, ...]]:
    return [
        (cell.stage, cell.change),
        (cell.stage, PurePosixPath(cell.file).suffix),
        (cell.change, cell.when),
        (cell.file,),
    ]


def _used(used: Mapping[tuple[str, ...], int], cell: Cell) -> tuple[int, ...]:
    return tuple(used.get(key, 0) for key in _keys(cell))


def _targets(making: Making, file: str, most_jobs: int | None) -> list[tuple[str, int]]:
    """What a command may ask for, made from a file, and the number of jobs on the way."""
    maker, below = making.maker(file), making.below(file)
    also = ("draw_explanations", *(["write_report"] if most_jobs is None else []))
    ends = [job for job in below if job.rule in also or any("/tables/" in name for name in job.outputs)]
    ends = ends or below or ([maker] if maker else [])
    found = [(_named(job), len(making.above(job) & {*below, *([maker] if maker else [])})) for job in ends]
    if most_jobs is None:
        return found
    if not maker:
        # What is right is known only from a fresh run, so that all jobs count.
        return [min(found, key=lambda target: len(making.above(making.made(target[0]))))]
    cheap = [target for target in found if target[1] <= most_jobs]
    return cheap or [min(found, key=lambda target: target[1])]


def _named(job: Job) -> str:
    return next((name for name in job.outputs if name.endswith(".csv")), job.outputs[0])


def _other(
    change: str, folder: Path, file: str, making: Making, sisters: Sequence[Path], rng: random.Random
) -> Path | None:
    """The file that replaces one, or changes places with it; None if there is none of other content."""
    content = (folder / file).read_bytes()
    if change in FROM_SISTER:
        found = [sister / file for sister in sisters if (sister / file).is_file()]
    elif change in WITH_SIBLING:
        path = PurePosixPath(file)
        beside = [PurePosixPath(name) for name in making.files if PurePosixPath(name).parent == path.parent]
        found = [Path(name) for name in beside if name.suffix == path.suffix and name != path]
        rng.shuffle(found)
        return next((name for name in found if (folder / name).read_bytes() != content), None)
    else:
        return None
    return next((other for other in found if other.read_bytes() != content), None)


def _does_nothing(change: str, path: Path) -> bool:
    return path.stat().st_size == 0 and change in ("empty", "truncate", "flip", "flip_undated")
