"""Training of the embedded CLIP: it learns, leaves the text tower alone, stops and goes on, and is saved as a CLIPModel."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from infodecomp.config import ScenesModelSection, parse
from infodecomp.config.scenes_model import ClipTrainingSection, DenoiserTrainingSection
from infodecomp.config.settings import TrainScenesClip
from infodecomp.models.clip import ClipSimilarity
from infodecomp.runs.errors import InputError
from infodecomp.scenes.clip_model import build_clip, load_text_parts, save_clip
from infodecomp.scenes.model import build_text_encoder, build_tokenizer
from infodecomp.scenes.world import sample_scene, scene_rng
from infodecomp.stages import train_scenes_clip
from infodecomp.training.autoencoder import to_signed
from infodecomp.training.clip import (
    LARGEST_SCALE,
    ClipRecipe,
    ClipState,
    Score,
    contrastive_loss,
    draw_batch,
    load_checkpoint,
    new_state,
    save_checkpoint,
    train_clip,
)
from infodecomp.training.text import save_text
from tests.stage_settings import settings

RECIPE = ClipRecipe(seed=0, steps=6, batch=4, learning_rate=1e-3)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


@pytest.fixture(scope="module")
def tower(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    torch.manual_seed(1)
    return build_text_encoder(tokenizer)


def train(state: ClipState, tokenizer: CLIPTokenizer, recipe: ClipRecipe = RECIPE) -> list[Score]:
    scores: list[Score] = []
    train_clip(recipe, state, tokenizer, lambda state, score: scores.append(score))
    return scores


def test_the_text_tower_is_the_given_one_and_the_rest_is_small(tower: CLIPTextModel) -> None:
    clip = build_clip(tower)
    weights = clip.text_model.state_dict()
    for name, weight in tower.state_dict().items():
        assert torch.equal(weights[name.removeprefix("text_model.")], weight), name
    assert not any(weight.requires_grad for weight in clip.text_model.parameters())
    trained = {name: weight for name, weight in clip.named_parameters() if weight.requires_grad}
    assert {"text_projection.weight", "visual_projection.weight", "logit_scale"} <= set(trained)
    assert sum(weight.numel() for weight in trained.values()) < 2_000_000  # 4 MB in half precision


def test_the_loss_is_the_mean_of_both_cross_entropies(tower: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
    clip = build_clip(tower)
    pixels, captions = draw_batch(RECIPE, 0)
    ids = tokenizer(captions, padding=True, return_tensors="pt").input_ids
    with torch.no_grad():
        loss, logits = contrastive_loss(clip, pixels, ids)
        expected = clip(input_ids=ids, pixel_values=pixels, return_loss=True)
    assert torch.allclose(logits, expected.logits_per_image, atol=1e-4)
    assert float(loss) == pytest.approx(float(expected.loss), abs=1e-5)


def test_padding_does_not_change_what_a_caption_means(tower: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
    """The tokenizer pads with the end token, and the tower is read at the first one."""
    clip = build_clip(tower)
    pixels, _ = draw_batch(RECIPE, 0)
    captions = ["a dog", "a red cat on the grass", "snow", "two people"]
    short, full = (
        tokenizer(captions, padding=padding, return_tensors="pt").input_ids for padding in (True, "max_length")
    )
    assert short.shape[1] < full.shape[1]
    with torch.no_grad():
        assert torch.allclose(
            contrastive_loss(clip, pixels, short)[1], contrastive_loss(clip, pixels, full)[1], atol=1e-4
        )


def test_scenes_of_training_are_a_stream_of_their_own() -> None:
    pixels, captions = draw_batch(RECIPE, 3)
    assert pixels.shape == (4, 3, 64, 64) and pixels.dtype == torch.float32 and len(captions) == 4
    assert all(captions) and float(pixels.min()) >= -1 and float(pixels.max()) <= 1
    again, same = draw_batch(RECIPE, 3)
    assert torch.equal(pixels, again) and captions == same
    assert draw_batch(RECIPE, 4)[1] != captions
    whole = draw_batch(ClipRecipe(seed=0, steps=6, batch=8, learning_rate=1e-3), 1)
    assert torch.equal(whole[0][4:], pixels) and whole[1][4:] == captions  # sample 12 is sample 12, whatever the batch
    textures = {
        sample_scene(scene_rng(0, split, k)).texture_seed for split in ("train", "evaluation") for k in range(400)
    }
    tagged = {sample_scene(scene_rng(1_000_000_007, "train", k)).texture_seed for k in range(400)}
    assert not textures & tagged


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    recipe = ClipRecipe(seed=0, steps=1000, batch=4, learning_rate=2e-3)
    rates = [recipe.rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(2e-5) and int(np.argmax(rates)) == 99 and max(rates) < 2e-3
    assert rates[499] == pytest.approx(1e-3, rel=0.01) and rates[-1] < 1e-7
    assert all(earlier >= later for earlier, later in pairwise(rates[99:]))


def test_it_learns_a_batch_and_leaves_the_text_tower_alone(
    tower: CLIPTextModel, tokenizer: CLIPTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infodecomp.training.clip.WARM_UP", 1)
    recipe = ClipRecipe(seed=0, steps=25, batch=6, learning_rate=1e-3)
    one = draw_batch(recipe, 0)
    monkeypatch.setattr("infodecomp.training.clip.draw_batch", lambda recipe, step: one)
    state = new_state(recipe, tower)
    before = {name: weight.detach().clone() for name, weight in state.clip.named_parameters()}
    scores = train(state, tokenizer, recipe)
    assert len(scores) == 25 and all(math.isfinite(score.loss) for score in scores)
    assert scores[0].loss == pytest.approx(math.log(6), abs=0.4)
    assert scores[-1].loss < 0.5 * scores[0].loss and scores[-1].accuracy >= 5 / 6
    for name, weight in state.clip.named_parameters():
        assert torch.equal(weight, before[name]) == name.startswith("text_model."), name


def test_the_scale_stays_within_its_limit(tower: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
    recipe = ClipRecipe(seed=0, steps=2, batch=2, learning_rate=1e-3)
    state = new_state(recipe, tower)
    with torch.no_grad():
        state.clip.logit_scale.fill_(9.0)
    train(state, tokenizer, recipe)
    assert float(state.clip.logit_scale.detach().exp()) == pytest.approx(LARGEST_SCALE, rel=1e-4)


def test_stopping_and_going_on_is_as_if_it_had_not_stopped(
    tower: CLIPTextModel, tokenizer: CLIPTokenizer, tmp_path: Path
) -> None:
    straight = new_state(RECIPE, tower)
    scores = train(straight, tokenizer)

    class Killed(Exception):
        pass

    def kill(state: ClipState, score: Score) -> None:
        if state.step == 3:
            save_checkpoint(state, tmp_path / "clip.safetensors")
            raise Killed

    with pytest.raises(Killed):
        train_clip(RECIPE, new_state(RECIPE, tower), tokenizer, kill)
    continued = new_state(RECIPE, tower)
    load_checkpoint(continued, tmp_path / "clip.safetensors")
    assert continued.step == 3
    assert train(continued, tokenizer) == scores[3:]
    for name, weight in straight.parameters().items():
        assert torch.equal(weight, continued.parameters()[name]), name
    assert [path.name for path in tmp_path.iterdir()] == ["clip.safetensors"]
    assert not [name for name in load_file(tmp_path / "clip.safetensors") if "text_model" in name]


def test_the_folder_loads_as_a_clip_model(tower: CLIPTextModel, tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    clip = build_clip(tower)
    kept = {name: weight.clone() for name, weight in clip.state_dict().items()}
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "stale.txt").write_text("of an earlier model")
    save_clip(tmp_path / "clip", clip, tokenizer)
    files = sorted(path.name for path in (tmp_path / "clip").iterdir())
    assert files == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip", "clip.sha256"]
    assert (tmp_path / "clip" / "model.safetensors").stat().st_size < 4_000_000
    assert str(tmp_path) not in (tmp_path / "clip" / "config.json").read_text()
    assert {weight.dtype for weight in load_file(tmp_path / "clip" / "model.safetensors").values()} == {torch.float16}
    loaded = CLIPModel.from_pretrained(tmp_path / "clip", dtype=torch.float32)
    for name, weight in loaded.state_dict().items():
        assert torch.allclose(weight.float(), kept[name].float(), atol=1e-3), name


def shipped(folder: Path, tower: CLIPTextModel, tokenizer: CLIPTokenizer) -> Path:
    save_text(folder, tower, tokenizer)
    return folder


def arguments(model: Path, output: Path, **changes: object) -> SimpleNamespace:
    clip = ClipTrainingSection(**{"steps": 3, "batch": 2, **changes})
    read = settings("train_scenes_clip", scenes_model=ScenesModelSection(clip=clip))
    return SimpleNamespace(settings=read, model=model, output_dir=output, device="cpu")


def test_the_stage_writes_a_clip_that_scores(
    tower: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = shipped(tmp_path / "model", tower, tokenizer)
    monkeypatch.setattr(train_scenes_clip, "EVERY", 2)
    train_scenes_clip.run(arguments(model, tmp_path / "out" / "clip"))
    printed = capsys.readouterr()
    assert "step 2: loss" in printed.out and "step 3: loss" in printed.out
    assert "accuracy among 2 captions" in printed.out and "3/3 steps" in printed.err
    assert "  model.safetensors\n" in (tmp_path / "out" / "clip.sha256").read_text()
    loaded = ClipSimilarity.load(str(tmp_path / "out" / "clip"))
    parts, _ = load_text_parts(model)
    for name, weight in parts.state_dict().items():
        trained = loaded.model.text_model.state_dict()[name.removeprefix("text_model.")]
        assert torch.equal(trained, weight.half().float()), name
    assert list((tmp_path / "out" / "training" / "clip").iterdir())

    # A second run goes on from the last checkpoint: no step is left, and the model is the same.
    before = (tmp_path / "out" / "clip" / "model.safetensors").read_bytes()
    train_scenes_clip.run(arguments(model, tmp_path / "out" / "clip"))
    assert "loss" not in capsys.readouterr().out
    assert (tmp_path / "out" / "clip" / "model.safetensors").read_bytes() == before


def test_a_checkpoint_belongs_to_its_recipe_and_text_tower(
    tower: CLIPTextModel, tokenizer: CLIPTokenizer, tmp_path: Path
) -> None:
    model = shipped(tmp_path / "model", tower, tokenizer)
    section = ScenesModelSection()

    def read(study: ScenesModelSection) -> TrainScenesClip:
        return parse(TrainScenesClip, settings("train_scenes_clip", scenes_model=study))

    recipe = ClipRecipe.of(read(section))
    assert recipe.steps == section.clip.steps and recipe.batch == section.clip.batch

    def name(**changes: object) -> str:
        other = ClipRecipe.of(read(ScenesModelSection(**changes)))
        return train_scenes_clip.checkpoint_file(tmp_path / "clip", other, model).name

    first = name()
    others = [
        name(clip=ClipTrainingSection(**change)) for change in ({"steps": 7}, {"batch": 7}, {"learning_rate": 0.5})
    ]
    assert len({first, *others, name(seed=7)}) == 5
    assert name(denoiser=DenoiserTrainingSection(steps=7)) == first
    torch.manual_seed(2)
    shipped(model, build_text_encoder(tokenizer), tokenizer)
    assert name() != first


def test_a_folder_without_a_text_tower_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder text_encoder or tokenizer"):
        load_text_parts(tmp_path)


def test_pixels_of_training_are_those_of_scoring(
    tower: CLIPTextModel, tokenizer: CLIPTokenizer, tmp_path: Path
) -> None:
    """A picture reaches the image tower in the same numbers, whether drawn for training or read for scoring."""
    save_clip(tmp_path / "clip", build_clip(tower), tokenizer)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    scored = ClipSimilarity.load(str(tmp_path / "clip")).pixels(Image.fromarray(picture))
    assert np.allclose(scored, to_signed(picture[None])[0].numpy(), atol=1e-6)
