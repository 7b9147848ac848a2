"""The judge of edits: the classifier learns, is saved and read, and says of every edit what it sees or why it does not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from safetensors.torch import load_file

from infodecomp.config import EditCaptionsSection, EditingSection, ScenesModelSection
from infodecomp.config.scenes_model import ClassifierTrainingSection
from infodecomp.datasets.cases import Case, cases_table, lost_case, make_case, write_cases
from infodecomp.editing.edits import EDIT_COLUMNS, JUDGEMENT_COLUMNS, read_judgements
from infodecomp.editing.judging import category_of
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table, write_table
from infodecomp.scenes.classifier import SceneClassifier, load_classifier, save_classifier
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.model import build_autoencoder
from infodecomp.scenes.partners import SCENE_SWAPS
from infodecomp.scenes.world import CATEGORIES, IMAGE_SIZE, IMPLIED, SPLITS, TINTS, plural, sample_scene, scene_rng
from infodecomp.stages import judge_edits, train_scenes_classifier
from infodecomp.training import classifier as training
from infodecomp.training.autoencoder import pictures, to_signed
from infodecomp.training.classifier import (
    STREAM,
    ClassifierRecipe,
    balanced_accuracy,
    draw_batch,
    load_autoencoder,
    measure,
    shown,
    train_classifier,
)
from tests.stage_settings import settings

RECIPE = ClassifierRecipe(seed=0, steps=3, batch=4, learning_rate=3e-3)


@pytest.fixture(scope="module")
def vae() -> AutoencoderTiny:
    """An autoencoder whose decoder is untrained: what comes out is far from what went in."""
    torch.manual_seed(0)
    return build_autoencoder(pictures(0, "train", 0, 30)).eval()


def drawn(number: int) -> Image.Image:
    return Image.fromarray(pictures(0, "train", number, 1)[0])


def untrained(seed: int = 0) -> SceneClassifier:
    torch.manual_seed(seed)
    return SceneClassifier().requires_grad_(False).eval()


# The network and its folder.


def test_every_category_has_a_probability_of_its_own() -> None:
    picture = drawn(0)
    seen = untrained().probabilities(picture)
    assert tuple(seen) == CATEGORIES and all(0 < chance < 1 for chance in seen.values())
    assert sum(seen.values()) != pytest.approx(1, abs=0.5)
    assert untrained(1).probabilities(picture) != seen


def test_pixels_of_judging_are_those_of_training() -> None:
    classifier, picture = untrained(), drawn(2)
    with torch.inference_mode():
        logits = classifier(to_signed(np.array(picture)[None]))[0]
    assert list(classifier.probabilities(picture).values()) == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-6)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="32×64 pixels"):
        untrained().probabilities(Image.new("RGB", (32, 64)))


def test_the_folder_is_small_and_reads_back(tmp_path: Path) -> None:
    classifier, picture = untrained(), drawn(1)
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "stale.txt").write_text("of an earlier model")
    save_classifier(tmp_path / "judge", classifier)
    files = {path.name: path.stat().st_size for path in (tmp_path / "judge").iterdir()}
    assert set(files) == {"config.json", "model.safetensors"} and sum(files.values()) < 400_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["judge", "judge.sha256"]
    assert json.loads((tmp_path / "judge" / "config.json").read_text())["categories"] == list(CATEGORIES)
    weights = load_file(tmp_path / "judge" / "model.safetensors").values()
    assert {weight.dtype for weight in weights if weight.is_floating_point()} == {torch.float16}
    loaded = load_classifier(tmp_path / "judge")
    assert not loaded.training and {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    before, after = classifier.probabilities(picture), loaded.probabilities(picture)
    assert after == pytest.approx(before, abs=1e-3)
    assert load_classifier(tmp_path / "judge").probabilities(picture) == after


def test_a_folder_that_holds_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config.json and no model.safetensors"):
        load_classifier(tmp_path)
    save_classifier(tmp_path / "judge", untrained())
    (tmp_path / "judge.sha256").unlink()  # which would tell every change before it is looked at
    config = tmp_path / "judge" / "config.json"
    settings = json.loads(config.read_text())
    for changes, message in (
        ({"architecture": "CLIPModel"}, "CLIPModel"),
        ({"widths": [8, 8]}, "does not describe"),
        ({"widths": [8, 8, 8]}, r"of another shape \(features.0.weight is 24×3×5×5, expected 8×3×5×5"),
        ({"categories": ["dog"]}, r"2 tensors are of another shape \(logits.bias is 14, expected 1, "),
    ):
        config.write_text(json.dumps({**settings, **changes}))
        with pytest.raises(InputError, match=message):
            load_classifier(tmp_path / "judge")
    config.write_text(json.dumps(settings))
    (tmp_path / "judge" / "model.safetensors").write_text("none")
    with pytest.raises(InputError, match="not a whole safetensors file"):
        load_classifier(tmp_path / "judge")


# Training.


def test_scenes_of_training_are_a_stream_of_their_own(vae: AutoencoderTiny) -> None:
    pixels, labels = draw_batch(RECIPE, 3, vae)
    assert pixels.shape == (4, 3, 64, 64) and pixels.dtype == labels.dtype == torch.float32
    assert labels.shape == (4, len(CATEGORIES))
    again, same = draw_batch(RECIPE, 3, vae)
    assert torch.equal(pixels, again) and torch.equal(labels, same)
    whole, all_labels = draw_batch(ClassifierRecipe(seed=0, steps=3, batch=8, learning_rate=1e-3), 1, vae)
    assert torch.allclose(whole[4:], pixels, atol=1e-5) and torch.equal(all_labels[4:], labels)  # whatever the batch
    others = {(0, split) for split in SPLITS} | {(1_000_000_007, "train"), (2_000_000_011, "train")}
    seen = {sample_scene(scene_rng(seed, split, k)).texture_seed for seed, split in others for k in range(300)}
    own = {sample_scene(scene_rng(STREAM, "train", k)).texture_seed for k in range(300)}
    assert not seen & own


def test_labels_are_what_the_scenes_hold(vae: AutoencoderTiny) -> None:
    _, labels = draw_batch(RECIPE, 2, vae)
    scenes = [sample_scene(scene_rng(STREAM, "train", number)) for number in range(8, 12)]
    assert torch.equal(labels, shown(scenes))
    for row, scene in zip(labels, scenes, strict=True):
        assert {CATEGORIES[int(place)] for place in row.nonzero()} == set(scene.categories)


def test_things_are_recoloured_whatever_they_are() -> None:
    """No scene of the world has a yellow elephant, but a bear's caption, swapped, may lead to one."""
    scene = next(s for k in range(100) if "elephant" in (s := sample_scene(scene_rng(0, "train", k))).categories)
    found = [training.recoloured(scene, np.random.default_rng(k)) for k in range(60)]
    assert {thing.tint for one in found for thing in one.things} == {*TINTS, None}
    assert all(replace(one, things=scene.things) == scene and one.categories == scene.categories for one in found)
    rng = scene_rng(STREAM, "train", 0)
    implied = [t for _ in range(200) for t in training._training_scene(rng).things if t.category in IMPLIED]
    assert 0.3 < sum(thing.tint is not None for thing in implied) / len(implied) < 0.6


