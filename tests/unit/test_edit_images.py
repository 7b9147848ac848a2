"""The stage that edits images: its captions, its three ways back from noise, what it keeps and what it reuses."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageSequence

from infodecomp.config import (
    AttentionSection,
    BudgetSection,
    EditCaptionsSection,
    EditingSection,
    EditingTableSection,
    FlowSection,
    InformationSection,
    ModelSection,
    PromptsSection,
    RangeSection,
    section_json,
)
from infodecomp.datasets.cases import cases_table, make_case, read_cases, write_cases
from infodecomp.editing.edits import EDIT_COLUMNS, read_edit_maps
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import integration_interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.flows.karras import KarrasPath
from infodecomp.metrics.picture_change import peak_signal_to_noise
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import read_arrays, read_table, write_arrays
from infodecomp.stages import edit_images, estimate_information
from tests.stage_settings import settings
from tests.unit.shard_arguments import MODEL, shard_arguments

SECTION = EditingSection(
    flow=FlowSection(steps=4), captions=EditCaptionsSection(omit="delete", swaps=(("dog", "cat"),))
)
INFORMATION = InformationSection(budget=BudgetSection(steps=(8,)))


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


def arguments(folder: Path, name: str, read: str, **changes: Any) -> argparse.Namespace:
    given = {"settings": read, "maps": folder / name / "edits"}
    return shard_arguments(folder, name, **{**given, **changes})


def edit(folder: Path, name: str = "out", section: EditingSection = SECTION, **changes: Any) -> pd.DataFrame:
    read = settings("edit_images", editing=section, information=section.estimator(INFORMATION))
    edit_images.run(arguments(folder, name, read, **{"known": None, **changes}))
    return read_table(folder / name / "shard.parquet", EDIT_COLUMNS)


def estimated(
    folder: Path,
    information: InformationSection = INFORMATION,
    attention: AttentionSection | None = None,
    **changes: Any,
) -> None:
    """Run the localisation study's estimation into `known`."""
    read = settings("estimate_information", information=information, attention=attention or AttentionSection())
    estimate_information.run(arguments(folder, "known", read, maps=folder / "known/maps", **changes))


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
        pictures = {path.stem for path in (folder / "out/edits" / row.case_id).glob("*.png")}
        assert pictures == {"real", "unchanged", "omit", *(["swap"] if row.prompt_swap else [])}
        with Image.open(folder / "out/edits" / row.case_id / "unchanged.png") as picture:
            assert picture.size == (64, 64)
        assert np.isfinite([row.psnr, row.psnr_autoencoder, row.latent_error]).all()
    first, second, third = frame["evaluations"]
    ways = 2 * 3  # Heun through four noise levels
    assert first == third == 4 * ways + 8 * (5 + 2) and second == 3 * ways + 8 * 4
    for column in ("cmi_swap_s", "preference_swap", "preference_swap_error"):
        assert frame[column].isna().tolist() == [False, True, False]


def test_preference_is_the_information_of_the_swapped_caption_on_what_the_swap_made(folder: Path) -> None:
    """With the draws of the image, as all its estimates; on the real latent, cmi_swap_s is the same with the other sign."""
    row = edit(folder).iloc[0]
    model = LatentDiffusion.load(MODEL)
    interval = integration_interval(
        loc=1.0, scale=2.0, clip=3.0, trained=model.logsnr_range, beyond_trained_range=False
    )
    draws = sample_draws(
        shape=model.latent_shape,
        steps=(8,),
        density="logistic",
        design="stratified",
        antithetic_eps=True,
        interval=interval,
        rng=generator(3, "a", "information"),
    )
    pair = (row["prompt_unchanged"], row["prompt_swap"])
    prompts = dict(zip(pair, model.encode_prompts(pair), strict=True))
    arrays = read_arrays(folder / "out/edits" / f"{row['case_id']}.npz")
    before, after = (
        estimate(model, torch.from_numpy(arrays[name]), prompts, [pair], draws).standard[pair]
        for name in ("latent/real", "latent/swap")
    )
    assert row["preference_swap"] == pytest.approx(after.total, abs=1e-2)
    assert row["preference_swap_error"] == pytest.approx(after.total_error, rel=1e-3)
    assert row["cmi_swap_s"] == pytest.approx(-before.total, abs=1e-2)
    assert abs(after.total - before.total) > 1.0


