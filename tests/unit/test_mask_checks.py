"""Every mask of a dataset is read while its cases are built: what cannot be used is reported in one go, before any model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_agreement import HEIGHT, WIDTH, box, build, coco, custom, image, sections, upright

from infodecomp.config import CocoDataset
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.masks import MaskSource

SIZE = {"height": HEIGHT, "width": WIDTH}
BOX = [6.0, 4.0, 34.0, 16.0]


def dataset(folder: Path, annotations: list[dict[str, Any]], **size: Any) -> CocoDataset:
    """As many pictures as annotations, each with one object."""
    numbers = range(1, len(annotations) + 1)
    images = [image(f"{n}.png", n, **(size or SIZE)) for n in numbers]
    coco(folder, images, [{"image_id": n, **one} for n, one in zip(numbers, annotations, strict=True)])
    for n in numbers:
        upright().save(folder / "val2017" / f"{n}.png")
    return sections(folder)


def areas(folder: Path, section: CocoDataset) -> list[tuple[int, int, int, int, int]]:
    """Area of each mask, and its first and last row and column."""
    found = []
    for case in read_cases(folder / "cases.parquet").to_dict("records"):
        mask = MaskSource.of(section).read(case).mask
        rows, columns = np.nonzero(mask)
        found.append((int(mask.sum()), *(int(edge) for edge in (rows.min(), rows.max(), columns.min(), columns.max()))))
    return found


WITHOUT_OUTLINE = [{}, {"segmentation": []}, {"segmentation": None}, {"segmentation": [[]]}, {"segmentation": [BOX]}]


@pytest.mark.parametrize("kind", WITHOUT_OUTLINE, ids=str)
def test_boxes_without_outlines(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: dict[str, Any]) -> None:
    section = dataset(tmp_path, [{"bbox": BOX, **kind}] * 3)
    assert build(tmp_path, section) == 1
    told = capsys.readouterr().err
    assert "3 of 3 masks of the dataset d cannot be used" in told and "`localisation: false`" in told
    assert all(f"image {n}, dog: annotation {n}: " in told for n in (1, 2, 3)) and "`boxes: mask`" in told
    assert not (tmp_path / "cases.parquet").exists()

    filled = section.model_copy(update={"boxes": "mask"})
    assert build(tmp_path, filled) == 0
    assert areas(tmp_path, filled) == [(34 * 16, 4, 19, 6, 39)] * 3
    assert (
        "image 1, dog: its box is filled as its mask, because `boxes` is `mask` (the first of 3)"
        in capsys.readouterr().out
    )

    assert build(tmp_path, section.model_copy(update={"localisation": False})) == 0
    assert build(tmp_path, section, parts=("pairs",)) == 0  # a study that compares nothing with masks


def test_one_bad_mask_of_one_never_passes(tmp_path: Path) -> None:
    section = dataset(tmp_path, [{"bbox": BOX, "segmentation": []}])
    assert build(tmp_path, section, max_failed_fraction=1.0) == 1


def test_bad_masks_within_the_allowed_fraction_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = {"bbox": BOX, "segmentation": []}
    section = dataset(tmp_path, [{"segmentation": box()}] * 3 + [bad])
    assert build(tmp_path, section) == 1
    assert "1 of 4 masks" in capsys.readouterr().err
    assert build(tmp_path, section, max_failed_fraction=0.25) == 0
    assert "not scored: image 4, dog: annotation 4: its `segmentation` is []" in capsys.readouterr().out
    assert (read_cases(tmp_path / "cases.parquet")["status"] == "ok").all()  # maps of the case are made all the same


def test_many_bad_masks_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = dataset(tmp_path, [{"bbox": BOX}] * 103)
    assert build(tmp_path, section) == 1
    told = capsys.readouterr().err
    assert told.count("annotation ") == 100 and "and 3 more of the kind." in told


@pytest.mark.parametrize("size", [{"width": None, "height": 0}, {"width": "x"}, {"height": HEIGHT}], ids=str)
def test_sizes_that_annotations_lack_are_those_of_the_pictures(tmp_path: Path, size: dict[str, Any]) -> None:
    section = dataset(tmp_path, [{"segmentation": box()}], **size)
    assert build(tmp_path, section) == 0
    assert areas(tmp_path, section) == [(34 * 16, 4, 19, 6, 39)]


def test_sizes_as_text_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = dataset(tmp_path, [{"segmentation": box()}], width=str(WIDTH), height=f"{HEIGHT}.0")
    assert build(tmp_path, section) == 0 and areas(tmp_path, section) == [(34 * 16, 4, 19, 6, 39)]
    wrong = dataset(tmp_path, [{"segmentation": box()}], width="99", height="98")
    assert build(tmp_path, wrong) == 1 and "are 99 x 98" in capsys.readouterr().err


def test_masks_that_mark_nothing_or_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing, everything = box(70, 50, 90, 60), box(0, 0, WIDTH, HEIGHT)
    assert build(tmp_path, dataset(tmp_path, [{"segmentation": nothing}])) == 1
    assert "image 1, dog: the mask covers no pixel of the picture" in capsys.readouterr().err
    section = dataset(tmp_path, [{"segmentation": everything}, {"segmentation": box()}])
    assert build(tmp_path, section) == 0
    assert "image 1, dog: the mask covers the whole picture" in capsys.readouterr().out


def test_a_picture_without_a_header_is_lost_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = dataset(tmp_path, [{"segmentation": box()}] * 2)
    (tmp_path / "val2017" / "2.png").write_bytes(b"")
    assert build(tmp_path, section) == 0
    assert read_cases(tmp_path / "cases.parquet")["status"].tolist() == ["ok", "image_unreadable"]
    assert "1 lost: 1 image_unreadable, the first because" in capsys.readouterr().out


def write_masks(folder: Path) -> None:
    upright().save(folder / "a.png")
    pixels = np.asarray(upright())[..., 0] > 130
    for name, mask in {"good": pixels, "black": pixels & False, "white": pixels | True}.items():
        Image.fromarray(255 * mask.astype(np.uint8)).save(folder / f"{name}.png")


def test_bad_masks_of_a_csv_are_named_with_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_masks(tmp_path)
    names = ("good", "black", "white", "absent")
    rows = "".join(f"a.png,a dog on grass {name},dog,{name}.png\n" for name in names)
    assert build(tmp_path, custom(tmp_path, rows)) == 1
    told = capsys.readouterr().err.splitlines()
    said = ["line 3: .*black all over", "line 4: .*white all over", "line 5: .*absent.png: no such file"]
    problems = [line for line in told if "cases.csv, line" in line]
    assert len(problems) == 3
    for line, (number, _, words) in zip(problems, (one.partition(": .*") for one in said), strict=True):
        assert number in line and words in line
    assert build(tmp_path, custom(tmp_path, rows, localisation=False)) == 0


def test_a_csv_without_any_mask_is_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_masks(tmp_path)
    rows = "a.png,a dog on grass,dog,\na.png,a dog on grass,grass,\n"
    assert build(tmp_path, custom(tmp_path, rows)) == 0
    assert "have no mask" not in capsys.readouterr().out
    assert build(tmp_path, custom(tmp_path, rows.replace("dog,\n", "dog,good.png\n"))) == 0
    assert "1 of 2 cases have no mask and are not scored." in capsys.readouterr().out


WORDS = {"dog": 1, "grass": 2}


def test_a_value_of_a_label_image_is_a_column_of_the_csv(tmp_path: Path) -> None:
    write_masks(tmp_path)
    labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    labels[2:12, 3:20], labels[20:40, 30:50] = 1, 2
    Image.fromarray(labels).save(tmp_path / "labels.png")
    section = custom(tmp_path, "")
    rows = [
        "image,caption,word,mask,mask_value",
        *(f"a.png,a dog on grass,{n},labels.png,{k}" for n, k in WORDS.items()),
    ]
    (tmp_path / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    assert build(tmp_path, section) == 0
    cases = read_cases(tmp_path / "cases.parquet")
    assert cases["mask"].tolist() == ["file[1]:labels.png", "file[2]:labels.png"]
    for case, number in zip(cases.to_dict("records"), (1, 2), strict=True):
        assert np.array_equal(MaskSource.of(section).read(case).mask, labels == number)
