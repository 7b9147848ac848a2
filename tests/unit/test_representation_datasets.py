"""Readers of image datasets, each on a small file in the format of the published one."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from infodecomp.config.representation_images import ImageDatasetName
from infodecomp.fetching.places import fetch_source
from infodecomp.fetching.sources import read_sources
from infodecomp.representation.datasets.own_images import attribute_of
from infodecomp.representation.datasets.records import Given, ImageRecords
from infodecomp.representation.datasets.table import DATA, DATASETS
from infodecomp.runs.errors import InputError
from tests.unit import image_sets


def read(name: str, folder: Path, table: Path | None = None) -> ImageRecords:
    return DATASETS[name].read(Given(folder, table))


def pictures(records: ImageRecords, *numbers: int) -> list[np.ndarray]:
    return list(records.pictures(numbers))


def test_the_configuration_names_the_datasets_of_the_table() -> None:
    assert set(get_args(ImageDatasetName)) == set(DATASETS)


def test_fashion_mnist(tmp_path: Path) -> None:
    written = image_sets.write_fashion_mnist(tmp_path)
    records = read("fashion_mnist", tmp_path)
    np.testing.assert_array_equal(pictures(records, 3, 29), written[[3, 29]])
    assert records.held_out is not None and records.held_out.tolist() == [False] * 20 + [True] * 10
    assert records.attributes["class"].values.tolist() == [number % 10 for number in range(30)]
    assert records.attributes["class"].classes[9] == "ankle boot"


def test_cifar10_in_its_archive(tmp_path: Path) -> None:
    written = image_sets.write_cifar10(tmp_path)
    records = read("cifar10", tmp_path)
    found = pictures(records, 0, 27)
    np.testing.assert_array_equal([picture.transpose(2, 0, 1) for picture in found], written[[0, 27]])
    assert records.held_out is not None and np.flatnonzero(records.held_out).tolist() == [25, 26, 27, 28, 29]
    assert records.attributes["class"].values[27] == 7 and not list(tmp_path.glob("*/"))


def test_celeba(tmp_path: Path) -> None:
    image_sets.write_celeba(tmp_path)
    records = read("celeba", tmp_path)
    assert records.names[0] == "000001.jpg" and pictures(records, 5)[0].shape == (218, 178, 3)
    assert list(records.attributes) == ["Smiling", "Young"]
    assert records.attributes["Smiling"].values.tolist() == [1, 0] * 6
    assert records.attributes["Young"].kind == "binary"
    assert records.held_out is not None and np.flatnonzero(records.held_out).tolist() == [10, 11]


def test_ffhq_has_no_attributes_and_its_own_split(tmp_path: Path) -> None:
    image_sets.write_ffhq(tmp_path)
    records = read("ffhq", tmp_path)
    assert records.names == ["00000", "00001", "59999", "60000", "60001"] and not records.attributes
    assert records.held_out is not None and records.held_out.tolist() == [False, False, False, True, True]
    assert pictures(records, 1)[0][0, 0].tolist() == [1, 0, 0]


def test_shapes3d(tmp_path: Path) -> None:
    written = image_sets.write_shapes3d(tmp_path)
    records = read("shapes3d", tmp_path)
    np.testing.assert_array_equal(pictures(records, 1, 40, 47), written[[1, 40, 47]])
    assert [len(one.classes) for one in records.attributes.values()] == [2, 1, 2, 3, 4, 1]
    assert records.attributes["shape"].values[:5].tolist() == [0, 1, 2, 3, 0] and records.held_out is None


def test_digits_that_ship() -> None:
    records = DATASETS["digits"].read(Given(Path()))
    (first,) = pictures(records, 0)
    assert (len(records.names), first.shape, first.dtype, first.max()) == (1797, (8, 8), np.uint8, 239)
    assert records.attributes["digit"].values[:3].tolist() == [0, 1, 2]


def test_parquet_of_the_hub(tmp_path: Path) -> None:
    written = image_sets.random_pictures(7, 9, 9, 3)
    image_sets.write_parquet(tmp_path / "data/test-00000-of-00001.parquet", written[4:], [1, 1, 0], ["cat", "dog"])
    image_sets.write_parquet(tmp_path / "data/train-00000-of-00001.parquet", written[:4], [0, 1, 0, 1], ["cat", "dog"])
    records = read("own", tmp_path, tmp_path)
    np.testing.assert_array_equal(pictures(records, 0, 3, 4, 6), written[[0, 3, 4, 6]])
    assert records.attributes["label"].classes == ("cat", "dog")
    assert records.attributes["label"].values.tolist() == [0, 1, 0, 1, 1, 1, 0]
    assert records.held_out is not None and records.held_out.tolist() == [False] * 4 + [True] * 3


@pytest.mark.parametrize(
    ("texts", "classes", "values"),
    [
        (["no", "yes", "no"], ("no", "yes"), [0, 1, 0]),
        (["10", "9", "10"], ("9", "10"), [1, 0, 1]),
        (["1,5", "2", "0.5"], (), [1.5, 2.0, 0.5]),
        ([str(number) for number in range(21)], (), list(range(21))),
        (["1.5", "large", "1.5"], ("1.5", "large"), [0, 1, 0]),
    ],
)
def test_a_column_is_classes_or_a_measurement(texts: list[str], classes: tuple[str, ...], values: list[float]) -> None:
    found = attribute_of(texts)
    assert (found.classes, found.values.tolist()) == (classes, values)


def test_what_is_fetched_is_what_is_read(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every dataset that can be fetched, from a table of sources with the shipped names and places."""
    monkeypatch.chdir(tmp_path)
    shipped = [
        one
        for one in read_sources(repository / "data/sources.csv").values()
        if one.dataset in DATASETS and not one.form
    ]
    made = {
        "fashion_mnist": image_sets.write_fashion_mnist,
        "cifar10": image_sets.write_cifar10,
        "celeba": image_sets.write_celeba,
        "shapes3d": image_sets.write_shapes3d,
    }
    assert set(made) == {one.dataset for one in shipped}
    for name, write in made.items():
        write(tmp_path / "made" / name)
    shutil.make_archive("made/celeba/img_align_celeba", "zip", "made/celeba", "img_align_celeba")
    for one in shipped:
        here = (tmp_path / "made" / one.dataset / one.file).as_uri()
        fetch_source(replace(one, url=here, mirrors=(), bytes=None, md5="", sha256="", own=True), "")
    counts = {name: len(read(name, DATA / name).names) for name in made}
    assert counts == {"fashion_mnist": 30, "cifar10": 30, "celeba": 12, "shapes3d": 48}


