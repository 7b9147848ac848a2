"""The stage that edits images: its captions, its three ways back from noise, what it keeps and what it reuses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from pipeline.config import EditingSection, InformationSection, ModelSection, section_json
from pipeline.datasets.cases import cases_table, make_case, write_cases
from pipeline.edits import EDIT_COLUMNS, read_edit_maps
from pipeline.latent_diffusion import LatentDiffusion
from pipeline.stages import edit_images, estimate_information
from pipeline.storage import read_arrays, read_table
from tests.conftest import ROOT

MODEL = str(ROOT / "data/models/scenes")
SECTION = EditingSection(steps=4, omit="delete", swaps=(("dog", "cat"),))
INFORMATION = InformationSection(steps=(8,))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def case(image: str, caption: str, word: str) -> dict[str, str]:
    return make_case(
        dataset="d", image_id=image, image_path=f"{image}.png", label=word, word=word, word_type="noun", caption=caption
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "images" / f"{name}.png")
    rows = [
        case("a", "a dog left of a zebra", "dog"),
        case("a", "a dog left of a zebra", "zebra"),
        case("b", "a red cat", "cat"),
    ]
    write_cases(tmp_path / "cases.parquet", cases_table(rows))
    return tmp_path


def arguments(folder: Path, name: str, section: Any, **changes: Any) -> argparse.Namespace:
    settings = {
        "cases": folder / "cases.parquet",
        "images": folder / "images",
        "shard": 0,
        "shards": 1,
        "section": section_json(section),
        "model": section_json(ModelSection(id=MODEL)),
        "seed": 3,
        "max_failed_fraction": 0.5,
        "maps": folder / name / "edits",
        "output": folder / name / "shard.parquet",
        "device": "cpu",
        "batch_size": 16,
        "threads": 1,
        "heads": "all",
    }
    return argparse.Namespace(**{**settings, **changes})


def edit(folder: Path, name: str = "out", section: EditingSection = SECTION, **changes: Any) -> pd.DataFrame:
    changes = {"information": section_json(INFORMATION), "known": None, **changes}
    edit_images.run(arguments(folder, name, section, **changes))
    return read_table(folder / name / "shard.parquet", EDIT_COLUMNS)


def test_each_case_has_its_captions_numbers_maps_and_pictures(folder: Path) -> None:
    frame = edit(folder)
    assert list(frame["status"]) == ["ok"] * 3
    assert list(frame["swap_status"]) == ["ok", "no_partner", "ok"] and "zebra" in frame["swap_reason"][1]
    assert list(frame["prompt_omit"]) == ["a left of a zebra", "a dog left of a", "a red"]
    assert list(frame["prompt_swap"]) == ["a cat left of a zebra", "", "a red dog"]
    for row in frame.itertuples():
        arrays = read_arrays(folder / "out/edits" / f"{row.case_id}.npz")
        maps = read_edit_maps(folder / "out/edits" / f"{row.case_id}.npz", swapped=bool(row.prompt_swap))
        change = np.square(arrays["latent/unchanged"] - arrays["latent/omit"]).sum(0)
        assert np.allclose(maps.change["latent_l2", "omit"], change, rtol=1e-5)
        assert row.cmi_o == pytest.approx(maps.predictor["cmi_o"].sum(), rel=1e-4)
        assert row.attention == pytest.approx(maps.predictor["attention"].sum(), rel=1e-4)
        pictures = {path.stem for path in (folder / "out/edits" / row.case_id).iterdir()}
        assert pictures == {"real", "unchanged", "omit", *(["swap"] if row.prompt_swap else [])}
        with Image.open(folder / "out/edits" / row.case_id / "unchanged.png") as picture:
            assert picture.size == (64, 64)
        assert np.isfinite([row.psnr, row.psnr_autoencoder, row.latent_error]).all()
    first, second, third = frame["evaluations"]
    ways = 2 * 3  # Heun through four noise levels
    assert first == third == 4 * ways + 8 * 5 and second == 3 * ways + 8 * 4
    assert np.isnan(frame["cmi_swap_s"][1]) and np.isfinite(frame["cmi_swap_s"][0])


def test_batches_do_not_change_an_edit(folder: Path) -> None:
    whole, small = edit(folder), edit(folder, "small", batch_size=3)
    for column in ("psnr", "latent_error", "attention", "cmi_o", "mi_s"):
        assert np.allclose(whole[column], small[column], rtol=1e-3, atol=1e-4)


def test_maps_of_the_localisation_study_are_read_instead_of_computed(folder: Path) -> None:
    plain = edit(folder)
    known = arguments(folder, "known", INFORMATION, maps=folder / "known/maps")
    estimate_information.run(known)
    read = edit(folder, "read", known=folder / "known/shard.parquet")
    for column in ("mi_s", "mi_o", "cmi_s", "cmi_o", "cmi_o_error", "cmi_swap_s", "cmi_swap_o"):
        assert np.allclose(read[column], plain[column], rtol=1e-3, atol=1e-4, equal_nan=True)
    assert (read["evaluations"] < plain["evaluations"]).all()


def test_finished_cases_are_not_edited_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = edit(folder)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was loaded")

    with monkeypatch.context() as patch:
        patch.setattr(LatentDiffusion, "load", never)
        pd.testing.assert_frame_equal(first, edit(folder))
        pd.testing.assert_frame_equal(first, edit(folder, section=SECTION.model_copy(update={"confidence": 0.9})))
    changed = edit(folder, section=SECTION.model_copy(update={"omit": "underscore"}))
    assert list(changed["prompt_omit"]) == ["a _ left of a zebra", "a dog left of a _", "a red _"]


@pytest.mark.parametrize("sampler", ["euler", "ddim"])
def test_other_samplers(folder: Path, sampler: str) -> None:
    frame = edit(folder, section=EditingSection(steps=4, sampler=sampler, swaps=(("dog", "cat"),)))  # type: ignore[arg-type]
    assert list(frame["status"]) == ["ok"] * 3


def test_a_latent_that_is_not_finite_loses_its_case_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = LatentDiffusion.encode_pixels

    def broken(self: LatentDiffusion, pixels: torch.Tensor, sample: Any = None) -> torch.Tensor:
        latent = decode(self, pixels, sample)
        return latent * float("nan") if broken.first.pop() else latent  # type: ignore[attr-defined]

    broken.first = [False, True]  # type: ignore[attr-defined]
    monkeypatch.setattr(LatentDiffusion, "encode_pixels", broken)
    frame = edit(folder, max_failed_fraction=0.7)
    assert list(frame["status"]) == ["non_finite", "non_finite", "ok"]
    assert frame["psnr"].isna().tolist() == [True, True, False]
