"""Bad input ends in a non-zero exit status and a sentence, never in a traceback."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import default_config
from tests.stage_settings import settings
from tests.workflow.shard_runs import MODEL, ShardRun
from tests.workflow.study import Study


def test_configuration(fresh: Study) -> None:
    """All problems at once: a key that does not exist and a value out of range."""
    run = fresh.snakemake("--dry-run", config={"information": {"range": {"clpi": 3.0}}, "statistics": {"bootstrap": 5}})
    assert run.status != 0
    assert "information → range → clpi is not a key; the nearest valid key is `clip`" in run.output
    assert "statistics → bootstrap is 5; allowed is a whole number ≥ 100" in run.output
    assert "Traceback" not in run.output


def test_an_overlay_that_is_a_program(fresh: Study) -> None:
    """Snakemake runs its expressions before it reads any rule; nothing else runs then."""
    (fresh.folder / "program.yaml").write_text(
        "__use_yte__: true\nseed: ?open('ran', 'w').write('x')\n", encoding="utf-8"
    )
    run = fresh.command("snakemake", "--cores", "1", "--dry-run", "--configfile", "program.yaml")
    assert run.status != 0
    assert "program.yaml: `__use_yte__` makes an overlay a program" in run.output
    assert "Traceback" not in run.output and not run.jobs


def test_a_model_of_a_class_that_is_not_supported(fresh: Study) -> None:
    """A sentence with the classes that are, before any job."""
    folder = fresh.folder / "cascade"
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "StableCascadePipeline"}', encoding="utf-8")
    run = fresh.snakemake("--dry-run", config={"model": {"id": "cascade"}})
    assert run.status != 0 and not run.jobs and "Traceback" not in run.output
    assert "error: model → id 'cascade': model_index.json names the pipeline 'StableCascadePipeline'" in run.output
    assert "supported are StableDiffusionPipeline, " in run.output and "and QwenImagePipeline" in run.output


def test_missing_annotations(fresh: Study) -> None:
    config = {"datasets": {"scenes": None, "mine": {"kind": "coco_it", "root": "nowhere"}}}
    run = fresh.snakemake("results/tiny/mine/cases.parquet", config=config)
    assert run.status != 0
    assert (
        "missing: nowhere/annotations/instances_val2017.json, nowhere/annotations/captions_val2017.json" in run.output
    )
    assert "put a dataset in COCO's layout into nowhere" in run.output
    assert "or name its folder as `root` of the dataset or as COCO_ROOT" in run.output
    assert "Traceback" not in run.output


def test_missing_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "annotations").mkdir()
    for name in ("instances", "captions"):
        (tmp_path / "annotations" / f"{name}_val2017.json").write_text("{}", encoding="utf-8")
    section = default_config().datasets["scenes"].model_copy(update={"root": str(tmp_path)})
    read = settings("build_cases", "d", datasets={"d": section})
    output = tmp_path / "cases.parquet"
    assert main(["build_cases", "--dataset", "d", "--settings", read, "--output", str(output)]) == 1
    message = capsys.readouterr().err
    assert f"missing: {tmp_path}/val2017; put a dataset in COCO's layout into {tmp_path}" in message
    assert not output.exists()


def test_rows_of_a_csv(fresh: Study, scene_cases: tuple[Path, Path]) -> None:
    """Every bad row is told, with its line, before anything runs the model."""
    _, images = scene_cases
    folder = fresh.folder / "rows"
    folder.mkdir()
    shutil.copy(images / "000000000001.png", folder / "good.png")
    (folder / "broken.png").write_bytes(b"no picture")
    rows = [
        "image,caption,word",
        "good.png,a red bear,bear",
        "absent.png,a red bear,bear",
        "broken.png,a red bear,bear",
        "good.png,a red bear,monkey",
        "good.png,,bear",
        "good.png,a red bear,bear",
    ]
    (folder / "cases.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    config = {"datasets": {"scenes": None, "rows": {"kind": "custom", "list": "rows/cases.csv", "localisation": False}}}
    run = fresh.snakemake(config=config)
    assert run.status != 0
    log = (fresh.results / "rows" / "logs" / "build_cases.log").read_text(encoding="utf-8")
    assert log in run.output
    for line, reason in {
        3: "absent.png",
        4: "broken.png",
        5: "'monkey' is not in the caption",
        6: "`caption` is empty",
        7: "the same case as line 2",
    }.items():
        assert any(f"line {line}" in sentence and reason in sentence for sentence in log.splitlines()), log
    assert "Traceback" not in run.output
    assert not (fresh.results / "rows" / "estimate_information").exists()


def test_model_folder(scene_cases: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases, images = scene_cases
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    (model / "model_index.json").unlink()
    run = replace(ShardRun(cases, images, tmp_path / "results"), model=model)
    assert main(run.arguments()) == 1
    message = capsys.readouterr().err
    assert f"'{model}' is not the folder of a diffusers pipeline: it lacks model_index.json" in message
    assert not run.table().exists()