def cut(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])


def rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))


def idx_of_two_sizes(folder: Path) -> None:
    image_sets.write_fashion_mnist(folder)
    image_sets.write_idx(folder / "t10k-images-idx3-ubyte.gz", image_sets.random_pictures(10, 14, 14))


def idx_that_promises_more(folder: Path) -> None:
    image_sets.write_fashion_mnist(folder)
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-3]))


def shapes_of_floats(folder: Path) -> None:
    import h5py

    with h5py.File(folder / "3dshapes.h5", "w") as file:
        file["images"], file["labels"] = np.zeros((4, 64, 64, 3)), np.zeros((4, 6))


def after(write: Callable[[Path], object], change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: (write(folder), change(folder))


ATTRIBUTES, PARTS = "list_attr_celeba.txt", "list_eval_partition.txt"
BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no file": ("fashion_mnist", lambda folder: None, "train-images-idx3-ubyte.gz: no such file"),
    "cut gzip": (
        "fashion_mnist",
        after(image_sets.write_fashion_mnist, lambda folder: cut(folder / "train-images-idx3-ubyte.gz", 300)),
        "not a complete gzipped IDX file",
    ),
    "short idx": ("fashion_mnist", idx_that_promises_more, "promises 20 bytes, and it holds 17"),
    "two sizes": ("fashion_mnist", idx_of_two_sizes, "of several sizes, 28 x 28 and 14 x 14 pixels"),
    "labels as images": (
        "fashion_mnist",
        after(
            image_sets.write_fashion_mnist,
            lambda folder: image_sets.write_idx(folder / "train-images-idx3-ubyte.gz", np.arange(20)),
        ),
        r"begins with 0, 8, 1; expected 0, 8 \(bytes\), 3 \(dimensions\)",
    ),
    "batch missing": (
        "cifar10",
        lambda folder: image_sets.write_cifar10(folder, names=("data_batch_1.bin", "test_batch.bin")),
        "the archive has no cifar-10-batches-bin/data_batch_2.bin",
    ),
    "cut tar": (
        "cifar10",
        after(image_sets.write_cifar10, lambda folder: cut(folder / "cifar-10-binary.tar.gz", 40_000)),
        "not a complete tar.gz archive",
    ),
    "web page": (
        "cifar10",
        lambda folder: (folder / "cifar-10-binary.tar.gz").write_text("<html>"),
        "not a complete tar.gz archive",
    ),
    "attribute of a third value": (
        "celeba",
        after(image_sets.write_celeba, lambda folder: rewrite(folder / ATTRIBUTES, " 1 -1", " 1  0")),
        "line 3: 000001.jpg has the attributes '1 0'; expected 1 or -1 for each of 2",
    ),
    "attribute missing": (
        "celeba",
        after(image_sets.write_celeba, lambda folder: rewrite(folder / ATTRIBUTES, " 1 -1", " 1")),
        "line 3: 000001.jpg has the attributes '1'",
    ),
    "image twice": (
        "celeba",
        after(image_sets.write_celeba, lambda folder: rewrite(folder / ATTRIBUTES, "000002", "000001")),
        "line 4: 000001.jpg is also the image of line 3",
    ),
    "cut list": (
        "celeba",
        after(image_sets.write_celeba, lambda folder: rewrite(folder / ATTRIBUTES, "12\n", "13\n")),
        "promises 13 images and lists 12",
    ),
    "without a part": (
        "celeba",
        after(image_sets.write_celeba, lambda folder: rewrite(folder / PARTS, "000003.jpg", "000099.jpg")),
        "1 images are missing; the first is 000003.jpg",
    ),
    "image missing": (
        "celeba",
        after(image_sets.write_celeba, lambda folder: (folder / "img_align_celeba/000007.jpg").unlink()),
        "1 of 12 images are missing; the first is 000007.jpg",
    ),
    "no thumbnails": ("ffhq", lambda folder: None, "it holds no image; expected FFHQ's thumbnails"),
    "thumbnail twice": (
        "ffhq",
        after(
            image_sets.write_ffhq,
            lambda folder: Image.new("RGB", (8, 8)).save(folder / "thumbnails128x128" / "00001.png"),
        ),
        "has the same name",
    ),
    "no hdf5": ("shapes3d", lambda folder: (folder / "3dshapes.h5").write_text("<html>"), "not a readable HDF5 file"),
    "other arrays": (
        "shapes3d",
        shapes_of_floats,
        r"expected `images` \(N, 64, 64, 3\) of uint8 and `labels` \(N, 6\)",
    ),
}