def test_shifting_moves_half_of_the_pictures_by_a_few_pixels() -> None:
    """A spot in the middle is in the middle of a zoom, so that its centre tells the shift alone."""
    spot = torch.zeros(40, 3, 64, 64)
    spot[:, :, 30:34, 30:34] = 1.0
    shifted = training._shifted(spot, [np.random.default_rng(k) for k in range(40)])
    place = torch.arange(64) - 31.5
    mass = shifted[:, 0].sum((1, 2))
    offset = torch.stack([(shifted[:, 0].sum(1) * place).sum(1), (shifted[:, 0].sum(2) * place).sum(1)]) / mass
    moved = offset.abs().max(0).values > 1e-3
    assert shifted.shape == spot.shape and 10 <= int(moved.sum()) <= 30
    assert 2 < float(offset.abs().max()) < 1.15 * training.SHIFT  # a shift is zoomed too
    assert torch.allclose(shifted[~moved], spot[~moved], atol=1e-4)


def test_half_of_the_pictures_are_decoded_and_all_are_changed_a_little(vae: AutoencoderTiny) -> None:
    pixels, _ = draw_batch(RECIPE, 0, vae)
    scenes = [training._training_scene(scene_rng(STREAM, "train", k)) for k in range(4)]
    drawn = to_signed(np.stack([draw_scene(scene)[0] for scene in scenes]))
    difference = (pixels - drawn).abs().mean((1, 2, 3))
    # An untrained decoder leaves nothing as it was; a small shift, noise and blur leave almost everything.
    assert (difference[1::2] > 0.5).all() and (difference[::2] < 0.25).all() and (difference[::2] > 0).all()


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    recipe = ClassifierRecipe(seed=0, steps=1000, batch=4, learning_rate=2e-3)
    rates = [recipe.rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(4e-5) and int(np.argmax(rates)) == 49 and max(rates) < 2e-3
    assert rates[-1] < 1e-7 and all(earlier >= later for earlier, later in pairwise(rates[49:]))


def test_it_learns_a_batch(vae: AutoencoderTiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WARM_UP", 1)
    recipe = ClassifierRecipe(seed=0, steps=40, batch=8, learning_rate=3e-3)
    pixels, labels = draw_batch(recipe, 0, vae)
    pixels[1::2] = pixels[::2]  # what an untrained decoder makes shows nothing
    labels[1::2] = labels[::2]
    monkeypatch.setattr(training, "draw_batch", lambda recipe, step, vae: (pixels, labels))
    losses: list[float] = []
    classifier = train_classifier(recipe, vae, lambda step, loss: losses.append(loss))
    assert len(losses) == 40 and losses[0] > 0.5 and losses[-1] < 0.02
    assert not classifier.training
    with torch.inference_mode():
        assert ((classifier(pixels) >= 0) == labels.bool()).float().mean() > 0.95


def test_training_repeats_itself(vae: AutoencoderTiny) -> None:
    one, two = (train_classifier(RECIPE, vae, lambda step, loss: None).state_dict() for _ in range(2))
    assert all(torch.equal(weight, two[name]) for name, weight in one.items())


def test_balanced_accuracy_counts_both_errors_alike() -> None:
    truth = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 1]], dtype=bool)
    said = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 1]], dtype=bool)
    found = balanced_accuracy(said, truth)
    assert found[:2] == pytest.approx([(1 + 2 / 3) / 2, (0 + 1) / 2]) and np.isnan(found[2])


