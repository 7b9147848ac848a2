"""Pictures and annotations that mean the same pixels, whatever EXIF says; and those that do not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from infodecomp.cli import run_stage as main
from infodecomp.config import CocoDataset, CustomDataset
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.masks import MaskSource
from infodecomp.pictures.images import image_size, load_image
from infodecomp.pictures.orientation import exif_orientation, turned
from tests.stage_settings import settings

HEIGHT, WIDTH = 48, 64
# The object of every picture: a bright box, off the middle both ways.
TOP, BOTTOM, LEFT, RIGHT = 4, 20, 6, 40
# Turns of the picture that a viewer undoes.
INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def upright(height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    pixels = np.full((height, width, 3), 40, dtype=np.uint8)
    pixels[TOP:BOTTOM, LEFT:RIGHT] = 220
    return Image.fromarray(pixels)


def save_turned(path: Path, orientation: int, picture: Image.Image | None = None) -> Image.Image:
    """Save a picture as a camera that is held so does; returns the stored pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = turned(picture or upright(), INVERSE[orientation])
    stored.save(path, exif=exif, quality=95)
    return stored


def coco(folder: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "val2017").mkdir(exist_ok=True)
    captions = [{"id": image["id"], "image_id": image["id"], "caption": "a dog on grass"} for image in images]
    objects = [{"image_id": images[0]["id"], "category_id": 1, **one, "id": n} for n, one in enumerate(annotations, 1)]
    files = {
        "instances": {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "dog"}]},
        "captions": {"images": images, "annotations": captions},
    }
    for name, content in files.items():
        (folder / "annotations" / f"{name}_val2017.json").write_text(json.dumps(content), encoding="utf-8")


def box(left: int = LEFT, top: int = TOP, right: int = RIGHT, bottom: int = BOTTOM) -> list[list[int]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def image(name: str = "a.jpg", number: int = 1, **size: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, **size}


def build(folder: Path, section: CocoDataset | CustomDataset, **config: Any) -> int:
    read = settings("build_cases", "d", datasets={"d": section}, **config)
    return main(["build_cases", "--dataset", "d", "--settings", read, "--output", str(folder / "cases.parquet")])


def brightness_of_objects(folder: Path, section: CocoDataset | CustomDataset) -> list[float]:
    """Share of pixels where mask and bright box of the picture agree, of each case, as models and scores see them."""
    source, found = MaskSource.of(section), []
    for case in read_cases(folder / "cases.parquet").to_dict("records"):
        pixels = np.asarray(load_image(source.images / case["image_path"], case["orientation"]))
        mask = source.read(case).mask
        assert mask.shape == pixels.shape[:2] == image_size(source.images / case["image_path"], case["orientation"])
        found.append(float(((pixels[..., 0] > 130) == mask).mean()))
    return found


def sections(folder: Path, **keys: Any) -> CocoDataset:
    return CocoDataset(root=str(folder), **keys)


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_pictures_that_were_annotated_upright(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], orientation: int, suffix: str, square: bool
) -> None:
    height = WIDTH if square else HEIGHT
    coco(tmp_path, [image(f"a.{suffix}", height=height, width=WIDTH)], [{"segmentation": box()}])
    save_turned(tmp_path / "val2017" / f"a.{suffix}", orientation, upright(height, WIDTH))
    assert build(tmp_path, sections(tmp_path)) == 0
    assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [orientation]
    assert min(brightness_of_objects(tmp_path, sections(tmp_path))) > 0.99
    told = capsys.readouterr().out
    assert (f"a.{suffix}: EXIF orientation {orientation} is applied" in told) == (orientation != 1)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_pictures_that_were_annotated_as_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], orientation: int
) -> None:
    """As by tools that ignore EXIF, and after an editor that turned the pixels and left the tag."""
    coco(tmp_path, [image(height=HEIGHT, width=WIDTH)], [{"segmentation": box()}])
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright().save(tmp_path / "val2017" / "a.jpg", exif=exif, quality=95)
    assert build(tmp_path, sections(tmp_path)) == 0
    assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [1]
    assert min(brightness_of_objects(tmp_path, sections(tmp_path))) > 0.99
    assert f"a.jpg: EXIF orientation {orientation} is not applied" in capsys.readouterr().out


def test_outlines_decide_where_annotations_name_no_size(tmp_path: Path) -> None:
    coco(
        tmp_path,
        [image(), image("b.jpg", 2)],
        [{"segmentation": box(0, 4, 60, 20)}, {"segmentation": box(), "image_id": 2}],
    )
    for name in ("a.jpg", "b.jpg"):
        save_turned(tmp_path / "val2017" / name, 6)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright().save(tmp_path / "val2017" / "a.jpg", exif=exif)  # 60 pixels from the left fit it as stored alone
    assert build(tmp_path, sections(tmp_path)) == 0
    assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [1, 6]


def test_the_size_of_rle_counts_where_annotations_name_none(tmp_path: Path) -> None:
    counts = {"size": [WIDTH, HEIGHT], "counts": [200, 100, WIDTH * HEIGHT - 300]}
    coco(tmp_path, [image(width=0, height=None)], [{"segmentation": counts}])
    save_turned(tmp_path / "val2017" / "a.jpg", 6)
    assert build(tmp_path, sections(tmp_path)) == 0
    assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [1]