@pytest.mark.parametrize(("name", "write", "sentence"), BAD.values(), ids=BAD)
def test_a_damaged_dataset_gets_one_sentence(
    name: str, write: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    write(tmp_path)
    with pytest.raises(InputError, match=sentence) as caught:
        read(name, tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_parquet_columns_of_every_kind(tmp_path: Path) -> None:
    cells = [{"bytes": image_sets.png_bytes(picture)} for picture in image_sets.random_pictures(3, 5, 5)]
    columns = {"img": cells, "colour": ["red", "blue", "red"], "on": [True, False, True], "age": [1.5, 2.0, 3.5]}
    pq.write_table(pa.table({**columns, "box": [[1, 2], [3], []]}), tmp_path / "part.parquet")
    records = read("own", tmp_path, tmp_path)
    assert {name: one.kind for name, one in records.attributes.items()} == {
        "colour": "binary",
        "on": "binary",
        "age": "number",
    }
    assert records.attributes["colour"].classes == ("blue", "red") and records.held_out is None
    assert pictures(records, 2)[0].shape == (5, 5)


def test_a_picture_in_parquet_that_cannot_be_decoded(tmp_path: Path) -> None:
    cells = [{"bytes": image_sets.png_bytes(np.zeros((4, 4), np.uint8))}, {"bytes": b"nothing"}]
    pq.write_table(pa.table({"image": cells}), tmp_path / "part.parquet")
    records = read("own", tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"part\.parquet: the image of row 1 cannot be read"):
        pictures(records, 0, 1)
    pq.write_table(pa.table({"image": ["a.png"]}), tmp_path / "part.parquet")
    with pytest.raises(InputError, match="it has the columns image; expected `image` or `img` with the bytes"):
        read("own", tmp_path, tmp_path)


def test_damaged_parquet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no Parquet file"):
        read("own", tmp_path, tmp_path)
    path = tmp_path / "train.parquet"
    image_sets.write_parquet(path, image_sets.random_pictures(3, 9, 9), [0, None, 1], ["cat", "dog"])
    with pytest.raises(InputError, match="`label` lacks a value in 1 of 3 rows"):
        read("own", tmp_path, tmp_path)
    cut(path, 100)
    with pytest.raises(InputError, match=r"train\.parquet: this is not a readable Parquet file"):
        read("own", tmp_path, tmp_path)
