"""The hashes of shipped and trained models: recorded as sha256sum writes them, checked whenever such a model is loaded."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from infodecomp.config.scenes_model import HardnegTrainingSection, ScenesModelSection
from infodecomp.models.clip import ClipSimilarity
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.recorded_hashes import check_recorded_hashes, record_hashes, record_of
from infodecomp.runs.errors import InputError
from infodecomp.scenes.classifier import load_classifier
from infodecomp.scenes.clip_model import load_text_parts
from infodecomp.stages import train_scenes_consistency, train_scenes_hardneg
from infodecomp.training.classifier import load_autoencoder
from infodecomp.training.consistency import ConsistencyRecipe, new_state
from tests.conftest import ROOT
from tests.stage_settings import settings
from tests.unit.small_model import small_pipeline

MODELS = ROOT / "data" / "models"
SHIPPED = ("scenes", "scenes_clip", "scenes_hardneg", "scenes_classifier")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the shipped models and their records."""
    for name in SHIPPED:
        shutil.copytree(MODELS / name, tmp_path / name)
        shutil.copyfile(record_of(MODELS / name), record_of(tmp_path / name))
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_the_record_of_a_shipped_model_is_up_to_date(models: Path, name: str) -> None:
    record = record_of(models / name)
    shipped = record.read_bytes()
    check_recorded_hashes(models / name)
    record_hashes(models / name)
    assert record.name == f"{name}.sha256" and record.read_bytes() == shipped


def test_sha256sum_reads_it(models: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("needs sha256sum")
    check = ["sha256sum", "--check", "--strict", "--quiet", str(record_of(models / "scenes"))]
    assert subprocess.run(check, cwd=models / "scenes").returncode == 0
    with (models / "scenes" / "unet" / "config.json").open("a") as file:
        file.write(" ")
    assert subprocess.run(check, cwd=models / "scenes", capture_output=True).returncode == 1


LOADS: list[tuple[str, str, Callable[[Path], object]]] = [
    ("scenes", "unet/config.json", lambda models: LatentDiffusion.load(str(models / "scenes"))),
    ("scenes", "vae/config.json", lambda models: load_autoencoder(models / "scenes")),
    ("scenes", "text_encoder/config.json", lambda models: load_text_parts(models / "scenes")),
    ("scenes_clip", "preprocessor_config.json", lambda models: ClipSimilarity.load(str(models / "scenes_clip"))),
    ("scenes_classifier", "config.json", lambda models: load_classifier(models / "scenes_classifier")),
    (
        "scenes_hardneg",
        "pytorch_lora_weights.safetensors",
        lambda models: LatentDiffusion.load(str(models / "scenes"), lora=str(models / "scenes_hardneg")),
    ),
]


@pytest.mark.parametrize(("name", "file", "load"), LOADS, ids=[f"{name}-{file}" for name, file, _ in LOADS])
def test_a_changed_file_is_named(models: Path, name: str, file: str, load: Callable[[Path], object]) -> None:
    """Even a change that would pass unnoticed: a blank at the end."""
    load(models)
    with (models / name / file).open("ab") as changed:
        changed.write(b" ")
    with pytest.raises(InputError, match="this file has changed: its SHA-256 is ") as raised:
        load(models)
    assert str(raised.value).startswith(f"{models / name / file}: ") and "\n" not in str(raised.value)
    assert f"delete {record_of(models / name)} if it was changed on purpose" in str(raised.value)


def test_a_model_of_ones_own_needs_no_record(models: Path) -> None:
    (models / "scenes_classifier" / "config.json").write_text("changed")
    record_of(models / "scenes_classifier").unlink()
    check_recorded_hashes(models / "scenes_classifier")


def test_missing_and_added_files_are_named(models: Path) -> None:
    folder = models / "scenes_classifier"
    (folder / ".hidden").write_text("")
    check_recorded_hashes(folder)
    (folder / "notes.txt").write_text("")
    with pytest.raises(InputError, match=r"notes.txt: .*scenes_classifier.sha256 does not list this file"):
        check_recorded_hashes(folder)
    (folder / "notes.txt").unlink()
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"config.json: .*scenes_classifier.sha256 lists this file, which is missing"):
        check_recorded_hashes(folder)
    record_of(folder).write_text("not hashes\n")
    with pytest.raises(InputError, match="expected lines of a SHA-256, two spaces and a file name"):
        check_recorded_hashes(folder)


def test_a_new_record_replaces_that_of_an_earlier_model(models: Path) -> None:
    folder = models / "scenes_classifier"
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    record_hashes(folder)
    load_classifier(folder)


def test_training_a_lora_records_it(models: Path) -> None:
    """Even in the place of the shipped one, whose record it replaces."""
    recipe = ScenesModelSection(hardneg=HardnegTrainingSection(steps=1, batch=2))
    read = settings("train_scenes_hardneg", scenes_model=recipe)
    output, before = models / "scenes_hardneg", record_of(models / "scenes_hardneg").read_text()
    train_scenes_hardneg.run(SimpleNamespace(settings=read, model=str(models / "scenes"), output_dir=output))
    assert record_of(output).read_text() != before
    LatentDiffusion.load(str(models / "scenes"), lora=str(output))


def test_training_the_denoiser_records_the_model(tmp_path: Path) -> None:
    pipeline = small_pipeline()
    pipeline.save_pretrained(tmp_path / "before")
    recipe = ConsistencyRecipe(seed=0, steps=1, batch=1, learning_rate=1e-4, ema=0.9, hide_padding=0.5)
    state = new_state(recipe, pipeline.unet, pipeline.text_encoder)
    train_scenes_consistency._export(state, tmp_path / "before", tmp_path / "trained")
    check_recorded_hashes(tmp_path / "trained")
    assert "unet/diffusion_pytorch_model.safetensors" in record_of(tmp_path / "trained").read_text()
    LatentDiffusion.load(str(tmp_path / "trained"))
