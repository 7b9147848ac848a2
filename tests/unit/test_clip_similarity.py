"""The CLIP baseline: unit features, CLIP's own logits, pixels as transformers prepares them, and clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPModel

from infodecomp.models.clip import ClipSimilarity, cosine
from infodecomp.pictures.images import fit_image
from infodecomp.runs.errors import InputError
from infodecomp.scenes.clip_model import build_clip, save_clip
from infodecomp.scenes.model import build_text_encoder, build_tokenizer
from infodecomp.training.autoencoder import pictures, to_signed

TEXTS = ("a red dog on the grass", "a blue cat", "two yellow kites in the sky", "a cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    made = tmp_path_factory.mktemp("clip") / "model"
    save_clip(made, build_clip(build_text_encoder(tokenizer)), tokenizer)
    return made


@pytest.fixture(scope="module")
def clip(folder: Path) -> ClipSimilarity:
    return ClipSimilarity.load(str(folder))


@pytest.fixture(scope="module")
def scenes() -> list[Image.Image]:
    return [Image.fromarray(picture) for picture in pictures(0, "validation", 0, 3)]


def test_similarity_is_clips_own(clip: ClipSimilarity, folder: Path, scenes: list[Image.Image]) -> None:
    """transformers' CLIPModel gives the same logits from the same pixels and unpadded captions."""
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = to_signed(np.stack([np.asarray(scene) for scene in scenes]))
    for caption in TEXTS:
        ids = clip.tokenizer([caption], return_tensors="pt").input_ids
        with torch.no_grad():
            logits = model(input_ids=ids, pixel_values=pixels).logits_per_image[:, 0] / model.logit_scale.exp()
        ours = [clip.similarity(scene, [caption])[0] for scene in scenes]
        assert np.allclose(ours, logits.numpy(), atol=1e-5)


def test_features_have_unit_length_and_do_not_depend_on_the_batch(
    clip: ClipSimilarity, scenes: list[Image.Image]
) -> None:
    texts, images = clip.text_features(TEXTS, 8), clip.image_features(scenes, "squeeze", 8)
    assert texts.dtype == images.dtype == np.float32 and texts.shape == (4, 128) and images.shape == (3, 128)
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-6)
    assert np.allclose(np.linalg.norm(images, axis=1), 1, atol=1e-6)
    assert np.array_equal(clip.text_features(TEXTS[2:], 8), texts[2:])
    assert np.array_equal(clip.image_features(scenes[1:], "squeeze", 8), images[1:])
    assert np.ptp(cosine(images[0], texts)) > 1e-3


def test_similarities_lie_between_minus_one_and_one(clip: ClipSimilarity, scenes: list[Image.Image]) -> None:
    values = clip.similarity(scenes[0], TEXTS)
    assert values.shape == (4,) and values.dtype == np.float64 and (np.abs(values) <= 1 + 1e-6).all()
    assert cosine(np.array([0.6, 0.8]), np.array([[0.6, 0.8], [0.8, -0.6]])) == pytest.approx([1, 0])


def test_long_captions_are_cut_and_counted(clip: ClipSimilarity, scenes: list[Image.Image]) -> None:
    long = "a dog " * 40
    assert clip.tokens == 18 and clip.count_cut([*TEXTS, long]) == 1
    fitting = ("a dog " * 8).strip()  # 16 words, the start and the end
    assert clip.count_cut([fitting]) == clip.count_cut([]) == 0
    assert np.array_equal(clip.similarity(scenes[0], [long]), clip.similarity(scenes[0], [fitting]))


def test_pixels_are_scaled_by_mean_and_deviation(clip: ClipSimilarity, folder: Path, tmp_path: Path) -> None:
    plain = Image.new("RGB", (64, 64), (255, 0, 51))
    assert clip.pixels(plain)[:, 5, 5] == pytest.approx([1, -1, -0.6])
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    settings |= {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    expected = [(1 - 0.48) / 0.27, -0.46 / 0.26, (0.2 - 0.41) / 0.28]
    assert ClipSimilarity.load(str(tmp_path)).pixels(plain)[:, 5, 5] == pytest.approx(expected, rel=1e-5)


def test_images_are_fitted_as_for_the_diffusion_model(clip: ClipSimilarity) -> None:
    rng = np.random.default_rng(0)
    wide = Image.fromarray(rng.integers(0, 256, (20, 80, 3), dtype=np.uint8))
    squeezed, boxed = clip.pixels(wide, "squeeze"), clip.pixels(wide, "letterbox")
    assert squeezed.shape == boxed.shape == (3, 64, 64)
    bars = np.asarray(fit_image(wide, (64, 64), "letterbox"))
    grey = (bars == 127).all(-1)
    assert grey.sum() == 48 * 64
    assert np.allclose(boxed[:, grey], 127 / 127.5 - 1, atol=1e-6)
    inner = np.asarray(wide.resize((64, 16), Image.Resampling.BICUBIC), dtype=np.float32) / 127.5 - 1
    assert np.allclose(boxed[:, ~grey], inner.reshape(-1, 3).T, atol=1e-6)
    stretched = np.asarray(wide.resize((64, 64), Image.Resampling.BICUBIC), dtype=np.float32) / 127.5 - 1
    assert np.allclose(squeezed, stretched.transpose(2, 0, 1), atol=1e-6)


@pytest.mark.parametrize("resize", ["squeeze", "letterbox"])
def test_crops_of_one_pixel_or_one_row_are_images_too(clip: ClipSimilarity, resize: str) -> None:
    for size in ((1, 1), (300, 1), (1, 300)):
        values = clip.similarity(Image.new("RGB", size, (200, 10, 10)), TEXTS, resize)  # type: ignore[arg-type]
        assert np.isfinite(values).all()


def test_what_cannot_be_loaded_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clip → id '.*absent' \(revision abc\).*preprocessor_config.json"):
        ClipSimilarity.load(str(tmp_path / "absent"), revision="abc")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty'.*has no config\.json"):
        ClipSimilarity.load(str(tmp_path / "empty"))
    for lost in ("preprocessor_config.json", "model.safetensors", "tokenizer.json"):
        part = tmp_path / f"without-{lost}"
        part.mkdir()
        for file in folder.iterdir():
            if file.name != lost:
                (part / file.name).write_bytes(file.read_bytes())
        with pytest.raises(
            InputError, match=f"without-{lost}.*(could not be loaded as a CLIP|has no safetensors weights)"
        ):
            ClipSimilarity.load(str(part))


def test_a_text_tower_alone_is_no_clip(folder: Path, tmp_path: Path) -> None:
    """transformers would fill its place with random weights, and say so only in a warning."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if name.startswith("text_model.")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"\d+ tensors of CLIPModel are missing \(logit_scale, "):
        ClipSimilarity.load(str(tmp_path))


def test_settings_without_a_mean_are_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "preprocessor_config.json").write_text('{"image_std": [1, 1, 1]}')
    with pytest.raises(InputError, match="image_mean"):
        ClipSimilarity.load(str(tmp_path))
