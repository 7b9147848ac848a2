"""Models from a Hub: exactly the files that are read, with hashes, from mirrors, and in one sentence when it fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infodecomp.config import FetchedClipSection, FetchedModelSection, section_json
from infodecomp.runs.contents import folder_sha256
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
    section = FetchedModelSection(**{"id": ID, "revision": REVISION, **settings})
    arguments = ("fetch_model", "--kind", "diffusion", "--section", section_json(section))
    return hub.pipeline(*arguments, folder=folder, offline=offline)


def test_only_what_is_read_is_fetched_and_a_second_time_nothing(
    hub: FakeHub, tmp_path: Path, small: dict[str, bytes]
) -> None:
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


def test_a_file_that_lost_its_content_before_it_was_recorded_is_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    """A power cut may leave zeros in a file that the library takes for complete; the Hub states no hash of small files."""
    assert fetch(hub, tmp_path).returncode == 0
    folder = tmp_path / FOLDER
    (tmp_path / f"{FOLDER}.lock.json").unlink()
    damaged = [folder / "unet" / "config.json", folder / "unet" / "diffusion_pytorch_model.safetensors"]
    for path in damaged:
        path.write_bytes(bytes(path.stat().st_size))
    run = fetch(hub, tmp_path)
    assert run.returncode == 0, run.stderr
    for path in damaged:
        assert path.read_bytes() == hub.repositories[ID][path.relative_to(folder).as_posix()]


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
    assert (
        f"{FOLDER}/vae/config.json: this file was fetched and is missing; delete {FOLDER} and {FOLDER}.json to"
        in run.stderr
    )
    (tmp_path / FOLDER).rename(tmp_path / "away")
    run = fetch(hub, tmp_path, mirrors=mirrors)
    assert run.returncode == 0, run.stderr
    assert f"other/changed@{REVISION} gave another vae/config.json: 2 bytes" not in run.stderr
    assert "gave another vae/config.json" in run.stdout
    assert folder_sha256(tmp_path / FOLDER)


def test_what_cannot_be_had_is_one_sentence(hub: FakeHub, tmp_path: Path, small: dict[str, bytes]) -> None:
    unet = "unet/diffusion_pytorch_model"
    pickled = {name: content for name, content in small.items() if not name.startswith(unet)} | {f"{unet}.bin": b"x"}
    cases: dict[str, tuple[dict[str, bytes], str]] = {
        "gated": (small, "is gated: accept its terms on its page on the Hub and log in"),
        "cascade": (
            {**small, "model_index.json": b'{"_class_name": "StableCascadePipeline"}'},
            "names the pipeline 'StableCascadePipeline', which is not supported; supported are StableDiffusionPipeline",
        ),
        "pickled": (
            pickled,
            f"unet has no safetensors weights, only {Path(unet).name}.bin, which are refused because opening",
        ),
        "bare": ({"README.md": b"card"}, "is not a diffusers pipeline: it has no model_index.json"),
        "partial": (
            {name: content for name, content in small.items() if name != "vae/config.json"},
            "it lacks vae/config.json",
        ),
    }
    hub.repositories = {f"someone/{name}": files for name, (files, _) in cases.items()}
    hub.gated = {"someone/gated"}
    told = {name: part for name, (_, part) in cases.items()}
    told["missing"] = "is not on the Hub, or is private: check its name"
    sections = {name: FetchedModelSection(id=f"someone/{name}", revision=REVISION) for name in told}
    hub.repositories["someone/scenes"] = small
    sections["scenes"], told["scenes"] = FetchedModelSection(id=ID, revision="0" * 40), f"has no revision {'0' * 40}"
    sections["half"] = FetchedModelSection(id=ID, revision=REVISION, variant="fp16")
    told["half"] = "no safetensors weights of the variant fp16; it has model.safetensors, which `variant` can select"
    runs = [["fetch_model", "--kind", "diffusion", "--section", section_json(section)] for section in sections.values()]
    for (name, section), error in zip(sections.items(), hub.errors(runs, tmp_path), strict=True):
        assert error.count("error:") == 1 and "Traceback" not in error
        assert f"error: model → id '{section.id}' could not be fetched: {section.id}@" in error
        assert told[name] in error
        assert "name another repository in `mirrors`, or a local folder as `id`" in error
    assert not list(tmp_path.rglob("*.lock.json"))


def test_the_hubs_own_hashes_hold(hub: FakeHub, tmp_path: Path) -> None:
    hub.false_hashes.add("unet/diffusion_pytorch_model.safetensors")
    run = fetch(hub, tmp_path)
    assert run.returncode == 1
    assert "gave another unet/diffusion_pytorch_model.safetensors: " in run.stderr and "expected 0000" in run.stderr
    assert not list(tmp_path.rglob("*.lock.json"))


def test_a_clip(hub: FakeHub, tmp_path: Path, repository: Path) -> None:
    files = folder_files(repository / "data" / "models" / "scenes_clip")
    files["model.safetensors"] = files["model.safetensors"][:2000]
    hub.repositories["someone/clip"] = {
        **files,
        "open_clip_pytorch_model.bin": b"x",
        "open_clip_model.safetensors": b"y",
    }
    section = section_json(FetchedClipSection(id="someone/clip"))
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
