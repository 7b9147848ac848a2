"""The library's Explainer: what it accepts, what it computes, and that a user's pipeline stays as it was."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, LCMScheduler
from PIL import Image

import infodecomp
from infodecomp.config import AttentionSection, BudgetSection, GradientsSection, InformationSection
from infodecomp.datasets.cases import cases_table, make_case, read_cases, write_cases
from infodecomp.explain import Explainer
from infodecomp.explaining import measured as measured_settings
from infodecomp.explaining.doubts import ExplanationWarning
from infodecomp.explaining.explanation import Explanation
from infodecomp.explaining.familiarity import Likelihood, doubts_of_picture, known_range
from infodecomp.explaining.given_pictures import fitted_picture
from infodecomp.explaining.options import DEFAULTS, Options
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.world import sample_scene, scene_rng
from infodecomp.stages import estimate_information, record_attention, record_gradients
from tests.conftest import ROOT
from tests.stage_settings import settings
from tests.unit import user_script
from tests.unit.shard_arguments import MODEL, shard_arguments
from tests.unit.small_model import small_pipeline

DRAWS = 6
METHODS = [name for name in measured_settings.EVERY_METHOD if name != "attention_output"]
CAPTION = "a red dog above a dog"
PICTURE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return small_pipeline()


@pytest.fixture(scope="module")
def explainer(pipeline: Any) -> Explainer:
    return Explainer(pipeline, batch_size=16)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExplanationWarning)
        yield


def explained(explainer: Explainer, image: Any = PICTURE, caption: str = CAPTION, **options: Any) -> Explanation:
    return explainer(image, caption, **{"draws": DRAWS, "progress": False, **options})


# What comes out.


def test_every_word_has_its_quantities_and_maps(explainer: Explainer) -> None:
    found = explained(explainer)
    assert list(found) == ["a", "red", "dog", "above", ("a", 1), ("dog", 1)] and len(found) == 6
    for word in found.values():
        assert set(word.quantities) == {(name, kind) for name in ("mi", "cmi") for kind in ("standard", "orthogonal")}
        assert set(word.maps) == {"attention_information"}
        for quantity in word.quantities.values():
            assert quantity.map.shape == (8, 8) and quantity.map.dtype == np.float32
            assert quantity.map.sum() == pytest.approx(quantity.total, rel=1e-4, abs=1e-6)
            low, high = quantity.interval(0.9)
            assert low < quantity.total < high
        assert word.cmi is word.quantities["cmi", "orthogonal"] and word.cmi.map.min() >= 0
    assert np.array_equal(found.picture, PICTURE)
    assert set(found.caption_nats) == {"standard", "orthogonal"} and found.caption_nats["orthogonal"].total > 0
    assert found.settings["draws"] == DRAWS and found.settings["draws_used"] == [DRAWS] * 6


def test_a_place_of_a_repeated_word_is_a_word_by_itself(explainer: Explainer) -> None:
    """Its context keeps the other place; the whole caption's nats are those of full against empty."""
    found = explained(explainer, words=["dog"])
    assert list(found) == ["dog", ("dog", 1)]
    first, second = found["dog"], found["dog", 1]
    assert (first.span.start, second.span.start) == (6, 18)
    assert np.array_equal(first.mi.map, second.mi.map)  # the same prompt
    assert not np.array_equal(first.cmi.map, second.cmi.map)
    assert not np.array_equal(first.maps["attention_information"], second.maps["attention_information"])
    only = explained(explainer, words=[("dog", 1)])
    assert list(only) == [("dog", 1)] and np.allclose(only["dog", 1].cmi.map, second.cmi.map, atol=1e-6)


def test_words_are_named_in_several_ways(explainer: Explainer) -> None:
    caption = "two Brown teddy bears, 蓝色的狗"
    cases: list[tuple[Any, str]] = [
        ("teddy bear", "teddy bears"),
        ("brown", "Brown"),
        ((4, 15), "Brown teddy"),
        ("狗", "狗"),
        ("teddy", "teddy"),
    ]
    for asked, text in cases:
        (word,) = explained(explainer, caption=caption, words=[asked]).values()
        assert word.span.text == text == caption[word.span.start : word.span.end]


