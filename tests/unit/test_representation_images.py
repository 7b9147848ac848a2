"""Prepared images: chosen, split, cropped and resized, and every unfit input reported before anything is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infodecomp.cli import run_stage
from infodecomp.config import load_config, section_json, settings_of
from infodecomp.config.image_problems import image_problems
from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.representation.attribute_checks import check_attributes
from infodecomp.representation.datasets.records import Attribute, Given
from infodecomp.representation.exact_files import read_exact
from infodecomp.representation.exact_information import identity_values
from infodecomp.representation.factor_world import draw_images, split
from infodecomp.representation.image_preparation import fit, prepare_images
from infodecomp.representation.prepared_images import PreparedImages, read_prepared
from infodecomp.representation.prepared_world import class_attributes, prepared_world
from infodecomp.runs.errors import InputError
from tests.unit import image_sets

COUNT = 20
STAGES = ["prepare_representation_images", *(f"{name}_representation" for name in ("pilot", "exact", "estimate"))]
FILES = ("density.json", "values.parquet", "0.parquet")


def prepare(name: str, folder: Path, given: Given | None = None, seed: int = 0, **keys: object) -> PreparedImages:
    section = RepresentationImagesSection.model_validate({"dataset": name, "seed": seed, **keys})
    prepare_images(section, (given or Given(folder))._replace(seed=seed), folder / "prepared")
    return read_prepared(folder / "prepared")


def settings_json(**keys: object) -> str:
    study = load_config({"representation": {"images": keys}})
    return section_json(settings_of("prepare_representation_images", study))


def write_own(folder: Path, rows: dict[int, str] | None = None, header: str = "image,smile,age") -> Given:
    """A CSV of twenty pictures and its folder; rows: what to write in place of a row, by its number from 0."""
    lines = [f"{number}.png,{'yes' if number % 3 else 'no'},{number / 2:.1f}" for number in range(COUNT)]
    for number in range(COUNT):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / f"{number}.png")
        lines[number] = (rows or {}).get(number, lines[number])
    (folder / "list.csv").write_text("\n".join([header, *lines]) + "\n")
    return Given(folder, folder / "list.csv")


def test_clothes_grow_from_28_to_32_and_keep_their_split(tmp_path: Path) -> None:
    image_sets.write_fashion_mnist(tmp_path)
    found = prepare("fashion_mnist", tmp_path)
    assert (found.images.shape, found.images.dtype) == ((30, 1, 32, 32), np.uint8)
    assert found.training.tolist() == list(range(20)) and found.attributes["class"].kind == "class"
    assert found.description["stored_size"] == [28, 28] and "antialiased" in found.description["resize"]
    assert found.description["published_split"]


def test_images_of_the_right_size_stay_as_they_are(tmp_path: Path) -> None:
    written = image_sets.write_cifar10(tmp_path, each=10)
    found = prepare("cifar10", tmp_path)
    np.testing.assert_array_equal(found.images, written)
    assert found.description["resize"] == "none"
    batch = found.batch([3, 1])
    assert batch.dtype == np.float32 and batch.min() >= -1 and batch.max() <= 1
    np.testing.assert_allclose((batch + 1) * 127.5, written[[3, 1]], atol=1e-4)


def test_a_face_is_its_central_square(tmp_path: Path) -> None:
    image_sets.write_celeba(tmp_path)
    found = prepare("celeba", tmp_path)
    assert found.images.shape == (12, 3, 64, 64) and found.description["stored_size"] == [218, 178]
    assert abs(int(found.images[5, 0].mean()) - 100) < 3 and found.attributes["Smiling"].classes == ("no", "yes")


def test_shrinking_averages() -> None:
    """A chessboard of single pixels becomes grey; picking pixels would make it black or white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert set(np.unique(fit(board, 1, 32)[0, 2:-2, 2:-2])) <= {127, 128}
    assert fit(board, 3, 32).shape == (3, 32, 32)


def test_the_crop_is_central() -> None:
    picture = np.zeros((10, 30, 3), dtype=np.uint8)
    picture[:, 10:20] = 200
    assert (fit(picture, 3, 10) == 200).all()


