"""Full size: what a plan of it costs, and what ten rows more cost."""

from __future__ import annotations

import csv
import io
import json
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import CustomDataset, InformationSection
from infodecomp.datasets.cases import read_cases
from infodecomp.information import estimated_cases
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.jobs.caption_tokens import CaptionTokens
from infodecomp.jobs.model_job import ModelJob
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.shards import shard_of
from infodecomp.runs.storage import read_table
from infodecomp.scenes.dataset import draw
from tests.stage_settings import settings
from tests.workflow.shard_runs import ShardRun
from tests.workflow.study import Study

IMAGES, OBJECTS, CAPTIONS = 5000, 36781, 5
PAPER = ["config/paper.yaml"]
RELEASED = [*PAPER, "config/released.yaml"]
OFFLINE = {"HF_HUB_OFFLINE": "1"}

NAMES = re.findall(
    r"\w+",
    """
    person bicycle car motorcycle airplane bus train truck boat bench bird cat dog horse sheep cow elephant bear
    zebra giraffe backpack umbrella handbag tie suitcase frisbee skis snowboard kite skateboard surfboard bottle
    cup fork knife spoon bowl banana apple sandwich orange broccoli carrot pizza donut cake chair couch
    """,
)


@pytest.fixture(scope="module")
def full_coco(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations as large as those of COCO val2017, with the hand-picked cases of the study, and blank images."""
    folder = tmp_path_factory.mktemp("coco")
    rng = np.random.default_rng(0)
    picked = [row for name in ("coco100_it", "coco_wl") for row in _rows(repository / f"data/reference/{name}.csv")]
    chosen = sorted({int(row["image_id"]) for row in picked})
    images = [*chosen, *range(1_000_001, 1_000_001 + IMAGES - len(chosen))]
    labels = list(dict.fromkeys([*NAMES, *(row["label"] for row in picked if "word_type" not in row)]))
    owners, categories = rng.choice(images, OBJECTS), rng.integers(len(labels), size=OBJECTS)
    annotations = [
        {
            "id": number,
            "image_id": int(owner),
            "category_id": int(category) + 1,
            "iscrowd": 0,
            "segmentation": [[0, 0, 9, 0, 9, 9]],
            "area": 40.5,
            "bbox": [0, 0, 9, 9],
        }
        for number, (owner, category) in enumerate(zip(owners, categories, strict=True))
    ]
    annotations += [
        {
            **annotations[0],
            "id": OBJECTS + n,
            "image_id": int(row["image_id"]),
            "category_id": labels.index(row["label"]) + 1,
        }
        for n, row in enumerate(picked)
        if row["label"] in labels
    ]
    words = rng.choice(NAMES, (IMAGES, CAPTIONS, 2))
    captions = [
        {
            "id": 10_000_000 + CAPTIONS * i + k,
            "image_id": image,
            "caption": f"A {words[i, k, 0]} beside a {words[i, k, 1]}.",
        }
        for i, image in enumerate(images)
        for k in range(CAPTIONS)
    ]
    captions += [
        {"id": int(row["caption_id"]), "image_id": int(row["image_id"]), "caption": f"There is a {row['word']} here."}
        for row in {row["caption_id"]: row for row in picked}.values()
    ]
    files = [{"id": image, "file_name": f"{image:012d}.jpg", "height": 480, "width": 640} for image in images]
    kinds = [{"id": number, "name": label} for number, label in enumerate(labels, start=1)]
    (folder / "annotations").mkdir()
    (folder / "val2017").mkdir()
    for name, content in {
        "instances": {"images": files, "annotations": annotations, "categories": kinds},
        "captions": {"images": files, "annotations": captions},
    }.items():
        (folder / "annotations" / f"{name}_val2017.json").write_text(json.dumps(content), encoding="utf-8")
    Image.new("1", (640, 480)).save(blank := io.BytesIO(), format="PNG")
    for file in files:
        (folder / "val2017" / str(file["file_name"])).write_bytes(blank.getvalue())
    return folder


@pytest.mark.slow
def test_the_published_study_is_planned_over_annotations_of_full_size(fresh: Study, full_coco: Path) -> None:
    """The cases are built; without the model, `plan` counts evaluations; and nothing of it reads the annotations anew."""
    environment = {"COCO_ROOT": str(full_coco), **OFFLINE}
    run = fresh.command("snakemake", "plan", "--cores", "2", "--configfile", *PAPER, environment=environment)
    assert run.status == 0, run.output
    assert "No hours and no disk space, because the model could not be timed: model → id" in run.output
    assert "because their files are missing: coco_order, flickr30k_order, vg_attribution, vg_relation." in run.output
    plan = pd.read_csv(fresh.folder / "results/paper/tables/plan.csv").set_index(["dataset", "stage"])
    cases = {
        name: read_cases(fresh.folder / f"results/paper/{name}/cases.parquet") for name in ("COCO-IT", "COCO100-IT")
    }
    assert len(cases["COCO-IT"]) > 5000
    assert plan.loc[("COCO-IT", "estimate_information"), "evaluations"] > 2 * 200 * len(cases["COCO-IT"])
    assert plan.loc[("COCO100-IT", "edit_images"), "jobs"] == 20
    assert f"| {plan['evaluations'].sum():,} |" in run.output
    for files in (PAPER, RELEASED):
        with _processor_time() as spent:
            run = fresh.command(
                "snakemake", "--dry-run", "--cores", "2", "--configfile", *files, environment=environment
            )
        assert run.status == 0, run.output
        assert run.jobs["score_localisation"] == 3
        assert spent() < 15, "parsing and planning the full study takes too long"


@pytest.mark.slow
def test_a_hundred_thousand_cases_are_planned_in_a_minute(fresh: Study, tmp_path: Path) -> None:
    rows = "".join(f"{number // 4:06d}.jpg,a dog on a red sofa {number},dog\n" for number in range(100_000))
    (tmp_path / "cases.csv").write_text(f"image,caption,word\n{rows}", encoding="utf-8")
    mine = {"kind": "custom", "list": str(tmp_path / "cases.csv"), "localisation": False, "shards": 700}
    with _processor_time() as spent:
        run = fresh.snakemake("--dry-run", config={"datasets": {"scenes": None, "mine": mine}})
    assert run.status == 0, run.output
    assert run.jobs["estimate_information"] == 700
    assert spent() < 60


def test_ten_rows_added_to_five_thousand_compute_ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in rows that the model sees: ten cases of four prompts each, on images of their own."""
    folder, draws = tmp_path / "mine", 6
    rows = [(f"{n % 250}.png", f"a dog on a red sofa, number {n}", "dog") for n in range(5000)]
    added = [(f"new-{n}.png", "a bear beside a monkey", "bear") for n in range(10)]
    folder.mkdir()
    for number, name in enumerate(dict.fromkeys(image for image, _, _ in [*rows, *added])):
        Image.fromarray(draw(0, number + 1).picture).save(folder / name)
    run = ShardRun(tmp_path / "cases.parquet", folder, tmp_path / "results", steps=(draws,), batch_size=1, shards=3)

    _build(folder, rows, run.cases)
    for shard in range(run.shards):
        _take_for_done(run, shard, monkeypatch)
    evaluated: list[int] = []
    answer = LatentDiffusion.__call__

    def counting(model: LatentDiffusion, x_alpha: Any, *others: Any) -> Any:
        evaluated.append(len(x_alpha))
        return answer(model, x_alpha, *others)

    monkeypatch.setattr(LatentDiffusion, "__call__", counting)
    assert [main(run.arguments(shard)) for shard in range(run.shards)] == [0] * run.shards
    assert evaluated == []

    _build(folder, [*added[:5], *rows, *added[5:]], run.cases)
    assert [main(run.arguments(shard)) for shard in range(run.shards)] == [0] * run.shards
    assert sum(evaluated) == 10 * 4 * draws
    tables = [read_table(run.table(shard), SHARD_COLUMNS) for shard in range(run.shards)]
    assert sum(map(len, tables)) == 5010
    for shard, table in enumerate(tables):
        frame = read_cases(run.cases)
        inside = [
            case for case, image in zip(frame["case_id"], frame["image_id"], strict=True) if shard_of(image, 3) == shard
        ]
        assert table["case_id"].tolist() == inside and set(table["status"]) == {"ok"}


def _build(folder: Path, rows: list[tuple[str, str, str]], output: Path) -> None:
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "caption", "word"), *rows])
    section = CustomDataset(list=str(folder / "cases.csv"), root=str(folder), localisation=False)
    read = settings("build_cases", "mine", datasets={"mine": section})
    assert main(["build_cases", "--dataset", "mine", "--settings", read, "--output", str(output)]) == 0


def _take_for_done(run: ShardRun, shard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store something under the key of every case, as if the stage had estimated it."""

    def store_all(stage: ModelJob, jobs: Any, section: InformationSection) -> Iterator[Any]:
        for job, _ in jobs:
            for case in job.cases:
                stage.shard.store(case, {"evaluations": np.array(0), "draws": np.array(0)})
        return iter(())

    with monkeypatch.context() as patch:
        patch.setattr(estimated_cases, "draw_cases", store_all)
        patch.setattr(CaptionTokens, "readable", lambda captions, jobs: jobs)
        assert main(run.arguments(shard)) == 0


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@contextmanager
def _processor_time() -> Iterator[Any]:
    """Seconds of processor time of the children that have ended since; a busy machine takes longer by the clock."""
    start = _children()
    yield lambda: _children() - start


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