def test_one_pass_evaluates_each_distinct_prompt_once_a_draw(explainer: Explainer, monkeypatch: Any) -> None:
    rows = 0
    real = LatentDiffusion.predict

    def counted(self: LatentDiffusion, x_alpha: torch.Tensor, *rest: Any) -> torch.Tensor:
        nonlocal rows
        rows += len(x_alpha)
        return real(self, x_alpha, *rest)

    monkeypatch.setattr(LatentDiffusion, "predict", counted)
    for caption, words, methods, prompts in (
        ("a red dog", None, ("cmi", "mi"), 2 + 2 * 3),
        ("a red dog", ["dog"], ("cmi", "mi"), 2 + 2),
        ("dog dog", None, ("cmi", "mi"), 2 + 1),  # the word alone and its context are one prompt, twice
        ("a red dog", None, ("cmi",), 2 + 3),
        ("a red dog", None, ("mi",), 2 + 3),
        ("a red dog", None, ("attention_information",), 2),
        ("dog", None, ("cmi", "mi"), 2),
    ):
        rows = 0
        found = explained(explainer, caption=caption, words=words, methods=methods)
        assert rows == found.settings["evaluations"] == DRAWS * prompts, (caption, words, methods)


def test_a_method_that_was_not_asked_for_says_so(explainer: Explainer) -> None:
    found = explained(explainer, caption="a dog", methods=["cmi"])
    assert found["dog"].cmi.total > 0
    with pytest.raises(InputError, match="has no MI: it was not estimated; add 'mi' to `methods`"):
        _ = found["dog"].mi


def test_map_equals_single_calls_and_runs_across_images(explainer: Explainer) -> None:
    others = np.random.default_rng(1).integers(0, 255, (2, 20, 30, 3), dtype=np.uint8)
    images, captions = [PICTURE, *others], [CAPTION, "a cat", "a red cat"]
    together = list(explainer.map(images, captions, draws=DRAWS, progress=False))
    for image, caption, found in zip(images, captions, together, strict=True):
        alone = explained(explainer, image, caption)
        assert list(found) == list(alone) and found.settings["image_id"] == alone.settings["image_id"]
        for key in found:
            assert np.allclose(found[key].cmi.map, alone[key].cmi.map, rtol=1e-4, atol=1e-6)
            assert found[key].mi.total == pytest.approx(alone[key].mi.total, rel=1e-4, abs=1e-6)
    assert len({found.settings["image_id"] for found in together}) == 3


def test_a_target_error_stops_when_known(explainer: Explainer) -> None:
    loose = explained(explainer, caption="a dog", draws=96, target_error=0.9)
    assert loose.settings["draws_used"] == [24, 24] and loose.settings["evaluations"] == 24 * 4
    tight = explained(explainer, caption="a dog", draws=48, target_error=1e-6)
    assert tight.settings["draws_used"] == [48, 48]


def test_seeds_name_the_draws(explainer: Explainer) -> None:
    one, same, other = (explained(explainer, caption="a dog", seed=seed)["dog"].cmi.total for seed in (0, 0, 1))
    assert one == same != other


def test_the_table_has_a_row_a_word(explainer: Explainer) -> None:
    found = explained(explainer)
    table = found.table()
    assert table["word"].tolist() == ["a", "red", "dog", "above", "a", "dog"]
    assert table["share"].sum() == pytest.approx(1)
    row = table.iloc[2]
    assert (row["start"], row["end"]) == (6, 9) and row["cmi"] == found["dog"].cmi.total
    assert row["mi_standard_error"] == found["dog"].quantities["mi", "standard"].error
    assert (row["cmi_low"], row["cmi_high"]) == found["dog"].cmi.interval()


# The same numbers as a study's.