def test_the_draw_depends_on_the_seed_alone(tmp_path: Path) -> None:
    image_sets.write_shapes3d(tmp_path, sizes=(2, 2, 2, 2, 2, 2))
    first, again = (prepare("shapes3d", tmp_path, count=40) for _ in range(2))
    other = prepare("shapes3d", tmp_path, count=40, seed=1)
    assert first.names == again.names == sorted(first.names) and first.names != other.names
    assert first.held_out.sum() == 4 and first.held_out.tolist() == again.held_out.tolist()
    assert first.held_out.tolist() != other.held_out.tolist() and not first.description["published_split"]


def test_the_embedded_world_has_its_own_split(tmp_path: Path) -> None:
    found = prepare("factors", tmp_path, seed=5, count=300)
    numbers = np.array([int(name) for name in found.names])
    np.testing.assert_array_equal(found.images, draw_images()[numbers])
    np.testing.assert_array_equal(found.held_out, np.isin(numbers, split(5)[1]))
    assert found.attributes["category"].classes[0] == "dog" and found.attributes["y"].classes[4] == "24"


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    found = prepare("own", tmp_path, write_own(tmp_path), size=16, held_out=0.2)
    assert found.images.shape == (COUNT, 3, 16, 16) and found.held_out.sum() == 4
    assert found.images[7, 0].mean() == 7 and found.names[7] == "7.png"
    smile, age = found.attributes["smile"], found.attributes["age"]
    assert (smile.classes, smile.values[:4].tolist()) == (("no", "yes"), [0, 1, 1, 0])
    assert (age.kind, age.values[3]) == ("number", 1.5)


def test_a_split_of_ones_own(tmp_path: Path) -> None:
    rows = {number: f"{number}.png,{number % 2},{'test' if number < 4 else 'train'}" for number in range(COUNT)}
    found = prepare("own", tmp_path, write_own(tmp_path, rows, "image,smile,split"))
    assert np.flatnonzero(found.held_out).tolist() == [0, 1, 2, 3] and list(found.attributes) == ["smile"]


def small(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "3.png")


ROWS: dict[str, tuple[dict[int, str], Callable[[Path], object], str]] = {
    "empty": ({2: "2.png,,1.0"}, lambda folder: None, "line 4: `smile` is empty; every image needs a value"),
    "no such file": ({2: "x.png,no,1.0"}, lambda folder: None, "line 4: .*x.png: no such file"),
    "unreadable": ({}, lambda folder: (folder / "2.png").write_bytes(b"PK\3\4"), "line 4: .*2.png: this image cannot"),
    "named twice": ({2: "./1.png,no,1.0"}, lambda folder: None, "line 4: 1.png is also the image of line 3"),
    "another size": ({}, small, "line 5: the image has 8 x 8 pixels, and 19 others have 40 x 30"),
    "leads out": ({2: "../1.png,no,1.0"}, lambda folder: None, "line 4: `image` is '../1.png'; expected a path below"),
    "too many cells": ({2: "2.png,no,1.0,4"}, lambda folder: None, "line 4: has 4 cells, but the header names 3"),
}


