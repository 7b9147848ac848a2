"""Images: every kind becomes RGB, squeezed or letterboxed; masks go the same way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infodecomp.pictures.images import fit_image, fit_mask, image_array, load_image
from infodecomp.runs.errors import InputError


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (4, 3), (255, 255, 255)).convert(mode).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    assert (image.mode, image.size) == ("RGB", (4, 3))
    assert np.asarray(image).min() == 255


def test_cmyk_and_grayscale_jpeg(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "red.jpg")
    red, green, blue = np.asarray(load_image(tmp_path / "red.jpg"))[4, 4].tolist()
    assert red > 200 and green < 60 and blue < 60
    Image.new("L", (8, 8), 100).save(tmp_path / "gray.jpg")
    assert np.ptp(np.asarray(load_image(tmp_path / "gray.jpg"))[4, 4]) == 0


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 257 * 100, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert np.asarray(load_image(tmp_path / "deep.png"))[0, 0].tolist() == [100, 100, 100]


def test_orientation_in_exif_is_ignored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    assert load_image(tmp_path / "turned.jpg").size == (8, 4)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    for name in ("text.jpg", "half.png", "absent.jpg"):
        with pytest.raises(InputError, match=name):
            load_image(tmp_path / name)


def test_squeeze_changes_the_aspect() -> None:
    image = Image.fromarray(np.full((10, 20, 3), 200, dtype=np.uint8))
    fitted = np.asarray(fit_image(image, (8, 6)))
    assert fitted.shape == (8, 6, 3)
    assert (fitted == 200).all()


def test_letterbox_keeps_the_aspect_and_centres() -> None:
    fitted = np.asarray(fit_image(Image.new("RGB", (20, 10), (255, 0, 0)), (8, 8), "letterbox"))
    assert fitted.shape == (8, 8, 3)
    assert (fitted[2:6] == (255, 0, 0)).all()
    assert (fitted[:2] == 127).all() and (fitted[6:] == 127).all()


@pytest.mark.parametrize("shape", [(10, 20), (20, 10), (7, 7), (1, 50)])
@pytest.mark.parametrize("size", [(8, 8), (12, 5)])
def test_letterbox_puts_image_and_mask_in_one_place(shape: tuple[int, int], size: tuple[int, int]) -> None:
    image = np.asarray(fit_image(Image.new("RGB", shape[::-1], (255, 0, 0)), size, "letterbox"))
    mask = fit_mask(np.ones(shape, dtype=bool), size, "letterbox")
    assert mask.dtype == bool and mask.shape == size and mask.any()
    assert np.array_equal(mask, image[..., 0] == 255)


def test_masks_are_scaled_to_the_nearest_pixel() -> None:
    mask = np.zeros((4, 4), dtype=bool)
    mask[:2, 2:] = True
    assert np.array_equal(fit_mask(mask, (2, 2)), [[False, True], [False, False]])
    assert fit_mask(mask, (8, 8))[:4, 4:].all() and fit_mask(mask, (8, 8)).sum() == 16


def test_array_has_the_models_range_and_layout() -> None:
    image = Image.new("RGB", (3, 2), (0, 255, 51))
    array = image_array(image)
    assert array.dtype == np.float32 and array.shape == (3, 2, 3) and array.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(array[:, 0, 0], [-1, 1, -0.6], atol=1e-6)
