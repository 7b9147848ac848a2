"""Mask images as people have them: which pixels are the object, by area and place, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from infodecomp.datasets.mask_files import read_mask_image, whole_or_empty
from infodecomp.runs.errors import InputError

HEIGHT, WIDTH = 48, 64


def disc() -> np.ndarray:
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    return (rows - 20) ** 2 + (columns - 25) ** 2 < 14**2


def box(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[rows, columns] = True
    return mask


OBJECT = disc()
OTHER = box(slice(36, 46), slice(44, 60))
GREY = 255 * OBJECT.astype(np.uint8)


def grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8))


def colours(*parts: tuple[np.ndarray, tuple[int, int, int]], ground: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    pixels = np.full((HEIGHT, WIDTH, 3), ground, dtype=np.uint8)
    for mask, colour in parts:
        pixels[mask] = colour
    return Image.fromarray(pixels)


def cut_out(alpha: np.ndarray, mode: str = "RGBA") -> Image.Image:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(1, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)).convert(mode)
    image.putalpha(grey(alpha))
    return image


def palette(indices: np.ndarray, listed: list[int], transparent: int | None = None) -> Image.Image:
    image = Image.frombytes("P", (WIDTH, HEIGHT), indices.astype(np.uint8).tobytes())
    image.putpalette(listed)
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


def save(folder: Path, image: Image.Image, suffix: str = "png", **options: object) -> Path:
    path = folder / f"mask.{suffix}"
    image.save(path, **options)
    return path


def agreement(mask: np.ndarray, expected: np.ndarray) -> float:
    return float((mask & expected).sum() / (mask | expected).sum())


# Files with two values, one of them the background's: nothing is assumed.
PLAIN: dict[str, Callable[[], Image.Image]] = {
    "zero and one": lambda: grey(OBJECT),
    "zero and 255": lambda: grey(GREY),
    "zero and three": lambda: grey(3 * OBJECT),
    "one bit": lambda: grey(GREY).convert("1"),
    "sixteen bits": lambda: Image.fromarray(OBJECT.astype(np.uint16) * 900),
    "thirty-two bits": lambda: Image.fromarray(OBJECT.astype(np.int32) * 70000),
    "opaque": lambda: grey(GREY).convert("RGBA"),
    "one colour on black": lambda: colours((OBJECT, (200, 0, 30))),
    "palette": lambda: palette(OBJECT * 7, [0, 0, 0] * 7 + [90, 10, 200]),
    "palette of one colour": lambda: palette(OBJECT, [9, 9, 9] * 256),
    "black last in the palette": lambda: palette(~OBJECT, [255, 255, 255, 0, 0, 0]),
}


@pytest.mark.parametrize("name", PLAIN)
def test_two_values_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    suffix = "tif" if name == "thirty-two bits" else "png"
    reading = read_mask_image(save(tmp_path, PLAIN[name](), suffix))
    assert np.array_equal(reading.mask, OBJECT)
    assert (reading.assumed, reading.boxed) == ("", False)


# Name → image, suffix, the least agreement (intersection over union) with the object, and part of what is said.
ASSUMED: dict[str, tuple[Callable[[], Image.Image], str, float, str]] = {
    "jpeg": (lambda: grey(GREY), "jpg", 0.97, "compressed, which blurs edges: values above 127.5"),
    "poor jpeg": (lambda: grey(GREY).convert("RGB"), "poor.jpg", 0.93, "compressed"),
    "red jpeg": (lambda: colours((OBJECT, (255, 0, 0))), "jpg", 0.9, "compressed"),
    "webp": (lambda: grey(GREY).convert("RGB"), "webp", 0.95, "compressed"),
    "soft": (lambda: grey(GREY).filter(ImageFilter.GaussianBlur(2)), "png", 0.93, "edges are soft: values above half"),
    "probabilities": (lambda: Image.fromarray(np.where(OBJECT, 0.9, 0.2).astype(np.float32)), "tif", 1, "and no 0"),
    "anti-aliased": (
        lambda: grey(np.kron(GREY, np.ones((4, 4)))).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS),
        *("png", 0.95, "edges are soft"),
    ),
    "soft in blocks": (
        lambda: _soft_in_blocks(),
        *("png", 0.85, "edges are soft"),
    ),
    "cut-out on black": (
        lambda: Image.composite(cut_out(GREY).convert("RGB"), Image.new("RGB", (WIDTH, HEIGHT)), grey(GREY)),
        *("png", 1, "cut-out on black"),
    ),
    "lossless webp": (lambda: grey(GREY).convert("RGB"), "lossless.webp", 1, ""),
    "one and 255": (lambda: grey(np.where(OBJECT, 255, 1)), "png", 1, "the values 1 and 255 and no 0: the larger"),
    "cut-out": (lambda: cut_out(GREY), "png", 1, "alpha channel is taken as the mask"),
    "soft cut-out": (lambda: cut_out(np.where(OBJECT, 240, 9)), "png", 1, "alpha channel is taken as the mask"),
    "grey cut-out": (lambda: cut_out(GREY, "L"), "png", 1, "alpha channel is taken as the mask"),
    "white on nothing": (lambda: _white_on_nothing(), "png", 1, "alpha channel is taken as the mask"),
    "palette with transparency": (
        lambda: palette(np.where(OBJECT, 5, 2), [7, 7, 7] * 256, transparent=2),
        *("png", 1, "alpha channel is taken as the mask"),
    ),
    "two colours": (lambda: colours((OBJECT, (253, 231, 37)), ground=(68, 1, 84)), "png", 1, "the lighter is taken"),
    "voc": (
        lambda: palette(np.where(OBJECT, 15, 0) + np.where(OTHER, 255, 0), _voc_palette()),
        *("png", 1, "pixels of the label 255 are left out"),
    ),
    "cityscapes": (lambda: grey(np.where(OBJECT, 7, 0) + np.where(OTHER, 255, 0)), "png", 1, "label 255 are left out"),
}


def _soft_in_blocks() -> Image.Image:
    """A small soft mask, enlarged without smoothing."""
    small = grey(GREY).filter(ImageFilter.GaussianBlur(4)).resize((WIDTH // 4, HEIGHT // 4))
    return small.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


def _white_on_nothing() -> Image.Image:
    image = Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 255))
    image.putalpha(grey(GREY))
    return image


def _voc_palette() -> list[int]:
    listed = [0] * 768
    listed[45:48], listed[765:768] = [192, 128, 128], [224, 224, 192]
    return listed


@pytest.mark.parametrize("name", ASSUMED)
def test_other_files_are_read_by_the_sensible_rule_and_it_is_said(tmp_path: Path, name: str) -> None:
    image, suffix, least, said = ASSUMED[name]
    options = {"poor.jpg": {"quality": 30}, "lossless.webp": {"lossless": True}}.get(suffix, {})
    reading = read_mask_image(save(tmp_path, image(), suffix, **options))
    assert agreement(reading.mask, OBJECT) >= least
    assert abs(int(reading.mask.sum()) - int(OBJECT.sum())) <= (1 - least) * OBJECT.sum() + 1
    assert said in reading.assumed


@pytest.mark.parametrize(
    "image",
    [
        lambda: grey(1 * OBJECT + 2 * OTHER),
        lambda: grey(90 * OBJECT + 180 * OTHER),
        lambda: Image.fromarray((26001 * OBJECT + 26002 * OTHER).astype(np.uint16)),
        lambda: colours((OBJECT, (255, 0, 0)), (OTHER, (0, 0, 255))),
        lambda: palette(1 * OBJECT + 2 * OTHER, [0, 0, 0, 255, 0, 0, 0, 0, 255]),
    ],
    ids=["ids", "spread ids", "large ids", "colours", "palette"],
)
def test_labels_are_taken_together_and_it_is_said(tmp_path: Path, image: Callable[[], Image.Image]) -> None:
    reading = read_mask_image(save(tmp_path, image()))
    assert np.array_equal(reading.mask, OBJECT | OTHER)
    assert "all of them are taken as the object; `mask_value` picks one" in reading.assumed


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (lambda: grey(1 * OBJECT + 2 * OTHER), "1"),
        (lambda: colours((OBJECT, (255, 0, 0)), (OTHER, (0, 0, 255))), "#ff0000"),
        (lambda: palette(1 * OBJECT + 2 * OTHER, [0, 0, 0, 255, 0, 0, 0, 0, 255]), "1"),
        (lambda: grey(255 * ~OBJECT), "0"),
        (lambda: grey(255 * ~OBJECT).convert("1"), "0"),
        (lambda: colours((~OBJECT, (255, 255, 255))), "0"),
        (lambda: grey(255 - GREY).resize((WIDTH, HEIGHT)), "0"),
    ],
    ids=["id", "colour", "index", "inverted", "inverted bits", "inverted colours", "inverted grey"],
)
def test_a_value_picks_its_pixels(tmp_path: Path, image: Callable[[], Image.Image], value: str) -> None:
    reading = read_mask_image(save(tmp_path, image()), value)
    assert np.array_equal(reading.mask, OBJECT) and reading.assumed == ""


def test_a_value_turns_a_compressed_or_soft_mask_around(tmp_path: Path) -> None:
    for suffix, image in (("jpg", grey(255 - GREY)), ("png", grey(255 - GREY).filter(ImageFilter.GaussianBlur(1)))):
        assert agreement(read_mask_image(save(tmp_path, image, suffix), "0").mask, OBJECT) > 0.93


def test_a_mask_that_looks_inverted_is_kept_and_named(tmp_path: Path) -> None:
    reading = read_mask_image(save(tmp_path, grey(255 * ~OBJECT)))
    assert np.array_equal(reading.mask, ~OBJECT)
    assert "its light part, 80% of the picture and all of its edge" in reading.assumed
    assert "set `mask_value` to 0" in reading.assumed


@pytest.mark.parametrize(
    ("image", "value", "said"),
    [
        (
            lambda: grey(1 + OBJECT + 2 * OTHER),
            "",
            "it has the values 1, 2, 3 and no 0; name the object's as `mask_value`",
        ),
        (lambda: grey(1 * OBJECT), "4", "`mask_value` is 4, but the file has the values 0, 1"),
        (lambda: grey(1 * OBJECT), "dog", "`mask_value` is 'dog'; expected a number, or a colour such as #ff0000"),
        (lambda: cut_out(np.full((HEIGHT, WIDTH), 255)).convert("RGB"), "", "this is a picture of 30"),
        (lambda: Image.fromarray(np.full((4, 4), np.nan, dtype=np.float32)), "", "values that are not finite"),
    ],
    ids=["no background", "absent value", "no value", "photograph", "not finite"],
)
def test_what_no_rule_reads_is_refused(tmp_path: Path, image: Callable[[], Image.Image], value: str, said: str) -> None:
    path = save(tmp_path, image(), "tif" if said.startswith("values") else "png")
    with pytest.raises(InputError) as caught:
        read_mask_image(path, value)
    assert said in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("image", "suffix", "said"),
    [
        (lambda: grey(0 * GREY), "png", "black all over"),
        (lambda: grey(0 * GREY), "jpg", "black all over"),
        (lambda: grey(0 * GREY + 255), "png", "white all over"),
        (lambda: grey(0 * GREY + 255), "jpg", "white all over"),
        (lambda: grey(GREY), "png", ""),
    ],
)
def test_masks_that_mark_nothing_or_everything(
    tmp_path: Path, image: Callable[[], Image.Image], suffix: str, said: str
) -> None:
    sentence = whole_or_empty(read_mask_image(save(tmp_path, image(), suffix)).mask)
    assert said in sentence and bool(said) == bool(sentence)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_as_its_own_file_says(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, grey(GREY), exif=exif)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image)) != 0
    assert np.array_equal(read_mask_image(path).mask, shown)
    assert np.array_equal(read_mask_image(path, as_stored=True).mask, OBJECT)