@pytest.mark.parametrize(("rows", "change", "sentence"), ROWS.values(), ids=ROWS)
def test_a_bad_row_is_named(
    rows: dict[int, str], change: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    given = write_own(tmp_path, rows)
    change(tmp_path)
    with pytest.raises(InputError, match=sentence) as caught:
        prepare("own", tmp_path, given)
    assert "\n" not in str(caught.value) and not (tmp_path / "prepared").exists()


def test_all_bad_rows_are_named_at_once(tmp_path: Path) -> None:
    given = write_own(tmp_path, {0: "0.png,yes,1.0,dev", 5: "gone.png,yes,1.0,test"}, "image,smile,age,split")
    with pytest.raises(InputError) as caught:
        prepare("own", tmp_path, given)
    lines = str(caught.value).splitlines()
    assert len(lines) == COUNT  # the other rows have no split
    assert "line 2: `split` is 'dev'; allowed are train and test." in lines[0] and "no such file" in lines[5]


VALUES = np.arange(10) % 2
HELD_OUT = np.arange(10) < 2
ATTRIBUTES: dict[str, tuple[Attribute, str]] = {
    "constant": (Attribute(np.zeros(10, np.int64), ("no", "yes")), "`smile` is no in all 10 images, so nothing"),
    "constant number": (Attribute(np.full(10, 2.5)), r"`smile` is 2\.5 in all 10 images"),
    "constant in training": (
        Attribute((np.arange(10) == 1).astype(np.int64), ("no", "yes")),
        "is no in all 8 images for training",
    ),
    "constant held out": (Attribute((np.arange(10) > 5).astype(np.int64), ("no", "yes")), "in all 2 images held out"),
    "short": (Attribute(VALUES[:7], ("no", "yes")), "has 7 values for 10 images"),
    "not a number": (Attribute(np.where(VALUES, np.nan, 1.0)), "lacks a finite value in 5 of 10 images"),
    "names": (Attribute(np.arange(10), tuple("abcdefghij")), "a different class in each of 10 images"),
}


@pytest.mark.parametrize(("attribute", "sentence"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_an_attribute_that_teaches_nothing_is_refused(attribute: Attribute, sentence: str) -> None:
    good = Attribute(VALUES, ("no", "yes"))
    check_attributes("own", {"good": good}, HELD_OUT)
    with pytest.raises(InputError, match=sentence) as caught:
        check_attributes("own", {"good": good, "smile": attribute}, HELD_OUT)
    assert "good" not in str(caught.value)


def test_fewer_images_than_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="count is 21, and own has 20 images; use at most 20, or null for all"):
        prepare("own", tmp_path, write_own(tmp_path), count=21)


def test_a_split_without_one_side(tmp_path: Path) -> None:
    image_sets.write_ffhq(tmp_path, numbers=tuple(range(12)))
    with pytest.raises(InputError, match="ffhq: of 12 images 0 are held out"):
        prepare("ffhq", tmp_path)
    with pytest.raises(InputError, match="own: of 20 images 0 are held out"):
        prepare("own", tmp_path, write_own(tmp_path), held_out=0.01)


def test_faces_of_two_sizes(tmp_path: Path) -> None:
    image_sets.write_celeba(tmp_path)
    Image.new("RGB", (100, 90)).save(tmp_path / "img_align_celeba" / "000004.jpg")
    with pytest.raises(InputError, match=r"000004\.jpg has 100 x 90 pixels, and 000001\.jpg 178 x 218"):
        prepare("celeba", tmp_path)
    (tmp_path / "img_align_celeba" / "000004.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    with pytest.raises(InputError, match=r"000004\.jpg: this image cannot be read"):
        prepare("celeba", tmp_path)
    assert not list((tmp_path / "prepared").glob("*"))


def test_own_images_need_a_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="list is null; the dataset `own` needs the path of a CSV"):
        prepare("own", tmp_path)
    with pytest.raises(InputError, match=r"none\.csv: no such file; expected a CSV with a column `image`"):
        prepare("own", tmp_path, Given(tmp_path, tmp_path / "none.csv"))


def test_a_sample_of_any_dataset_is_a_finite_world(tmp_path: Path) -> None:
    """Where the images are plain to see, they hold ln K nats; where they are not, none."""
    found = prepare("digits", tmp_path, count=60, size=16)
    world = prepared_world(found)
    assert class_attributes(found) == ("digit",) and world.attributes.shape == (60, 1)
    seen = identity_values(world, range(60), np.array([-20.0, 12.0]), seed=0).mean(axis=0)
    np.testing.assert_allclose(seen, [0.0, math.log(60)], atol=1e-3)


def test_a_finite_world_has_no_image_twice(tmp_path: Path) -> None:
    given = write_own(tmp_path)
    Image.new("RGB", (40, 30), (4, 0, 0)).save(tmp_path / "9.png")
    with pytest.raises(InputError, match=r"own: the images 4\.png and 9\.png are equal; images that are enumerated"):
        prepared_world(prepare("own", tmp_path, given))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"dataset": "own"}, "representation → images → list is null; allowed is a CSV"),
        ({"list": "a.csv"}, 'representation → images → list is "a.csv"; allowed is null, because `dataset` is factors'),
        ({"dataset": "celeba", "root": "a"}, 'root is "a"; allowed is null, because `dataset` is celeba, not own'),
    ],
)
def test_keys_that_conflict(keys: dict[str, str], sentence: str) -> None:
    (problem,) = image_problems(RepresentationImagesSection.model_validate(keys))
    assert sentence in f"{' → '.join(map(str, problem.path))} {problem.matter}"
    assert not list(image_problems(RepresentationImagesSection(dataset="own", list="a.csv", root="b")))