def test_held_out_scenes_are_measured_as_drawn_and_decoded(
    vae: AutoencoderTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = untrained()
    truth = shown([sample_scene(scene_rng(0, "validation", k)) for k in range(60)])
    drawn = to_signed(pictures(0, "validation", 0, 60))

    def knowing(pixels: torch.Tensor) -> torch.Tensor:
        """Right about every picture that it knows; it sees everything in all others."""
        known = (pixels[:, None] == drawn[None]).flatten(2).all(2)
        return torch.where(known.any(1)[:, None], (known.float() @ truth) - 0.5, 1.0)

    monkeypatch.setattr(classifier, "forward", knowing)
    held_out = measure(classifier, vae, seed=0, scenes=60)
    assert held_out.drawn == pytest.approx(np.ones(14)) and held_out.decoded == pytest.approx(np.full(14, 0.5))
    # Hardly a scene stays as it was: one thing, moved by nothing, in its colour.
    assert (held_out.unusual < 0.7).all()


def test_the_stage_writes_a_classifier_and_says_how_good_it_is(
    vae: AutoencoderTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vae.save_pretrained(tmp_path / "model" / "vae")
    monkeypatch.setattr(train_scenes_classifier, "EVERY", 2)
    monkeypatch.setattr(
        train_scenes_classifier, "measure", lambda classifier, vae, seed: measure(classifier, vae, seed, scenes=30)
    )
    recipe = ScenesModelSection(classifier=ClassifierTrainingSection(steps=3, batch=4))
    read = settings("train_scenes_classifier", scenes_model=recipe)
    train_scenes_classifier.run(SimpleNamespace(settings=read, model=tmp_path / "model", output_dir=tmp_path / "judge"))
    printed = capsys.readouterr()
    assert "step 2: loss" in printed.out and "step 3: loss" in printed.out and "3/3 steps" in printed.err
    assert all(f"\n{category} " in printed.out for category in CATEGORIES) and "\nmean " in printed.out
    assert load_classifier(tmp_path / "judge").categories == CATEGORIES
    assert "  model.safetensors\n" in (tmp_path / "judge.sha256").read_text()


def test_a_model_without_an_autoencoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder vae"):
        load_autoencoder(tmp_path)


# Judging.


def case(image: str, caption: str, word: str) -> Case:
    return make_case(
        dataset="scenes", image_id=image, image_path=f"{image}.png", caption=caption, word=word, label=word
    )


class Knowing:
    """A classifier that reads what a picture shows from its first pixel, where `picture_of` wrote a bit a category."""

    def probabilities(self, picture: Image.Image) -> dict[str, float]:
        low, high, _ = np.asarray(picture)[0, 0].tolist()
        bits = low + 256 * high
        return {name: 0.9 if bits >> k & 1 else 0.1 for k, name in enumerate(CATEGORIES)}


def picture_of(*categories: str) -> Image.Image:
    pixels = np.zeros((IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    bits = sum(1 << CATEGORIES.index(name) for name in categories)
    pixels[0, 0, :2] = bits % 256, bits // 256
    return Image.fromarray(pixels)


Pictures = dict[str, tuple[str, ...]]


def edit_row(case: Case, **changes: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: "" if kind == "string" else 0 for name, kind in EDIT_COLUMNS.items()}
    row |= {name: 1.0 for name, kind in EDIT_COLUMNS.items() if kind == "float64"}
    return row | {"case_id": case["case_id"], "status": "ok", "swap_status": "ok", **changes}


def judged(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: list[tuple[Case, dict[str, str], Pictures]],
    swaps: tuple[tuple[str, str], ...] = SCENE_SWAPS,
) -> pd.DataFrame:
    """Write cases, their edits in two shards and their pictures; run the stage and read what it wrote."""
    write_cases(folder / "cases.parquet", cases_table([case for case, _, _ in content]))
    rows = [edit_row(case, **changes) for case, changes, _ in content]
    shards = [folder / f"shard-{number}.parquet" for number in (0, 1)]
    for number, shard in enumerate(shards):
        write_table(shard, pd.DataFrame(rows[number::2], columns=list(EDIT_COLUMNS)), EDIT_COLUMNS)
    for one, _, shows in content:
        (folder / "edits" / one["case_id"]).mkdir(parents=True, exist_ok=True)
        for name, categories in shows.items():
            picture_of(*categories).save(folder / "edits" / one["case_id"] / f"{name}.png")
    save_classifier(folder / "judge", untrained())
    monkeypatch.setattr(judge_edits, "load_classifier", lambda path: Knowing())
    section = EditingSection(captions=EditCaptionsSection(swaps=swaps))
    output = folder / "judgements.parquet"
    judge_edits.run(
        SimpleNamespace(
            cases=folder / "cases.parquet",
            edits=shards,
            maps=folder / "edits",
            classifier=folder / "judge",
            settings=settings("judge_edits", editing=section),
            output=output,
            threads=1,
        )
    )
    return read_table(output, JUDGEMENT_COLUMNS)


def of(table: pd.DataFrame, case: Case, intervention: str) -> dict[str, Any]:
    (row,) = table[(table["case_id"] == case["case_id"]) & (table["intervention"] == intervention)].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_a_word_names_its_category_in_singular_and_plural() -> None:
    assert all(category_of(form) == name for name in CATEGORIES for form in (name, plural(name), name.title()))
    assert category_of("people") == "person" and category_of("teddy bears") == "teddy bear"
    assert category_of("red") is None and category_of("table") is None and category_of("") is None


def test_every_picture_is_judged_for_the_word_and_its_partner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dog = case("1", "a red dog on the snow", "dog")
    people = case("2", "two people on the snow", "people")
    still = case("3", "a horse on the snow", "horse")
    table = judged(
        tmp_path,
        monkeypatch,
        [
            (dog, {}, {"unchanged": ("dog",), "omit": (), "swap": ("cat", "robot")}),
            (people, {}, {"unchanged": ("person",), "omit": ("person",), "swap": ("monkey",)}),
            (still, {}, {"unchanged": ("horse",), "omit": (), "swap": ("horse",)}),
        ],
    )
    assert len(table) == 9 and set(table["status"]) == {"ok"} and set(table["reason"]) == {""}
    seen = {(row.case_id, row.intervention): (row.old, row.new) for row in table.itertuples()}
    assert [seen[dog["case_id"], name] for name in ("unchanged", "omit", "swap")] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert seen[people["case_id"], "omit"] == (True, False) and seen[people["case_id"], "swap"] == (False, True)
    assert seen[still["case_id"], "swap"] == (True, False)
    assert of(table, dog, "swap")["old_score"] == 0.1 and of(table, dog, "swap")["new_score"] == 0.9
    printed = capsys.readouterr().out
    assert "swap      word seen in 33.3 %, partner in 66.7 % (3 pictures)" in printed
    assert "omit      word seen in 33.3 %, partner in 0.0 % (3 pictures)" in printed
    record = json.loads((tmp_path / "judgements.provenance.json").read_text())
    assert record["stage"] == "judge_edits" and len(record["extra"]["classifier"]) == 64
    assert list(record["section"]) == ["omit", "swap_scope", "swaps"]
    cases = pd.DataFrame({"case_id": [dog["case_id"], people["case_id"], still["case_id"]]})
    assert len(read_judgements(tmp_path / "judgements.parquet", cases)) == 9


def test_what_cannot_be_judged_stays_with_status_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everything: Pictures = {"unchanged": ("dog",), "omit": ("dog",), "swap": ("dog",)}
    red = case("1", "a red dog", "red")
    robot = case("2", "a robot in the room", "robot")
    lone = case("3", "a bear and a teddy bear", "bear")
    failed = lost_case(
        dataset="scenes", image_id="4", image_path="4.png", word="cat", label="cat", word_type="noun",
        status="word_not_in_caption", reason="it is not there",
    )  # fmt: skip
    lost = case("5", "a kite in the sky", "kite")
    table = judged(
        tmp_path,
        monkeypatch,
        [
            (red, {"swap_status": "no_partner", "swap_reason": "red is not in the table"}, everything),
            (robot, {"swap_status": "no_partner", "swap_reason": "not in the table"}, {"unchanged": ("robot",), "omit": ()}),
            (lone, {"swap_status": "word_in_longer_name", "swap_reason": "inside"}, {"unchanged": (), "omit": ()}),
            (failed, {"status": "word_not_in_caption", "reason": "it is not there"}, {}),
            (lost, {}, {"unchanged": ("kite",), "omit": ()}),
        ],
    )  # fmt: skip
    assert len(table) == 15
    for name in ("unchanged", "omit", "swap"):
        row = of(table, red, name)
        assert row["status"] == "no_category" and "'red'" in row["reason"]
        assert not row["old"] and not row["new"] and math.isnan(row["old_score"]) and math.isnan(row["new_score"])
        assert of(table, failed, name)["status"] == "word_not_in_caption"
    assert of(table, robot, "unchanged")["status"] == "ok" and of(table, robot, "unchanged")["old"]
    assert of(table, robot, "swap")["status"] == "no_partner"
    assert of(table, robot, "swap")["reason"] == "not in the table"
    assert of(table, lone, "swap")["status"] == "word_in_longer_name"
    assert of(table, lost, "omit")["status"] == "ok" and of(table, lost, "swap")["status"] == "image_unreadable"
    assert "swap.png" in of(table, lost, "swap")["reason"]
    assert (table.loc[table["status"] != "ok", "reason"] != "").all()
    printed = capsys.readouterr().out
    assert "1 image_unreadable, 1 no_category, 1 no_partner, 1 word_in_longer_name, 1 word_not_in_caption" in printed


def test_a_partner_outside_the_world_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded scenes have no table; a bed is still looked for where it is not swapped."""
    bed = case("1", "a bed in the room", "bed")
    shows: Pictures = {"unchanged": ("bed",), "omit": (), "swap": ("bed",)}
    table = judged(tmp_path, monkeypatch, [(bed, {}, shows)], swaps=(("bed", "table"),))
    assert of(table, bed, "unchanged")["status"] == "ok" and of(table, bed, "unchanged")["old"]
    assert math.isnan(of(table, bed, "unchanged")["new_score"]) and not of(table, bed, "unchanged")["new"]
    assert of(table, bed, "swap")["status"] == "no_category" and "'table'" in of(table, bed, "swap")["reason"]


def test_a_picture_of_another_size_is_told_from_one_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the classifier itself, which says what it takes."""
    monkeypatch.setattr(Knowing, "probabilities", untrained().eval().probabilities)
    dog = case("1", "a dog", "dog")
    pictures = tmp_path / "edits" / dog["case_id"]
    pictures.mkdir(parents=True)
    picture_of("dog").resize((32, 64)).save(pictures / "unchanged.png")
    (pictures / "omit.png").write_bytes(b"no picture")
    table = judged(tmp_path, monkeypatch, [(dog, {}, {"swap": ("cat",)})])
    small, broken, whole = (of(table, dog, name) for name in ("unchanged", "omit", "swap"))
    assert (small["status"], broken["status"], whole["status"]) == ("picture_size", "image_unreadable", "ok")
    assert "unchanged.png" in small["reason"] and "32×64 pixels; the classifier takes 64×64" in small["reason"]
    assert math.isnan(small["old_score"]) and not small["old"]


def test_a_partner_that_was_there_before_proves_no_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dog = case("1", "a dog and a cat on the snow", "dog")
    shows: Pictures = {"unchanged": ("dog", "cat"), "omit": ("cat",), "swap": ("cat",)}
    table = judged(tmp_path, monkeypatch, [(dog, {}, shows)])
    assert of(table, dog, "unchanged")["status"] == of(table, dog, "omit")["status"] == "ok"
    row = of(table, dog, "swap")
    assert row["status"] == "partner_there_before" and "cat" in row["reason"]
    assert row["new"] and not row["old"] and row["new_score"] == 0.9


def test_edits_of_other_cases_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dog, cat = case("1", "a dog", "dog"), case("2", "a cat", "cat")
    shows: Pictures = {"unchanged": (), "omit": (), "swap": ()}
    judged(tmp_path, monkeypatch, [(dog, {}, shows)])
    write_cases(tmp_path / "cases.parquet", cases_table([cat]))
    with pytest.raises(InputError, match=r"shard-0.parquet, row 0"):
        judge_edits.run(
            SimpleNamespace(
                cases=tmp_path / "cases.parquet",
                edits=[tmp_path / "shard-0.parquet"],
                maps=tmp_path / "edits",
                classifier=tmp_path / "judge",
                settings=settings("judge_edits"),
                output=tmp_path / "judgements.parquet",
                threads=None,
            )
        )
