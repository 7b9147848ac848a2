"""Start-up time of stages and of Snakemake.

    python benchmarks/startup.py [--rounds 3] [--cases 7000] [--json FILE]

Every stage that only reads tables is started with `--help`, alternating with a bare interpreter; the minimum over rounds is
reported. Then a study of the size of the published one, with as many cases of COCO and of the four sets of ARO in the shards
of config/paper.yaml, without images: the dry run that plans everything, and the run that finds nothing to do once every
output exists (empty, by `snakemake --touch`). Times are CPU times over all processes; wall-clock times are shown beside
them. Exits with 1 if a stage takes 1.0 s or more, the plan 15 s, or the run without work 10 s.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import yaml

from infodecomp.cli import STAGES
from infodecomp.runs.contents import file_sha256
from infodecomp.runs.job_record import SUFFIX, argument_digest, sealed
from infodecomp.runs.storage import write_table
from measuring import ROOT, Child, Row, Target, alternating, argument_parser, python, report, stage

# These run or train a model; all others must start without torch.
MODEL_STAGES = {
    "estimate_information",
    "record_attention",
    "record_gradients",
    "generate_images",
    "explain_images",
    "score_retrieval",
    "score_clip",
    "edit_images",
    "decompose_information",
    "judge_edits",
    "judge_maps",
    "evaluate_scenes_model",
    "validate_estimator",
    "plan_study",
    "dissect_caption",
    "pilot_density",
}
CPU_STAGES = [name for name in STAGES if name not in MODEL_STAGES and not name.startswith("train_")]
# Stages that leave maps of every case.
MAP_STAGES = ("estimate_information", "record_attention", "record_gradients")
ARO_CASES = {"visual_genome_relation": 23_937, "visual_genome_attribution": 28_748}
ORDER_CASES = {"coco_order": 25_010, "flickr30k_order": 5_000}


def stage_rows(rounds: int) -> list[Row]:
    """Seconds until each stage has printed its help, the minimum over rounds."""
    ways = {"(python alone)": partial(python, "-c", "pass")}
    ways |= {name: partial(stage, name, "--help") for name in CPU_STAGES}
    return [{"stage": name, **least(children)} for name, children in alternating(ways, rounds).items()]


def least(children: Sequence[Child]) -> Row:
    """The minimum CPU and wall-clock seconds over repeated runs."""
    return {
        "CPU seconds": min(child.cpu_seconds for child in children),
        "seconds": min(child.seconds for child in children),
    }


def working_copy(folder: Path) -> None:
    """The files of the project that Snakemake reads."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, folder / name)
    for name in ("rules", "pipeline", "config", "envs", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data/reference", folder / "data/reference")
    shutil.copy2(ROOT / "data/sources.csv", folder / "data/sources.csv")


def write_inputs(folder: Path, cases: int) -> None:
    """Write annotations and lists of the size of the published study's."""
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


def make_outputs(folder: Path, configuration: Sequence[str], cases: int) -> int:
    """Make every output of the study as an empty file, table or folder, marked as finished; returns their number.

    Records name them, and for each shard of COCO the maps and images of its cases, which are there too.
    """
    outputs = summary_files(_snakemake(folder, configuration, "--summary", "--cores", "1").output)
    for name in outputs:
        path = folder / name
        if path.suffix == ".parquet":  # an empty file would be set aside as damaged
            write_table(path, pd.DataFrame({"case_id": []}), {"case_id": "string"})
        elif path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            path.mkdir(parents=True, exist_ok=True)
    maps = sum(write_record(folder, name, outputs, cases) for name in outputs if name.endswith(SUFFIX))
    _snakemake(folder, configuration, "--touch", "--cores", "1", "--quiet")
    return len(outputs) + maps


def write_record(folder: Path, name: str, outputs: Sequence[str], cases: int) -> int:
    """The record of one job, with maps and images of its cases where it is a shard of COCO; returns how many maps."""
    path, stem = folder / name, name.removesuffix(SUFFIX)
    own = [Path(output).name for output in outputs if output.startswith(f"{stem}.") and not output.endswith(SUFFIX)]
    images, maps = list[str](), list[str]()
    if (folder / name).parent.name in MAP_STAGES:
        numbers = sorted(
            int(other[-len("0000.parquet") : -len(".parquet")]) for other in outputs if _beside(other, name)
        )
        mine = range(numbers.index(int(stem[-4:])), cases, len(numbers))
        images = [f"data/coco/val2017/{case:012d}.jpg" for case in mine]
        maps = [f"maps/{case:012d}.npz" for case in mine]
    for file in (*(folder / image for image in images), *(path.parent / one for one in maps)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    content = {
        "stage": path.parent.name,
        "arguments": {"seed": argument_digest(0)},
        "inputs": {image: file_sha256(folder / image) for image in images},
        "outputs": {f"./{one}": file_sha256(path.parent / one) for one in (*own, *maps)},
    }
    path.write_text(sealed(content), encoding="utf-8")
    return len(maps)


def _beside(output: str, name: str) -> bool:
    """Whether an output is a shard's table in the folder of a record."""
    return output.endswith(".parquet") and Path(output).parent == Path(name).parent


def summary_files(summary: str) -> list[str]:
    """The outputs below results/ and data/ that `snakemake --summary` lists."""
    return re.findall(r"^((?:results|data)/[^\t\n]+)\t", summary, re.MULTILINE)


def _snakemake(folder: Path, configuration: Sequence[str], *arguments: str) -> Child:
    command = ("-m", "snakemake", *arguments, "--configfile", *configuration)
    return python(*command, folder=folder, environment={"COCO_ROOT": str(folder / "data/coco")})


def planned_jobs(output: str) -> int:
    """The number of jobs that a dry run plans, from its table; 0 if it has nothing to do."""
    found = re.search(r"^total +(\d+)", output, re.MULTILINE)
    return int(found[1]) if found else 0


def study_rows(rounds: int, cases: int) -> list[Row]:
    """Seconds of the plan and of the run without work, the minimum over rounds."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        working_copy(folder)
        write_inputs(folder, cases)
        overlay = folder / "local.yaml"
        overlay.write_text(yaml.safe_dump({"machine": {"device": "cpu"}}), encoding="utf-8")
        configuration = ["config/paper.yaml", overlay.name]
        plans = [_snakemake(folder, configuration, "--dry-run", "--cores", "2", "--quiet") for _ in range(rounds)]
        jobs = planned_jobs(_snakemake(folder, configuration, "--dry-run", "--cores", "2").output)
        outputs = make_outputs(folder, configuration, cases)
        again = [_snakemake(folder, configuration, "--cores", "2") for _ in range(rounds)]
        left = planned_jobs(again[-1].output)
    return [
        {"snakemake": "dry run of the whole study", "jobs": jobs, **least(plans)},
        {"snakemake": f"rerun, {outputs} outputs there", "jobs": left, **least(again)},
    ]


def main() -> int:
    """Measure stages, then Snakemake."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=7000, help="cases of COCO")
    options = parser.parse_args()
    stages, study = stage_rows(options.rounds), study_rows(options.rounds, options.cases)
    slowest = max(stages, key=lambda row: float(row["CPU seconds"]))
    plan, again = study
    targets = [
        Target(f"CPU seconds until the slowest stage starts ({slowest['stage']})", float(slowest["CPU seconds"]), 1.0),
        Target("CPU seconds of the plan", float(plan["CPU seconds"]), 15),
        Target("jobs of the rerun", float(again["jobs"]), 0),
        Target("CPU seconds of the rerun", float(again["CPU seconds"]), 10),
    ]
    return report(
        "startup", {"stages without a model": stages, f"{options.cases:,} cases and ARO": study}, targets, options.json
    )


if __name__ == "__main__":
    sys.exit(main())