def test_prepared_images_that_do_not_fit_each_other(tmp_path: Path) -> None:
    prepare("own", tmp_path, write_own(tmp_path))
    folder = tmp_path / "prepared"
    np.save(folder / "images.npy", np.zeros((3, 3, 8, 8), dtype=np.uint8))
    with pytest.raises(InputError, match=r"holds \(3, 3, 8, 8\) numbers of uint8 for 20 images; prepare them again"):
        read_prepared(folder)
    (folder / "images.npy").write_bytes(b"nothing")
    with pytest.raises(InputError, match="these are not prepared images"):
        read_prepared(folder)


def test_the_stage_prepares_the_digits_that_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_json(dataset="digits", seed=3, count=100, size=16)
    assert run_stage(["prepare_representation_images", "--settings", settings, "--output-dir", "digits"]) == 0
    found = read_prepared(Path("digits"))
    assert found.images.shape == (100, 1, 16, 16) and found.held_out.sum() == 10
    record = json.loads(Path("digits/images.provenance.json").read_text())
    assert record["extra"]["licence"] == "CC BY 4.0" and len(record["outputs"]) == 3


def test_prepared_digits_go_through_the_stages_of_information(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Principal components of a hundred digits hold at most ln 100 nats, and repeat what others say."""
    monkeypatch.chdir(tmp_path)
    keys = {
        "images": {"dataset": "digits", "count": 100, "size": 8},
        "components": {"dimensions": 2, "noise": 0.3},
        "estimation": {"images": 6, "draws": 8, "maps": 1, "pilot": 2},
        "exact": {"images": 60, "curve_images": 6, "curve_points": 3},
    }
    study = load_config({"representation": keys})
    settings = {name: section_json(settings_of(name, study)) for name in STAGES}
    assert run_stage([STAGES[0], "--settings", settings[STAGES[0]], "--output-dir", "images"]) == 0
    common = ["--model", "components", "--images", "images", "--seed", "0"]
    pilot, exact, table = (f"{name}/{file}" for name, file in zip(STAGES[1:], FILES, strict=True))
    arguments = {
        pilot: [],
        exact: ["--pilot", pilot],
        table: [*("--pilot", pilot, "--shard", "0", "--shards", "1", "--maps", "maps"), "--max-failed-fraction", "0"],
    }
    for (output, further), name in zip(arguments.items(), STAGES[1:], strict=True):
        assert run_stage([name, *common, "--settings", settings[name], "--output", output, *further]) == 0
    values, _, record = read_exact(Path(exact).parent)
    assert record.images == 100 and list(record.factors) == ["digit"]
    assert 2.0 < values["whole"].mean() < math.log(100)
    assert len(list(Path("maps").glob("*.npz"))) == 6


def test_the_stage_finds_the_files_of_a_table_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_own(tmp_path)
    Path("list.csv").rename("../list.csv")
    for keys, status in (({"list": "../list.csv"}, 1), ({"list": "../list.csv", "root": "."}, 0)):
        settings = settings_json(dataset="own", **keys)
        assert run_stage(["prepare_representation_images", "--settings", settings, "--output-dir", "own"]) == status
    assert len(read_prepared(Path("own")).names) == COUNT