def test_noise_at_the_start_comes_off_again(folder: Path) -> None:
    """What comes back is the latent without it; the edits are others."""
    settings = {"noised": True, "bare": False}
    for name, noised in settings.items():
        flow = FlowSection(steps=40, noised_start=noised)
        edit(folder, name, SECTION.model_copy(update={"flow": flow}))
    case_id = read_cases(folder / "cases.parquet")["case_id"][0]
    noised, bare = (read_arrays(folder / name / "edits" / f"{case_id}.npz") for name in settings)
    np.testing.assert_array_equal(noised["latent/real"], bare["latent/real"])
    for arrays in (noised, bare):
        back = arrays["latent/unchanged"] - arrays["latent/real"]
        assert np.square(back).mean() ** 0.5 < 0.015  # half of the noise
    assert np.abs(noised["latent/swap"] - bare["latent/swap"]).max() > 0.1


def test_a_word_that_its_caption_lacks_loses_its_case_alone(folder: Path) -> None:
    """Whether the cases table says so already or not."""
    frame = read_cases(folder / "cases.parquet")
    frame.loc[0, "prompt_word"] = "bear"
    lost = cases_table([case("b", "a red cat", "horse")]).assign(position=3)
    write_cases(folder / "cases.parquet", pd.concat([frame, lost], ignore_index=True))
    edits = edit(folder)
    assert list(edits["status"]) == ["word_not_in_caption", "ok", "ok", "word_not_in_caption"]
    assert list(edits["swap_status"]) == ["word_not_in_caption", "no_partner", "ok", "word_not_in_caption"]
    assert "'bear'" in edits["reason"][0] and "'horse'" in edits["reason"][3]
    assert edits["psnr"].isna().tolist() == [True, False, False, True]
    assert {path.stem for path in (folder / "out/edits").glob("*.npz")} == set(edits["case_id"][[1, 2]])


def test_an_image_with_two_captions_shares_what_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        case("a", "a dog left of a zebra", "dog"),
        case("a", "a dog left of a zebra", "zebra"),
        case("a", "a red cat", "cat"),
    ]
    write_cases(folder / "cases.parquet", cases_table(rows))
    walked: list[int] = []
    decoded: list[int] = []
    reverse, decode = KarrasPath.reverse, LatentDiffusion.decode

    def count_walks(self: KarrasPath, x: torch.Tensor, condition: Condition, *watch: Any) -> torch.Tensor:
        walked.append(len(torch.unique(condition.states, dim=0)))
        return reverse(self, x, condition, *watch)

    def count_pictures(self: LatentDiffusion, latents: torch.Tensor) -> torch.Tensor:
        decoded.append(len(latents))
        return decode(self, latents)

    monkeypatch.setattr(KarrasPath, "reverse", count_walks)
    monkeypatch.setattr(LatentDiffusion, "decode", count_pictures)
    edits = edit(folder)
    assert list(edits["status"]) == ["ok"] * 3
    assert walked == [2]
    # What the autoencoder makes of the image; `unchanged` of two captions; `omit` of three cases, `swap` of two; and seven
    # latents on each way to noise and back that becomes a moving picture.
    assert sum(decoded) == 1 + 2 + 3 + 2 + 7 * (2 + 3 + 2)
    arrays = [read_arrays(folder / "out/edits" / f"{name}.npz") for name in edits["case_id"]]
    same, other = (np.abs(arrays[0]["latent/unchanged"] - one["latent/unchanged"]).max() for one in arrays[1:])
    assert same == 0.0 and other > 1e-3
    assert len({float(one["psnr_autoencoder"]) for one in arrays}) == 1
    assert np.abs(arrays[0]["latent/omit"] - arrays[1]["latent/omit"]).max() > 1e-3