def test_the_maps_are_those_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    path, caption = tmp_path / "images" / "a.png", "a dog left of a zebra"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 64, 3), dtype=np.uint8)).save(path)
    made = [
        make_case(dataset="d", image_id="a", image_path="a.png", label=word, word=word, caption=caption)
        for word in ("dog", "zebra")
    ]
    write_cases(tmp_path / "cases.parquet", cases_table(made))
    section = InformationSection(budget=BudgetSection(steps=(4, 8)))
    attention, gradients = AttentionSection(steps=(3,)), GradientsSection(steps=(6,))
    for stage in (estimate_information, record_attention, record_gradients):
        read = settings(stage.STAGE, information=section, attention=attention, gradients=gradients)
        stage.run(shard_arguments(tmp_path, stage.STAGE, settings=read))
    monkeypatch.setattr(measured_settings, "ATTENTION_STEPS", 3)
    monkeypatch.setattr(measured_settings, "GRADIENT_DRAWS", 6)
    found = Explainer(MODEL, device="cpu")(
        path,
        caption,
        words=["dog", "zebra"],
        seed=3,
        image_id="a",
        information=section,
        methods=METHODS,
        progress=False,
    )
    for case in read_cases(tmp_path / "cases.parquet").itertuples():
        word = found[case.word]
        files = {
            stage.STAGE: read_arrays(tmp_path / stage.STAGE / "maps" / f"{case.case_id}.npz")
            for stage in (estimate_information, record_attention, record_gradients)
        }
        study = files["estimate_information"]
        for (name, kind), quantity in word.quantities.items():
            _same(quantity.map, study[f"{name}/{kind}/8"])
            assert quantity.total == pytest.approx(float(study[f"{name}_{kind}"]), rel=1e-5)
            assert quantity.error == pytest.approx(float(study[f"{name}_{kind}_error"]), rel=1e-4)
        _same(word.maps["attention_information"], study["attention_information/-/8"])
        _same(word.maps["attention"], files["record_attention"]["attention/-/3"])
        _same(word.maps["gradient"], files["record_gradients"]["gradient/-/6"])


def _same(one: np.ndarray, other: np.ndarray) -> None:
    assert np.abs(one - other).max() <= 1e-5 * max(1.0, float(np.abs(other).max()))


# What goes in.


def _photograph(mode: str) -> Image.Image:
    return Image.fromarray(PICTURE).resize((45, 30)).convert(mode)


@pytest.mark.parametrize(
    "image",
    [
        *(_photograph(mode) for mode in ("RGB", "L", "RGBA", "P", "CMYK", "1", "LA")),
        PICTURE,
        PICTURE[:, :, 0],
        PICTURE[:, :, :1],
        PICTURE / 255,
        (PICTURE / 255).astype(np.float32),
        PICTURE[:, :, 0] > 99,
        torch.from_numpy(PICTURE).permute(2, 0, 1),
        torch.from_numpy(PICTURE).permute(2, 0, 1)[None] / 255,
        (torch.from_numpy(PICTURE).permute(2, 0, 1) / 255).to(torch.bfloat16),
    ],
    ids=lambda image: (
        getattr(image, "mode", None) or f"{type(image).__name__}-{image.dtype}-{'x'.join(map(str, image.shape))}"
    ),
)
def test_a_picture_may_be_of_any_kind(image: Any) -> None:
    fitted = fitted_picture(image, 16)
    assert fitted.pixels.shape == (16, 16, 3) and fitted.pixels.dtype == np.uint8 and fitted.pixels.std() > 1