@pytest.mark.parametrize(
    ("size", "orientation", "mode", "said"),
    [
        (
            (WIDTH, HEIGHT),
            1,
            "auto",
            "64 x 48 pixels (width x height); `width` and `height` of image 1 in .* are 48 x 64: width",
        ),
        ((40, 50), 1, "auto", "are 50 x 40: annotate the picture as it is, .*: was it cropped or resized?"),
        ((40, 50), 6, "auto", "has 48 x 64 pixels .* as stored and 64 x 48 as shown by EXIF orientation 6"),
        ((HEIGHT, WIDTH), 6, "ignore", "set `orientation` to `auto`, or correct the size"),
        ((WIDTH, HEIGHT), 6, "apply", "set `orientation` to `auto`, or correct the size"),
    ],
)
def test_sizes_that_nothing_makes_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: tuple[int, int], orientation: int, mode: Any, said: str
) -> None:
    coco(tmp_path, [image(height=size[0], width=size[1])], [{"segmentation": box()}])
    save_turned(tmp_path / "val2017" / "a.jpg", orientation)
    assert build(tmp_path, sections(tmp_path, orientation=mode)) == 1
    assert re.search(re.sub(r"([()])", r"\\\1", said), capsys.readouterr().err)
    # Without masks, nothing has to agree.
    assert build(tmp_path, sections(tmp_path, orientation=mode, localisation=False)) == 0


def test_all_pictures_of_other_sizes_are_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [image(f"{n}.png", n, height=WIDTH, width=HEIGHT) for n in (1, 2, 3)]
    coco(tmp_path, images, [{"segmentation": box(), "image_id": n} for n in (1, 2, 3)])
    for n in (1, 2, 3):
        upright().save(tmp_path / "val2017" / f"{n}.png")
    assert build(tmp_path, sections(tmp_path)) == 1
    told = capsys.readouterr().err
    assert all(f"{n}.png: the picture has 64 x 48 pixels" in told for n in (1, 2, 3))


def custom(folder: Path, rows: str, **keys: Any) -> CustomDataset:
    (folder / "cases.csv").write_text(f"image,caption,word,mask\n{rows}", encoding="utf-8")
    return CustomDataset(list=str(folder / "cases.csv"), **keys)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_of_a_csv_that_were_drawn_upright(tmp_path: Path, orientation: int) -> None:
    save_turned(tmp_path / "a.jpg", orientation)
    mask = 255 * (np.asarray(upright())[..., 0] > 130).astype(np.uint8)
    Image.fromarray(mask).save(tmp_path / "m.png")
    section = custom(tmp_path, "a.jpg,a dog on grass,dog,m.png\na.jpg,a dog on grass,grass,\n")
    assert build(tmp_path, section) == 0
    assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [orientation] * 2
    masked = read_cases(tmp_path / "cases.parquet").head(1).to_dict("records")[0]
    pixels = np.asarray(load_image(tmp_path / "a.jpg", masked["orientation"]))
    assert ((pixels[..., 0] > 130) == MaskSource.of(section).read(masked).mask).mean() > 0.99


def test_masks_of_a_csv_that_were_drawn_as_stored(tmp_path: Path) -> None:
    stored = save_turned(tmp_path / "a.jpg", 6)
    Image.fromarray(255 * (np.asarray(stored)[..., 0] > 130).astype(np.uint8)).save(tmp_path / "m.png")
    section = custom(tmp_path, "a.jpg,a dog on grass,dog,m.png\n")
    assert build(tmp_path, section) == 0
    assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [1]
    assert min(brightness_of_objects(tmp_path, section)) > 0.99


def test_masks_of_a_picture_that_contradict_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = save_turned(tmp_path / "a.jpg", 6)
    for name, picture in (("m.png", stored), ("n.png", upright())):
        Image.fromarray(255 * (np.asarray(picture)[..., 0] > 130).astype(np.uint8)).save(tmp_path / name)
    rows = "a.jpg,a dog on grass,dog,m.png\na.jpg,a dog on grass,grass,n.png\n"
    assert build(tmp_path, custom(tmp_path, rows)) == 1
    told = capsys.readouterr().err
    assert told.count("the sizes of its masks differ (width x height)") == 2 and "line 2" in told and "line 3" in told


def test_a_picture_without_annotations_is_taken_as_viewers_show_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_turned(tmp_path / "a.jpg", 8)
    for mode, expected in (("auto", 8), ("apply", 8), ("ignore", 1)):
        section = custom(tmp_path, "a.jpg,a dog on grass,dog,\n", localisation=False, orientation=mode)
        assert build(tmp_path, section) == 0
        assert read_cases(tmp_path / "cases.parquet")["orientation"].tolist() == [expected]
    assert "a.jpg: EXIF orientation 8 is applied, as viewers do; `orientation: ignore`" in capsys.readouterr().out


@pytest.mark.parametrize("value", [0, 9, 77, 65535])
def test_values_that_are_no_orientation_leave_the_picture(tmp_path: Path, value: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    upright().save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        assert exif_orientation(opened) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_what_viewers_do(tmp_path: Path, orientation: int) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8))
    for suffix in ("png", "tif"):
        stored = save_turned(tmp_path / f"a.{suffix}", orientation, noise)
        assert np.array_equal(np.asarray(load_image(tmp_path / f"a.{suffix}", orientation)), np.asarray(noise))
        assert np.array_equal(np.asarray(load_image(tmp_path / f"a.{suffix}")), np.asarray(stored))
        with Image.open(tmp_path / f"a.{suffix}") as opened:
            assert np.array_equal(np.asarray(ImageOps.exif_transpose(opened)), np.asarray(noise))
