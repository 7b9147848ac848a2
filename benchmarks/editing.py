"""How many images a minute the editing study edits, all together against one walk at a time.

    python benchmarks/editing.py [--cases 48] [--steps 15] [--batch-size 64] [--rounds 2]

Draws scenes in a temporary folder and edits the same cases with the embedded model, on two threads, alternating between
batches of `batch-size` rows and batches of one row; the released code of the paper walks one image and caption at a time.
The estimator takes six draws only, so that the time is that of the flow. Loading the model is in both. Prints images per
minute of both and their ratio, the median over rounds; exits with 1 when it is below 2.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.config import Config, section_json
from pipeline.datasets.cases import read_cases

ROOT = Path(__file__).resolve().parents[1]


def stage(name: str, *arguments: object) -> float:
    """Run a stage as a rule does; seconds that it took."""
    started = time.monotonic()
    command = [sys.executable, "-m", "pipeline", name, *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def build(folder: Path, cases: int) -> Path:
    """The cases table of some embedded scenes."""
    scenes = Config().scenes.model_copy(update={"folder": str(folder / "scenes"), "count": 2 * cases})
    stage("draw_scenes", "--section", section_json(scenes), "--output-dir", folder / "scenes")
    dataset = Config().datasets["scenes"].model_copy(update={"root": str(folder / "scenes"), "first": cases})
    table = folder / "cases.parquet"
    stage("build_cases", "--dataset", "scenes", "--section", section_json(dataset), "--output", table)
    return table


def edit(folder: Path, cases: Path, steps: int, batch_size: int, name: str) -> float:
    """Edit all cases anew in batches of so many rows; seconds."""
    config = Config()
    output = folder / name / "shard.parquet"
    section = config.editing.model_copy(update={"steps": steps})
    information = config.information.model_copy(update={"steps": (6,)})
    return stage(
        "edit_images",
        *("--cases", cases, "--images", folder / "scenes/val2017", "--shard", 0, "--shards", 1),
        *("--section", section_json(section), "--information", section_json(information)),
        *("--model", section_json(config.model), "--seed", 0, "--max-failed-fraction", 0),
        *("--maps", output.parent / "edits", "--output", output, "--threads", 2, "--batch-size", batch_size),
    )


def main() -> int:
    """Compare the two, alternating; 1 when batches are less than twice as fast."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", type=int, default=48)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    sizes = (options.batch_size, 1)
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cases = build(folder, options.cases)
        images = read_cases(cases)["image_id"].nunique()
        for number in range(options.rounds):
            for size in sizes:
                taken = edit(folder, cases, options.steps, size, f"round-{number}-{size}")
                seconds[size].append(taken)
                print(f"round {number}: batches of {size}: {60 * images / taken:.1f} images a minute", flush=True)
    ratio = statistics.median(one / many for many, one in zip(*(seconds[size] for size in sizes), strict=True))
    print(f"batches of {options.batch_size} are {ratio:.2f} times as fast as one walk at a time")
    return int(ratio < 2)


if __name__ == "__main__":
    sys.exit(main())
