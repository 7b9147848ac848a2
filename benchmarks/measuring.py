"""Shared by the benchmarks: run stages, draw cases, alternate between ways, and report against targets."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from infodecomp.cli import STAGES
from infodecomp.config import (
    BudgetSection,
    Config,
    Dataset,
    InformationSection,
    ModelSection,
    ScenesSection,
    section_json,
    settings_of,
)

ROOT = Path(__file__).resolve().parents[1]

# Notes of the model libraries, which read this when they are imported, would stand between the results.
for _name in ("TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
    os.environ.setdefault(_name, "error")

Row = Mapping[str, Any]
Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Target:
    """A bound, lower or upper, on a measured value."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return bool(self.value >= self.limit if self.at_least else self.value <= self.limit)

    def __str__(self) -> str:
        bound, verdict = "at least" if self.at_least else "at most", "met" if self.met else "MISSED"
        return f"{verdict:6}  {self.name}: {self.value:.4g}, {bound} {self.limit:g}"


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Arguments that every benchmark takes; the caller adds others."""
    parser = argparse.ArgumentParser(description=description.split("\n\n")[0])
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="also write the results to this file")
    return parser


def report(name: str, tables: Mapping[str, Sequence[Row]], targets: Sequence[Target], path: Path | None) -> int:
    """Print machine, tables and targets, write them as JSON to `path`, if any; 1 if a target is missed, else 0."""
    print(f"\n{name}: {', '.join(str(value) for value in machine().values())}", flush=True)
    for title, rows in tables.items():
        print("", title, "", table(rows), sep="\n")
    print("", *targets, sep="\n", flush=True)
    if path is not None:
        verdicts = [{**asdict(target), "met": target.met} for target in targets]
        content = {"benchmark": name, "machine": machine(), "tables": tables, "targets": verdicts}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return int(not all(target.met for target in targets))


def table(rows: Sequence[Row]) -> str:
    """Rows with the same keys as a Markdown table, numbers with four digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def machine() -> dict[str, Any]:
    """The computer, without its name."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": f"{os.cpu_count()} cores",
        "python": f"Python {platform.python_version()}",
        "torch": f"torch {version('torch')}",
    }


def alternating(ways: Mapping[str, Callable[[], Measured]], rounds: int) -> dict[str, list[Measured]]:
    """Measure every way once a round, one after the other, so that other load on the machine affects all alike."""
    measured: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(way())
    return measured


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median over rounds of the ratio of two ways."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


@dataclass(frozen=True)
class Child:
    """A process that has ended: seconds by the clock, processor seconds of it and its own children, peak MiB, output."""

    seconds: float
    cpu_seconds: float
    peak: float
    output: str


def python(*arguments: object, folder: Path = ROOT, environment: Mapping[str, str] | None = None) -> Child:
    """Run this interpreter in a folder. Raises RuntimeError with the end of its output if it fails."""
    command = [sys.executable, *map(str, arguments)]
    started = time.monotonic()
    child = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert child.stdout is not None
    with child.stdout:
        output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{output[-2000:]}")
    return Child(
        seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        output=output,
    )


def stage(name: str, *arguments: object) -> Child:
    """Run a stage in a separate process, as a rule does."""
    return python("-m", "infodecomp", "run", name, *arguments)


def stage_here(name: str, *arguments: object) -> float:
    """Run a stage in this process, where it can be inspected; returns seconds."""
    module = importlib.import_module(STAGES[name])
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    with _inside(ROOT):
        started = time.monotonic()
        module.run(parser.parse_args([str(argument) for argument in arguments]))
        return time.monotonic() - started


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def logistic_information(*steps: int) -> InformationSection:
    """The study's estimator at these numbers of draws, with the logistic density, which needs no pilot."""
    return InformationSection(budget=BudgetSection(steps=steps))


def settings(stage: str, name: str | None = None, **sections: Any) -> str:
    """What a stage reads of the embedded study with some sections of its own; name: of the dataset it works on."""
    return section_json(settings_of(stage, Config(**sections), name))


def scenes_below(folder: Path, **changes: object) -> dict[str, Dataset]:
    """The dataset of embedded scenes in a folder."""
    return {"scenes": Config().datasets["scenes"].model_copy(update={"root": str(folder / "scenes"), **changes})}


def scene_cases(folder: Path, cases: int) -> Path:
    """The cases table of `cases` words of embedded scenes drawn below `folder`; the images are in scenes/val2017."""
    scenes = ScenesSection(folder=str(folder / "scenes"), count=2 * cases)
    stage("draw_scenes", "--settings", settings("draw_scenes", scenes=scenes), "--output-dir", folder / "scenes")
    read = settings("build_cases", "scenes", datasets=scenes_below(folder, first=cases))
    path = folder / "cases.parquet"
    stage("build_cases", "--dataset", "scenes", "--settings", read, "--output", path)
    return path


def model_arguments(
    cases: Path, images: Path, output: Path, read: str, *, model: str | None = None
) -> tuple[object, ...]:
    """Arguments of a stage that runs the model over all cases in one shard, as its rule would give them.

    read: what the stage reads of the configuration. output: a new folder, for the shard's table and maps. model: folder of
    a pipeline, in place of the embedded one.
    """
    chosen = ModelSection() if model is None else ModelSection(id=model)
    return (
        *("--cases", cases, "--images", images, "--shard", 0, "--shards", 1, "--settings", read),
        *("--model", section_json(chosen), "--seed", 0, "--max-failed-fraction", 0, "--device", "cpu"),
        *("--maps", output / "maps", "--output", output / "shard.parquet"),
    )
