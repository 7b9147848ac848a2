"""Whether peak memory grows with the number of cases or draws, and the disk space of a case.

    python benchmarks/memory.py [--few 100] [--many 1000] [--draws 6] [--json FILE]

Runs estimation, scoring and tabulation of localisation over few and over many cases of drawn scenes, each stage in a
separate process, with few draws and a tiny model with random weights and latents of 64x64, like Stable Diffusion's. The
files of a case are measured with the numbers of draws of config/paper.yaml (50, 100, 200) and with 100 alone. The noise of
2,400 draws of 16×128×128, 2.5 GB, is made and read through in batches of 16. Exits with 1 if the peak resident memory of a
stage grows by more than 5 %, if reading the noise takes 100 MB, or if a case takes more than 64 KiB with 100 draws.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

from infodecomp.config import Config, LocalisationSection
from infodecomp.datasets.cases import CASE_COLUMNS, read_cases
from infodecomp.runs.storage import write_table
from measuring import (
    Row,
    Target,
    argument_parser,
    logistic_information,
    model_arguments,
    python,
    report,
    scene_cases,
    scenes_below,
    settings,
    stage,
)

DISK_CASES = 4
# Latents of 1,024 pixels a side in an autoencoder of 16 channels.
NOISE_DRAWS, NOISE_SHAPE = 2400, (16, 128, 128)


def first_cases(folder: Path, count: int) -> Path:
    """A cases table of the first `count` cases."""
    path = folder / f"cases-{count}.parquet"
    write_table(path, read_cases(folder / "cases.parquet").head(count), CASE_COLUMNS)
    return path


def estimate(folder: Path, cases: int, steps: tuple[int, ...], name: str) -> tuple[object, ...]:
    """Arguments of estimate_information with the tiny model."""
    return (
        *model_arguments(
            first_cases(folder, cases),
            folder / "scenes/val2017",
            folder / name,
            settings("estimate_information", information=logistic_information(*steps)),
            model=str(folder / "tiny"),
        ),
        *("--threads", 1, "--batch-size", 16),
    )


def score(folder: Path, cases: int, name: str) -> tuple[object, ...]:
    """Arguments of score_localisation; there are no attention maps of inversion."""
    read = settings("score_localisation", "scenes", datasets=scenes_below(folder), localisation=localisation())
    return (
        *("--cases", folder / f"cases-{cases}.parquet", "--estimates", folder / name / "shard.parquet"),
        *("--maps-information", folder / name / "maps", "--maps-attention", folder / "none", "--seed", 0),
        *("--settings", read),
        *("--output", folder / name / "scores.parquet"),
    )


def tabulate(folder: Path, name: str) -> tuple[object, ...]:
    """Arguments of tabulate_localisation."""
    scores = f"scenes={folder / name / 'scores.parquet'}"
    section = ("--settings", settings("tabulate_localisation", localisation=localisation()), "--seed", 0)
    return ("--scores", scores, *section, "--output-dir", folder / name / "tables")


def localisation() -> LocalisationSection:
    """All methods with recorded maps."""
    section = Config().localisation
    methods = tuple(method for method in section.methods if method != "attention")
    return section.model_copy(update={"methods": methods})


def bytes_a_case(folder: Path, steps: tuple[int, ...]) -> float:
    """Size of the maps of a case, KiB."""
    name = "disk-" + "-".join(map(str, steps))
    stage("estimate_information", *estimate(folder, DISK_CASES, steps, name))
    files = list((folder / name / "maps").iterdir())
    return sum(file.stat().st_size for file in files) / len(files) / 1024


def noise_row() -> Row:
    """Peak memory of making and reading the noise of many draws, beyond that of a process which only imports, MB."""
    idle, reading = (python("benchmarks/read_noise.py", count, *NOISE_SHAPE).peak for count in (0, NOISE_DRAWS))
    whole = 4 * NOISE_DRAWS * math.prod(NOISE_SHAPE) / 1e6
    return {"draws": NOISE_DRAWS, "whole, MB": whole, "taken, MB": (reading - idle) * 2**20 / 1e6}


def main() -> int:
    """Measure memory over few and many cases and of noise, and files."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=6, help="draws of each case; six at least, for standard errors")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python("benchmarks/random_models.py", folder / "tiny")
        scene_cases(folder, options.many)
        peaks: dict[str, list[float]] = {}
        for count in (options.few, options.many):
            name = f"cases-{count}"
            stages = {
                "estimate_information": estimate(folder, count, (options.draws,), name),
                "score_localisation": score(folder, count, name),
                "tabulate_localisation": tabulate(folder, name),
            }
            for which, arguments in stages.items():
                peaks.setdefault(which, []).append(stage(which, *arguments).peak)
        noise = noise_row()
        disk = {steps: bytes_a_case(folder, steps) for steps in ((100,), (50, 100, 200))}
    rows: list[Row] = [
        {
            "stage": which,
            f"peak MiB, {options.few} cases": few,
            f"{options.many} cases": many,
            "growth, %": 100 * (many / few - 1),
        }
        for which, (few, many) in peaks.items()
    ]
    files: list[Row] = [
        {"numbers of draws": ", ".join(map(str, steps)), "KiB a case": size} for steps, size in disk.items()
    ]
    targets = [
        *(Target(f"growth of {row['stage']}, %", float(row["growth, %"]), 5) for row in rows),
        Target(f"MB to read the noise of {NOISE_DRAWS:,} draws", float(noise["taken, MB"]), 100),
        Target("KiB a case with maps at 100 draws", disk[(100,)], 64),
    ]
    tables = {"peak resident memory": rows, "noise of 16x128x128": [noise], "maps of 64x64 pixels": files}
    return report("memory", tables, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
