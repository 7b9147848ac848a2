"""A model of a Hub: fetched once, run without a network, the same as from a folder; never with other weights unnoticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import FetchedModelSection, ModelSection, section_json
from infodecomp.runs.storage import read_arrays
from tests.unit.fake_hub import REVISION, folder_files, running_hub
from tests.workflow.shard_runs import MODEL, ShardRun

FETCHED_MODEL = FetchedModelSection(id="someone/scenes", revision=REVISION)
SECTION = FETCHED_MODEL.without_mirrors
FOLDER = Path("data/models/hub/someone--scenes@4e63672c0310")


def with_model(run: ShardRun, section: ModelSection) -> list[str]:
    """The arguments of a shard with another model."""
    arguments = run.arguments()
    arguments[arguments.index("--model") + 1] = section_json(section)
    return arguments


def test_fetched_as_from_a_folder(
    scene_cases: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, images = scene_cases
    with running_hub() as hub:
        hub.repositories[SECTION.id] = folder_files(MODEL)
        run = hub.pipeline(
            "fetch_model", "--kind", "diffusion", "--section", section_json(FETCHED_MODEL), folder=tmp_path
        )
        assert run.returncode == 0, run.stderr
    monkeypatch.chdir(tmp_path)
    fetched, local = (ShardRun(cases, images, tmp_path / name, steps=(6,)) for name in ("fetched", "local"))
    # The key holds the hash of the weights: the files are the same, wherever they lie.
    assert main(with_model(fetched, SECTION)) == 0
    local.run()
    for one, other in zip(fetched.finished(), local.finished(), strict=True):
        arrays, expected = read_arrays(one), read_arrays(other)
        assert set(arrays) == set(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(arrays[name], values, err_msg=name)
    capsys.readouterr()

    assert main(with_model(fetched, SECTION.model_copy(update={"revision": None}))) == 1
    told = capsys.readouterr().err
    assert (
        "model → id 'someone/scenes' (revision main) has not been fetched to data/models/hub/someone--scenes@main"
        in told
    )
    assert "`snakemake --cores 1 fetch`" in told

    weights = FOLDER / "vae" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert main(with_model(fetched, SECTION)) == 1
    assert f"{weights}: this file has changed since it was fetched: its SHA-256 is" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["models/of/mine", "./mine", "/nowhere/model"])
def test_a_folder_that_is_not_there(
    scene_cases: tuple[Path, Path], tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ShardRun(*scene_cases, tmp_path)
    assert main(with_model(run, ModelSection(id=missing))) == 1
    assert f"model → id '{missing}' is neither an existing folder nor a Hugging Face Hub id" in capsys.readouterr().err
