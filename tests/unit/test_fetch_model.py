"""Models from a Hub: exactly the files that are read, with hashes, from mirrors, and in one sentence when it fails."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import ClipSection, ModelSection, section_json
from pipeline.provenance import folder_sha256
from tests.unit.fake_hub import REVISION, FakeHub, folder_files, running_hub

ID = "someone/scenes"
FOLDER = Path("data/models/hub/someone--scenes@4e63672c0310")


@pytest.fixture(scope="module")
def running() -> Iterator[FakeHub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def small(repository: Path) -> dict[str, bytes]:
    """The layout of the embedded model with little in it: what is fetched is not opened."""
    files = folder_files(repository / "data" / "models" / "scenes")
    return {name: content[:5000] if name.endswith(".safetensors") else content for name, content in files.items()}


@pytest.fixture
def hub(running: FakeHub, small: dict[str, bytes]) -> FakeHub:
    running.repositories = {ID: dict(small)}
    running.gated, running.false_hashes, running.sent, running.cuts = set(), set(), [], 0
    return running


def fetch(hub: FakeHub, folder: Path, *, offline: bool = False, **settings: Any) -> subprocess.CompletedProcess[str]:
    section = ModelSection(**{"id": ID, "revision": REVISION, **settings})
    arguments = ("fetch_model", "--kind", "diffusion", "--section", section_json(section))
    return hub.pipeline(*arguments, folder=folder, offline=offline)


def test_only_what_is_read_is_fetched_and_a_second_time_nothing(hub: FakeHub, tmp_path: Path, small: dict[str, bytes]) -> None:
    hub.repositories[ID] |= {
        "v2-1_512-ema-pruned.ckpt": b"pickle",
        "unet/diffusion_pytorch_model.bin": b"pickle",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
        "safety_checker/model.safetensors": b"unused",
        "README.md": b"card",
    }
    hub.cuts = 1
    run = fetch(hub, tmp_path)
    assert run.returncode == 0, run.stderr
    folder = tmp_path / FOLDER
    assert {name: content for name, content in folder_files(folder).items() if not name.startswith(".cache")} == small
    lock = json.loads((tmp_path / f"{FOLDER}.lock.json").read_text())
    assert lock["from"] == f"{ID}@{REVISION}"
    assert set(lock["files"]) == set(small)
    receipt = json.loads((tmp_path / f"{FOLDER}.json").read_text())
    assert set(receipt["sha256"]) == set(small) and receipt["revision"] == REVISION
    # Offline it is only checked.
    sent = len(hub.sent)
    assert fetch(hub, tmp_path, offline=True).returncode == 0
    assert len(hub.sent) == sent
    # And what has changed is told.
    (folder / "unet" / "config.json").write_text("{}")
    run = fetch(hub, tmp_path)
    assert run.returncode == 1
    assert f"{FOLDER}/unet/config.json: this file has changed since it was fetched" in run.stderr


def test_a_mirror_must_give_what_was_fetched_first(hub: FakeHub, tmp_path: Path) -> None:
    """The first address is gone, as that of Stable Diffusion 2.1 is."""
    original = hub.repositories.pop(ID)
    hub.repositories |= {"other/changed": {**original, "vae/config.json": b"{}"}, "third/same": original}
    mirrors = (f"other/changed@{REVISION}", "third/same@main")
    run = fetch(hub, tmp_path, mirrors=("third/same@main",))
    assert run.returncode == 0, run.stderr
    assert f"{ID}@{REVISION} is not on the Hub, or is private" in run.stdout
    (tmp_path / FOLDER / "vae" / "config.json").unlink()
    run = fetch(hub, tmp_path, mirrors=mirrors)
    assert run.returncode == 1
    assert f"{FOLDER}/vae/config.json: this file was fetched and is gone; delete {FOLDER} to have it fetched" in run.stderr
    (tmp_path / FOLDER).rename(tmp_path / "away")
    run = fetch(hub, tmp_path, mirrors=mirrors)
    assert run.returncode == 0, run.stderr
    assert f"other/changed@{REVISION} gave another vae/config.json: 2 bytes" not in run.stderr
    assert "gave another vae/config.json" in run.stdout
    assert folder_sha256(tmp_path / FOLDER)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda hub: hub.gated.add(ID), "is gated: accept its terms on its page on the Hub and log in"),
        (lambda hub: hub.repositories.clear(), "is not on the Hub, or is private: check its name"),
        (lambda hub: hub.false_hashes.add("unet/diffusion_pytorch_model.safetensors"), "gave another unet/diffusion"),
        (
            lambda hub: hub.repositories[ID].update({"model_index.json": b'{"_class_name": "FluxPipeline"}'}),
            "names the pipeline 'FluxPipeline'; supported are StableDiffusionPipeline",
        ),
        (
            lambda hub: hub.repositories[ID].update(
                {"unet/diffusion_pytorch_model.bin": hub.repositories[ID].pop("unet/diffusion_pytorch_model.safetensors")}
            ),
            "unet has no safetensors weights, only diffusion_pytorch_model.bin, which is refused because a pickle can run",
        ),
        (lambda hub: hub.repositories[ID].pop("model_index.json"), "is no diffusers pipeline: it has no model_index.json"),
        (lambda hub: hub.repositories[ID].pop("vae/config.json"), "it lacks vae/config.json"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(hub: FakeHub, tmp_path: Path, change: Any, told: str) -> None:
    change(hub)
    run = fetch(hub, tmp_path)
    assert run.returncode == 1
    assert run.stderr.count("error:") == 1
    assert f"error: model → id '{ID}' could not be fetched: {ID}@{REVISION}" in run.stderr
    assert told in run.stderr
    assert "name another repository in `mirrors`, or a local folder as `id`" in run.stderr
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.rglob("*.lock.json"))


def test_a_revision_and_a_variant_that_are_not_there(hub: FakeHub, tmp_path: Path) -> None:
    run = fetch(hub, tmp_path, revision="0" * 40)
    assert f"has no revision {'0' * 40}" in run.stderr
    run = fetch(hub, tmp_path, variant="fp16")
    assert "has no safetensors weights of the variant fp16; it has model.safetensors, which `variant` may name" in run.stderr


def test_a_clip(hub: FakeHub, tmp_path: Path, repository: Path) -> None:
    files = folder_files(repository / "data" / "models" / "scenes_clip")
    files["model.safetensors"] = files["model.safetensors"][:2000]
    hub.repositories["someone/clip"] = {**files, "open_clip_pytorch_model.bin": b"x", "open_clip_model.safetensors": b"y"}
    section = section_json(ClipSection(id="someone/clip"))
    run = hub.pipeline("fetch_model", "--kind", "clip", "--section", section, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    found = folder_files(tmp_path / "data/models/hub/someone--clip@main")
    assert {name: content for name, content in found.items() if not name.startswith(".cache")} == files


def test_a_set_of_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    """The table's second repository, found below data/, with exactly the files that its pattern names."""
    first, second = "mteb/gone", "someone/ARO-Order"
    hub.repositories[second] = {
        "data/test-00000-of-00002.parquet": b"one",
        "data/test-00001-of-00002.parquet": b"two",
        "README.md": b"card",
    }
    address = "hf://datasets/{}@" + REVISION + "/*.parquet"
    (tmp_path / "sources.csv").write_text(
        "dataset,file,version,url,mirrors,bytes,md5,sha256,places,licence,note\n"
        f"aro,order,1,{address.format(first)},{address.format(second)},,,,order/,none,\n"
    )
    receipt = "data/aro/fetched/order.json"
    arguments = ("fetch_data", "--source", "aro/order", "--table", "sources.csv", "--output", receipt)
    run = hub.pipeline(*arguments, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    placed = tmp_path / "data" / "aro" / "order"
    assert [(path.name, path.read_bytes()) for path in sorted(placed.iterdir())] == [
        ("data-test-00000-of-00002.parquet", b"one"),
        ("data-test-00001-of-00002.parquet", b"two"),
    ]
    assert set(json.loads((tmp_path / receipt).read_text())["sha256"]) == set(hub.repositories[second]) - {"README.md"}
    hub.repositories[second]["data/test-00000-of-00002.parquet"] = b"changed"
    (tmp_path / "data/aro/fetched/order/data/test-00000-of-00002.parquet").unlink()
    run = hub.pipeline(*arguments, folder=tmp_path)
    assert run.returncode == 1
    assert "recorded in data/aro/fetched/order.lock.json at the first fetch" in run.stderr


class Bomb:
    """Unpickling it would write a file."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.target, "w")


def test_offline_stages_say_what_to_fetch(hub: FakeHub, tmp_path: Path) -> None:
    """No stage but those that fetch asks the Hub for anything."""
    section = section_json(ClipSection(id=ID))
    (tmp_path / "none.parquet").touch()
    arguments = ["--cases", "none.parquet", "--images", ".", "--resize", "squeeze", "--max-failed-fraction", "0"]
    run = hub.pipeline("score_clip", *arguments, "--section", section, "--output", "x", folder=tmp_path)
    assert run.returncode == 1
    assert hub.sent == []


def test_pickles_of_the_test_would_work(tmp_path: Path) -> None:
    """The bomb of the security tests does go off when it is opened."""
    pickle.loads(pickle.dumps(Bomb(tmp_path / "opened"))).close()
    assert (tmp_path / "opened").exists()