def test_arrays_tensors_and_pictures_are_read_alike() -> None:
    tensor = torch.from_numpy(PICTURE).permute(2, 0, 1)
    for image in (PICTURE, PICTURE / 255, tensor, tensor[None].float() / 255, Image.fromarray(PICTURE)):
        assert np.array_equal(fitted_picture(image, 16).pixels, PICTURE)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.zeros((3, 8, 9)), r"array of shape \(3, 8, 9\).* pass image.transpose\(1, 2, 0\)"),
        (np.zeros((8, 8, 5)), r"array of shape \(8, 8, 5\); allowed are"),
        (np.zeros((0, 8, 3)), "array of shape"),
        (np.zeros(8), "array of shape"),
        (torch.zeros(8, 8, 3), r"tensor of shape \(8, 8, 3\)"),
        (torch.zeros(2, 3, 8, 8), "2 images; use explainer.map"),
        (np.full((8, 8, 3), -0.5), r"floats from -0.5 to -0.5; .*\(image \+ 1\) / 2"),
        (np.full((8, 8, 3), 200.0), "pass image / 255"),
        (np.full((8, 8, 3), np.nan), "not finite"),
        (np.zeros((8, 8, 3), dtype=np.int64), "array of int64"),
        ([PICTURE], "is a list; .*explainer.map"),
        ("missing.jpg", "missing.jpg: no such file"),
        (None, "is a NoneType"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(image: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        fitted_picture(image, 16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_photograph_is_applied(orientation: int, tmp_path: Path) -> None:
    """A file that is turned and says so gives the upright picture, as path and as PIL image."""
    upright = Image.fromarray(np.kron(PICTURE[:4, :3], np.ones((8, 8, 1))).astype(np.uint8))
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # Image.Transpose that undoes it
    stored = upright if back is None else upright.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    expected = fitted_picture(upright, 16)
    for image in (tmp_path / "photo.png", str(tmp_path / "photo.png"), Image.open(tmp_path / "photo.png")):
        found = fitted_picture(image, 16)
        assert np.array_equal(found.pixels, expected.pixels) and found.fit["orientation"] == orientation


def test_a_picture_is_squeezed_letterboxed_or_cropped() -> None:
    wide = Image.new("RGB", (40, 20), (250, 0, 0))
    wide.paste((0, 0, 250), (0, 0, 10, 20))
    blue = {fit: fitted_picture(wide, 20, fit).pixels[10, 2].tolist() for fit in ("squeeze", "letterbox", "crop")}
    assert blue == {"squeeze": [0, 0, 250], "letterbox": [0, 0, 250], "crop": [250, 0, 0]}
    letterboxed = fitted_picture(wide, 20, "letterbox")
    assert letterboxed.pixels[0, 0].tolist() == [127, 127, 127]
    made = fitted_picture(wide, 20, "crop").fit
    assert made == {"mode": "crop", "size": [40, 20], "box": [10, 0, 30, 20], "model": [20, 20], "orientation": 1}
    with pytest.raises(InputError, match="fit is 'stretch'; allowed are squeeze, letterbox, crop"):
        fitted_picture(wide, 20, "stretch")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"caption": None}, r"caption is None; .*explainer.generate\(prompt\)"),
        ({"caption": ""}, "caption is empty"),
        ({"caption": 3}, "caption is a int"),
        ({"caption": "…"}, "has no words"),
        ({"words": ["cat"]}, "the word 'cat' is not in the caption"),
        ({"words": "dog"}, r"words=\['dog'\]"),
        ({"words": []}, "words is empty"),
        ({"words": [("dog", 2)]}, "'dog' is 2 times in the caption"),
        ({"words": [(3, 99)]}, "has none there"),
        ({"words": [7]}, "words has 7"),
        ({"draws": 7}, "draws is 7; allowed are even numbers"),
        ({"draws": 0}, "draws is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"methods": ["CMI"]}, "methods has 'CMI'; allowed are cmi, mi"),
        ({"methods": "cmi"}, "expected a list"),
        ({"target_error": 2.0}, "target_error is 2.0"),
        ({"fit": "stretch"}, "fit is 'stretch'"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_sentence(
    explainer: Explainer, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        explainer(PICTURE, **{"caption": CAPTION, "draws": DRAWS, "progress": False, **options})


def test_images_and_captions_are_counted_and_numbered(explainer: Explainer) -> None:
    with pytest.raises(InputError, match="there are 1 images and 2 captions"):
        explainer.map([PICTURE], ["a dog", "a cat"])
    found = explainer.map([PICTURE, "missing.png"], ["a dog", "a cat"], draws=DRAWS, progress=False)
    with pytest.raises(InputError, match=r"image 1 of 2: missing.png: no such file"):
        list(found)


# The model.


def test_a_pipeline_is_afterwards_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_settings, "ATTENTION_STEPS", 2)
    monkeypatch.setattr(measured_settings, "GRADIENT_DRAWS", 2)
    pipeline = small_pipeline()
    pipeline.unet.train()
    pipeline.text_encoder.requires_grad_(True)
    pipeline.vae.to(torch.float64)
    pipeline.tokenizer.model_max_length = 10**30
    before = _state(pipeline)
    explainer = Explainer(pipeline, batch_size=8)
    assert _state(pipeline) == before
    explained(explainer, caption="a dog", methods=METHODS)
    assert _state(pipeline) == before
    for stop in (InputError, None):  # also after a failure, and after a map that nobody takes to its end
        with pytest.raises(InputError) if stop else warnings.catch_warnings():
            found = explainer.map(["missing.png" if stop else PICTURE] * 2, ["a dog"] * 2, draws=DRAWS, progress=False)
            next(found)
        del found
        assert _state(pipeline) == before


def _state(pipeline: Any) -> dict[str, Any]:
    """Everything of a pipeline that could change, and where its weights lie in memory."""
    parts = {name: getattr(pipeline, name) for name in ("unet", "vae", "text_encoder")}
    modules = {f"{name}.{key}": module for name, part in parts.items() for key, module in part.named_modules()}
    weights = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.named_parameters()}
    return {
        "modes": {key: module.training for key, module in modules.items()},
        "hooks": {key: (len(m._forward_hooks), len(m._forward_pre_hooks)) for key, m in modules.items()},
        "forward": {key: "forward" in vars(module) for key, module in modules.items()},
        "processors": {key: id(value) for key, value in pipeline.unet.attn_processors.items()},
        "weights": {
            key: (
                value.data_ptr(),
                value.dtype,
                str(value.device),
                value.requires_grad,
                value.stride(),
                value.sum().item(),
            )
            for key, value in weights.items()
        },
        "limit": pipeline.tokenizer.model_max_length,
        "scheduler": (id(pipeline.scheduler), str(pipeline.scheduler.config)),
    }


def test_a_folder_gives_the_numbers_of_its_pipeline(tmp_path: Path, pipeline: Any, explainer: Explainer) -> None:
    pipeline.save_pretrained(tmp_path / "model")
    loaded = Explainer(tmp_path / "model", device="cpu", batch_size=16)
    one, other = explained(explainer)["dog"], explained(loaded)["dog"]
    assert np.allclose(one.cmi.map, other.cmi.map, rtol=1e-5, atol=1e-7)


def test_generate_makes_the_image_and_explains_it(explainer: Explainer, pipeline: Any) -> None:
    pipeline.set_progress_bar_config(disable=True)
    made = [
        explainer.generate("a dog", draws=DRAWS, progress=False, num_inference_steps=2, height=16, width=16)
        for _ in range(2)
    ]
    assert np.array_equal(made[0].picture, made[1].picture) and made[0].caption == "a dog"
    assert made[0].picture.shape == (16, 16, 3) and "dog" in made[0]
    with pytest.raises(InputError, match="the pipeline made 2 images"):
        explainer.generate("a dog", num_images_per_prompt=2, num_inference_steps=1, height=16, width=16)
    with pytest.raises(InputError, match="the prompt is a list"):
        explainer.generate(["a dog"])  # type: ignore[arg-type]


def _offloaded() -> Any:
    pipeline = small_pipeline()
    pipeline.unet._hf_hook = object()
    return pipeline


def _with_second_encoder() -> Any:
    pipeline = small_pipeline()
    return SimpleNamespace(**pipeline.components, text_encoder_2=pipeline.text_encoder)


@pytest.mark.parametrize(
    ("make", "options", "sentence"),
    [
        (
            lambda: object(),
            {},
            "the pipeline is a object, which is not supported; supported are StableDiffusionPipeline",
        ),
        (_with_second_encoder, {}, "is a SimpleNamespace, which is not supported"),
        (_offloaded, {}, r"call pipe.remove_all_hooks\(\)"),
        (lambda: "no/such/folder", {}, "neither an existing folder nor a Hub id"),
        (small_pipeline, {"device": "cuda"}, "device is 'cuda', but the pipeline is on cpu"),
        (small_pipeline, {"precision": "float16"}, "precision is 'float16', but the pipeline is in float32"),
        (small_pipeline, {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(make: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Explainer(make(), **options)


# Doubts.


def _sentences(explainer: Explainer, **options: Any) -> tuple[str, ...]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ExplanationWarning)
        found = explained(explainer, **{"draws": 24, **options})
    assert tuple(str(one.message) for one in said if one.category is ExplanationWarning) == found.warnings
    return found.warnings


def test_what_the_model_knows_gives_no_warning(explainer: Explainer) -> None:
    assert _sentences(explainer, caption="a red dog above two zebras") == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"caption": "a close photo of a dog"}, "splits 'close', 'photo' into single letters"),
        ({"caption": "a чёрный dog"}, "splits 'чёрный' into single letters: it hardly knows this word"),
        ({"draws": 8}, "8 draws are too few to trust"),
        ({"caption": "a red " * 60 + "dog", "words": ["dog"]}, "beyond the first 96 tokens"),
    ],
)
def test_doubts_are_said_and_kept(explainer: Explainer, options: dict[str, Any], sentence: str) -> None:
    assert len([one for one in _sentences(explainer, **options) if sentence in one]) == 1


def test_a_picture_unlike_the_models_own_is_doubted() -> None:
    """The embedded model knows the likelihood of its scenes."""
    explainer = Explainer(MODEL, device="cpu")
    scenes = [draw_scene(sample_scene(scene_rng(0, "evaluation", index)))[0] for index in range(3)]
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    found = list(
        explainer.map([*scenes, noise], ["a dog"] * 4, words=["dog"], draws=24, methods=["cmi"], progress=False)
    )
    assert [len(one.warnings) for one in found] == [0, 0, 0, 1]
    assert "The picture is unlike those that the model was trained on" in found[3].warnings[0]


@pytest.mark.parametrize(
    ("nll", "error", "doubted"),
    [(0.0, 0.1, False), (1.2, 0.1, False), (1.4, 0.1, True), (-1.4, 0.1, True), (9.0, float("nan"), False)],
)
def test_a_likelihood_is_doubted_when_surely_outside(nll: float, error: float, doubted: bool) -> None:
    assert bool(list(doubts_of_picture(Likelihood(nll, error), (-1.0, 1.0)))) is doubted
    assert not list(doubts_of_picture(Likelihood(nll, error), None))


def test_a_damaged_record_of_likelihoods_is_a_sentence(tmp_path: Path) -> None:
    assert known_range(tmp_path / "model") is None
    (tmp_path / "model-likelihood.json").write_text('{"low": "?"}')
    with pytest.raises(InputError, match=r"model-likelihood\.json: expected JSON with the numbers"):
        known_range(tmp_path / "model")


def test_a_word_that_is_not_read_has_a_status_and_no_numbers(explainer: Explainer) -> None:
    found = explained(explainer, caption="a red " * 60 + "dog", words=["dog", ("red", 0)])
    late, read = found["dog"], found["red"]
    assert (late.status, read.status) == ("word_truncated", "ok") and not late.quantities
    with pytest.raises(InputError, match="has no CMI: the word 'dog' is beyond"):
        _ = late.cmi
    assert found.settings["draws_used"] == [DRAWS, 0] and np.isnan(found.table()["cmi"].iloc[1])


@pytest.mark.parametrize("sign", ["scheduler", "name", "guidance"])
def test_a_distilled_model_is_doubted(sign: str) -> None:
    pipeline = small_pipeline()
    if sign == "scheduler":
        pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)
    elif sign == "name":
        pipeline.register_to_config(_name_or_path="someone/sd-turbo")
    else:
        pipeline.unet.register_to_config(time_cond_proj_dim=32)
    doubts = _sentences(Explainer(pipeline), caption="a dog", words=["dog"])
    assert len(doubts) == 1 and "distilled" in doubts[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_pipeline_in_half_precision_on_a_gpu_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_settings, "ATTENTION_STEPS", 5)
    whole = explained(Explainer(small_pipeline()), caption="a red dog", draws=48)
    pipeline = small_pipeline().to("cuda", torch.float16)
    before = _state(pipeline)
    found = explained(Explainer(pipeline), caption="a red dog", draws=48, methods=METHODS)
    assert _state(pipeline) == before
    assert (found.settings["device"], found.settings["precision"]) == ("cuda:0", "float16")
    for key in found:
        assert found[key].cmi.total == pytest.approx(whole[key].cmi.total, rel=0.05)
        assert set(found[key].maps) == {"attention", "attention_information", "gradient"}


def test_the_schedule_is_that_of_the_pipeline(pipeline: Any) -> None:
    """Another schedule of betas is another channel."""
    other = small_pipeline()
    other.scheduler = DDIMScheduler.from_config(other.scheduler.config, beta_end=0.02)
    one, two = (explained(Explainer(each), caption="a dog")["dog"].cmi.total for each in (pipeline, other))
    assert one != two


# The package.


WITH_EXAMPLES = [
    *("explain", "words.prompts", "words.swaps"),
    *(
        f"explaining.{path.stem}"
        for path in sorted((ROOT / "pipeline/infodecomp/explaining").glob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ),
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_give_what_they_show(module: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    found = doctest.testmod(importlib.import_module(f"infodecomp.{module}"))
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.parametrize(
    "call", [Explainer.__call__, Explainer.map, Explainer.generate], ids=lambda call: call.__name__
)
def test_signatures_show_every_option(call: Any) -> None:
    """Options have types, defaults and a meaning in one place; help and notebooks show them at each call."""
    shown = inspect.signature(call).parameters
    assert {name: shown[name].default for name in Options.__annotations__} == dict(DEFAULTS)
    assert all(f"\n    {name}: " in str(Options.__doc__) for name in DEFAULTS)
    assert ("options" in shown) is (call is Explainer.generate)


def test_an_option_that_does_not_exist_is_refused(explainer: Explainer) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'draw'; allowed are words, draws"):
        explainer(PICTURE, CAPTION, draw=4)  # type: ignore[call-arg]


def test_a_users_script_uses_every_public_name_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`mypy` checks the script strictly: see pyproject.toml."""
    named = {
        node.attr for node in ast.walk(ast.parse(inspect.getsource(user_script))) if isinstance(node, ast.Attribute)
    }
    assert set(infodecomp.__all__) <= named
    assert "tests.unit.user_script" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    figures = user_script.main(MODEL, tmp_path)
    assert len(figures) == 5 and "'dog' and 'dog' of a pair" in capsys.readouterr().out


def test_public_names_are_there_and_torch_is_not() -> None:
    code = (
        "import sys, infodecomp, infodecomp.explaining.explanation\n"
        "assert infodecomp.Explanation and infodecomp.Quantity and infodecomp.InputError\n"
        "import numpy as np\n"
        "infodecomp.Quantity(1.0, 0.5, np.ones((1, 1))).interval()\n"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert infodecomp.Explainer is Explainer and set(infodecomp.__all__) <= set(dir(infodecomp))
    with pytest.raises(AttributeError, match="no attribute 'Explanier'"):
        _ = infodecomp.Explanier
