"""How long stages and Snakemake take before anything is computed.

    python benchmarks/startup.py [--rounds 3] [--cases 7000] [--json FILE]

Every stage that works on tables alone starts with `--help`; beside the seconds stands the time of a bare interpreter,
measured in turns, and the least of the rounds counts. Then a study of the size of the published one: as many cases of COCO
and the four sets of ARO, with empty images and captions, in the shards of config/paper.yaml. Measured are the dry run that
plans all of it, and the run that finds nothing to do after every output was made (empty, by `snakemake --touch`). Exits with
1 when a stage takes 1.0 s or more, the plan 15 s, or the run without work 10 s.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from measuring import ROOT, Row, Target, alternating, argument_parser, report
from pipeline.__main__ import STAGES

# These run a model, or learn one; all others are to start without torch.
MODEL_STAGES = {
    "estimate_information",
    "record_attention",
    "score_retrieval",
    "score_clip",
    "edit_images",
    "judge_edits",
    "evaluate_scenes_model",
    "validate_estimator",
}
CPU_STAGES = [name for name in STAGES if name not in MODEL_STAGES and not name.startswith("train_")]
ARO_CASES = {"visual_genome_relation": 23_937, "visual_genome_attribution": 28_748}
ORDER_CASES = {"coco_order": 25_010, "flickr30k_order": 5_000}


def run(folder: Path, *arguments: object, environment: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Run this interpreter; seconds, and what it printed. Raises RuntimeError when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))} failed:\n{done.stdout[-2000:]}")
    return time.monotonic() - started, done.stdout


def stage_rows(rounds: int) -> list[Row]:
    """Seconds until each stage has printed its help, the least of some rounds."""
    ways = {"(python alone)": lambda: run(ROOT, "-c", "pass")[0]}
    ways |= {name: partial(_help, name) for name in CPU_STAGES}
    measured = {name: min(values) for name, values in alternating(ways, rounds).items()}
    return [{"stage": name, "seconds": seconds} for name, seconds in measured.items()]


def _help(name: str) -> float:
    return run(ROOT, "-m", "pipeline", name, "--help")[0]


def working_copy(folder: Path) -> None:
    """The files of the project that Snakemake reads."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, folder / name)
    for name in ("rules", "pipeline", "config", "envs", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data/reference", folder / "data/reference")


def write_inputs(folder: Path, cases: int) -> None:
    """Annotations and lists of the size of the published study's."""
    categories = [{"id": 1, "name": "dog"}]
    images = [{"id": k, "file_name": f"{k:012d}.jpg", "height": 480, "width": 640} for k in range(cases)]
    box = {"category_id": 1, "iscrowd": 0, "bbox": [0, 0, 9, 9], "area": 81, "segmentation": [[0, 0, 0, 9, 9, 9, 9, 0]]}
    objects = [{"id": k, "image_id": k, **box} for k in range(cases)]
    captions = [{"id": k, "image_id": k, "caption": "A dog sits on the grass."} for k in range(cases)]
    coco = folder / "data/coco/annotations"
    _write_json(coco / "instances_val2017.json", {"images": images, "annotations": objects, "categories": categories})
    _write_json(coco / "captions_val2017.json", {"images": images, "annotations": captions})
    (folder / "data/coco/val2017").mkdir()
    case = {"image_path": "1.jpg", "bbox_x": 0, "bbox_y": 0, "bbox_w": 9, "bbox_h": 9, "relation_name": "on"}
    captions_of = {"true_caption": "the dog is on the grass", "false_caption": "the grass is on the dog"}
    for name, count in ARO_CASES.items():
        _write_json(folder / f"data/aro/{name}.json", [{**case, **captions_of}] * count)
    for name, count in ORDER_CASES.items():
        path = folder / f"data/aro/{name}/test.parquet"
        path.parent.mkdir()
        path.write_bytes(bytes(1000 * count))  # as large as its captions; a plan does not read it


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def make_outputs(folder: Path, configuration: Sequence[str]) -> int:
    """Make every output of the study as an empty file and let Snakemake take it for done; how many there are."""
    _, summary = _snakemake(folder, configuration, "--summary", "--cores", "1")
    outputs = summary_files(summary)
    for name in outputs:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    _snakemake(folder, configuration, "--touch", "--cores", "1", "--quiet")
    return len(outputs)


def summary_files(summary: str) -> list[str]:
    """The output files that `snakemake --summary` lists, below results/."""
    return re.findall(r"^(results/[^\t\n]+)\t", summary, re.MULTILINE)


def _snakemake(folder: Path, configuration: Sequence[str], *arguments: str) -> tuple[float, str]:
    command = ("-m", "snakemake", *arguments, "--configfile", *configuration)
    return run(folder, *command, environment={"COCO_ROOT": str(folder / "data/coco")})


def planned_jobs(output: str) -> int:
    """The number of jobs that a dry run plans, from its table; 0 when it has nothing to do."""
    found = re.search(r"^total +(\d+)", output, re.MULTILINE)
    return int(found[1]) if found else 0


def study_rows(rounds: int, cases: int) -> list[Row]:
    """Seconds of the plan and of the run without work, the least of some rounds."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        working_copy(folder)
        write_inputs(folder, cases)
        overlay = folder / "local.yaml"
        overlay.write_text(yaml.safe_dump({"machine": {"device": "cpu"}}), encoding="utf-8")
        configuration = ["config/paper.yaml", overlay.name]
        plans = [_snakemake(folder, configuration, "--dry-run", "--cores", "2", "--quiet") for _ in range(rounds)]
        _, listing = _snakemake(folder, configuration, "--dry-run", "--cores", "2")
        jobs = planned_jobs(listing)
        outputs = make_outputs(folder, configuration)
        again = [_snakemake(folder, configuration, "--cores", "2") for _ in range(rounds)]
        left = planned_jobs(again[-1][1])
    return [
        {"snakemake": "dry run of the whole study", "jobs": jobs, "seconds": min(plan[0] for plan in plans)},
        {"snakemake": f"rerun, {outputs} outputs there", "jobs": left, "seconds": min(rerun[0] for rerun in again)},
    ]


def main() -> int:
    """Measure stages, then Snakemake."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=7000, help="cases of COCO")
    options = parser.parse_args()
    stages, study = stage_rows(options.rounds), study_rows(options.rounds, options.cases)
    slowest = max(stages, key=lambda row: float(row["seconds"]))
    targets = [
        Target(f"seconds until the slowest stage starts ({slowest['stage']})", float(slowest["seconds"]), 1.0),
        Target("seconds of the plan", float(study[0]["seconds"]), 15),
        Target("jobs of the rerun", float(study[1]["jobs"]), 0),
        Target("seconds of the rerun", float(study[1]["seconds"]), 10),
    ]
    return report("startup", {"stages without a model": stages, "7,000 cases and ARO": study}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