def test_psnr_is_of_the_picture_without_letterbox_bars(folder: Path) -> None:
    """Bars are easy to bring back, and would flatter it; maps and pictures keep them, as the model saw them."""
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (40, 80, 3), dtype=np.uint8)).save(folder / "images/a.png")
    edits = edit(folder, model=section_json(ModelSection(id=MODEL, resize="letterbox")))
    assert list(edits["status"]) == ["ok"] * 3
    model = LatentDiffusion.load(MODEL)
    for row, rows in ((0, slice(16, 48)), (2, slice(0, 64))):
        # The maps say which cells hold nothing but picture.
        arrays = read_arrays(folder / "out/edits" / f"{edits['case_id'][row]}.npz")
        latents = torch.from_numpy(np.stack([arrays["latent/real"], arrays["latent/unchanged"]]))
        autoencoder, unchanged = ((one.numpy() + 1) / 2 for one in model.decode(latents))
        with Image.open(folder / "out/edits" / edits["case_id"][row] / "real.png") as picture:
            assert picture.size == (64, 64)
            real = np.asarray(picture).transpose(2, 0, 1) / 255
        expected = peak_signal_to_noise(real[:, rows], unchanged[:, rows])
        assert edits["psnr"][row] == pytest.approx(expected, abs=0.05)
        expected = peak_signal_to_noise(real[:, rows], autoencoder[:, rows])
        assert edits["psnr_autoencoder"][row] == pytest.approx(expected, abs=0.05)
        expected = peak_signal_to_noise(autoencoder[:, rows], unchanged[:, rows])
        assert edits["psnr_decoded"][row] == pytest.approx(expected, abs=0.05)
        assert arrays["change/pixel_l2/omit"].shape == arrays["predictor/cmi_o"].shape == (16, 16)
        inside = read_edit_maps(folder / "out/edits" / f"{edits['case_id'][row]}.npz", swapped=False).inside
        assert inside[rows.start // 4 : rows.stop // 4].all() and inside.sum() == 16 * (rows.stop - rows.start) // 4
    grey = np.asarray(Image.open(folder / "out/edits" / edits["case_id"][0] / "real.png"))
    assert (grey[:16] == 127).all() and (grey[48:] == 127).all()


def test_maps_of_the_localisation_study_are_read_instead_of_computed(folder: Path) -> None:
    plain = edit(folder)
    estimated(folder)
    read = edit(folder, "read", known=folder / "known/shard.parquet")
    for column in ("mi_s", "mi_o", "cmi_s", "cmi_o", "cmi_o_error", "cmi_swap_s", "cmi_swap_o"):
        assert np.allclose(read[column], plain[column], rtol=1e-3, atol=1e-4, equal_nan=True)
    assert (read["evaluations"] < plain["evaluations"]).all()


OTHER_MODEL = section_json(ModelSection(id=MODEL, latents="sample"))


@pytest.mark.parametrize(
    ("information", "changes"),
    [
        (INFORMATION, {"seed": 4}),
        (INFORMATION, {"model": OTHER_MODEL}),
        (INFORMATION, {"attention": AttentionSection(heads="second_half")}),
        (InformationSection(budget=BudgetSection(steps=(8,)), range=RangeSection(loc=0.5)), {}),
        (InformationSection(budget=BudgetSection(steps=(4, 8))), {}),
        (InformationSection(budget=BudgetSection(steps=(8,)), prompts=PromptsSection(missing="underscore")), {}),
        (InformationSection(budget=BudgetSection(steps=(8,)), prompts=PromptsSection(word="label")), {}),
    ],
    ids=["seed", "model", "heads", "loc", "steps", "missing_word", "word_prompt"],
)
def test_maps_of_another_run_are_refused(
    folder: Path, information: InformationSection, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the numbers that this run would compute; and nothing is walked before that is found."""
    estimated(folder, information, **changes)
    monkeypatch.setattr(KarrasPath, "reverse", None)
    with pytest.raises(InputError, match=r"known/shard.parquet: the key of case .* \(3 of 3 cases differ\)"):
        edit(folder, known=folder / "known/shard.parquet")


def test_maps_of_another_model_with_the_same_name_are_refused(folder: Path) -> None:
    shutil.copytree(MODEL, folder / "model")
    own = section_json(ModelSection(id=str(folder / "model")))
    estimated(folder, model=own)
    (folder / "model/unet/note.txt").write_text("other weights")
    with pytest.raises(InputError, match="run estimate_information again"):
        edit(folder, known=folder / "known/shard.parquet", model=own)


def test_maps_of_another_picture_are_refused(folder: Path) -> None:
    estimated(folder)
    Image.new("RGB", (64, 64)).save(folder / "images/b.png")
    with pytest.raises(InputError, match=r"\(1 of 3 cases differ\)"):
        edit(folder, known=folder / "known/shard.parquet")


def test_maps_that_are_not_those_of_their_table_are_refused(folder: Path) -> None:
    estimated(folder)
    for path in (folder / "known/maps").glob("*.npz"):
        write_arrays(path, {**read_arrays(path), "key": np.array("0" * 32)})
    with pytest.raises(InputError, match=r"\.npz: key is 0{32}; expected .*, that of its table"):
        edit(folder, known=folder / "known/shard.parquet")


def test_finished_cases_are_not_edited_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = edit(folder)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was loaded")

    with monkeypatch.context() as patch:
        patch.setattr(LatentDiffusion, "load", never)
        pd.testing.assert_frame_equal(first, edit(folder))
        pd.testing.assert_frame_equal(
            first, edit(folder, section=SECTION.model_copy(update={"table": EditingTableSection(error="sd_over_10")}))
        )
    captions = SECTION.captions.model_copy(update={"omit": "underscore"})
    changed = edit(folder, section=SECTION.model_copy(update={"captions": captions}))
    assert list(changed["prompt_omit"]) == ["a _ left of a zebra", "a dog left of a _", "a red _"]


def test_the_ways_of_the_first_cases_are_moving_pictures(folder: Path) -> None:
    smooth = Image.fromarray(np.random.default_rng(1).integers(0, 255, (4, 4, 3), dtype=np.uint8))
    smooth.resize((64, 64), Image.Resampling.BICUBIC).save(
        folder / "images/a.png"
    )  # what is kept with losses comes back
    edits = edit(folder, section=SECTION.model_copy(update={"animated": 2}))
    found = {case: set(ways(folder, case)) for case in edits["case_id"]}
    assert list(found.values()) == [{"omit", "swap"}, {"omit"}, set()]
    moving = ways(folder, edits["case_id"][0])
    for name, path in moving.items():
        assert path.stat().st_size < 60_000
        with Image.open(path) as picture, Image.open(path.with_suffix(".png")) as end:
            assert picture.info["loop"] == 0
            frames, milliseconds = list[np.ndarray](), 0
            for frame in ImageSequence.Iterator(picture):  # equal ones that follow each other have become one
                frames.append(np.asarray(frame.convert("RGB"), dtype=float))
                milliseconds += frame.info["duration"]
            assert 6 <= len(frames) <= 16 and milliseconds == 1000 + 14 * 130 + 1800
            with Image.open(path.with_name("real.png")) as start:
                assert np.abs(frames[0] - np.asarray(start)).mean() < 12
            assert np.abs(frames[-1] - np.asarray(end)).mean() < 12, name
            assert np.abs(frames[len(frames) // 2] - frames[0]).mean() > 12, "the way leads through noise"


def test_more_and_fewer_moving_pictures_change_no_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, all_of_them, none = (SECTION.model_copy(update={"animated": count}) for count in (1, 9, 0))
    edits = edit(folder, section=one)
    first = ways(folder, edits["case_id"][0])["omit"].read_bytes()
    pd.testing.assert_frame_equal(edits, edit(folder, section=all_of_them))
    assert [len(ways(folder, case)) for case in edits["case_id"]] == [2, 1, 2]
    assert ways(folder, edits["case_id"][0])["omit"].read_bytes() == first
    monkeypatch.setattr(LatentDiffusion, "load", None)
    pd.testing.assert_frame_equal(edits, edit(folder, section=none))
    assert [len(ways(folder, case)) for case in edits["case_id"]] == [0, 0, 0]


def ways(folder: Path, case: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted((folder / "out/edits" / case).glob("*.webp"))}


@pytest.mark.parametrize("sampler", ["euler", "ddim"])
def test_other_samplers(folder: Path, sampler: str) -> None:
    frame = edit(
        folder,
        section=EditingSection(
            flow=FlowSection(steps=4, sampler=sampler), captions=EditCaptionsSection(swaps=(("dog", "cat"),))
        ),
    )  # type: ignore[arg-type]
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
