"""How many images per minute the editing study edits, in batches and one at a time.

    python benchmarks/editing.py [--cases 48] [--steps 15] [--batch-size 64] [--rounds 2] [--json FILE]

Draws scenes in a temporary folder and edits the same cases with the embedded model, on one thread, alternating between
batches of `batch-size` rows and batches of one row; the code released with the paper edits one image and caption at a time.
The estimator uses only six draws, so the time is mainly that of the flow. Both include loading the model. Prints images per
minute of CPU time and their ratio, the median over rounds; exits with 1 if it is below 2.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from infodecomp.config import EditingSection, FlowSection
from infodecomp.datasets.cases import read_cases
from measuring import (
    Target,
    alternating,
    argument_parser,
    logistic_information,
    median_ratio,
    model_arguments,
    report,
    scene_cases,
    settings,
    stage,
)


def edit(folder: Path, cases: Path, steps: int, batch_size: int) -> float:
    """CPU seconds to edit all cases from scratch in batches of `batch_size` rows."""
    editing = EditingSection(flow=FlowSection(steps=steps))
    read = settings("edit_images", editing=editing, information=editing.estimator(logistic_information(6)))
    with tempfile.TemporaryDirectory(dir=folder) as output:
        return stage(
            "edit_images",
            *model_arguments(cases, folder / "scenes/val2017", Path(output), read),
            *("--threads", 1, "--batch-size", batch_size),
        ).cpu_seconds


def main() -> int:
    """Compare the two, alternating; 1 if batches are less than twice as fast."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--cases", type=int, default=48)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    sizes = (options.batch_size, 1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cases = scene_cases(folder, options.cases)
        images = read_cases(cases)["image_id"].nunique()
        ways = {str(size): partial(edit, folder, cases, options.steps, size) for size in sizes}
        seconds = alternating(ways, options.rounds)
    many, one = seconds.values()
    rows = [
        {"rows in a call": size, **{f"images a minute, round {k}": 60 * images / s for k, s in enumerate(taken, 1)}}
        for size, taken in seconds.items()
    ]
    targets = [Target("speed-up of batches over one walk at a time", median_ratio(one, many), 2, at_least=True)]
    return report("editing", {f"{images} images, {options.steps} steps": rows}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
