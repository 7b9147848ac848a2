"""The table of image datasets: how each is read, its size, its licence, its attributes.

Another dataset is a file beside this one with a reader, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from infodecomp.representation.datasets import celeba, cifar10, fashion_mnist, ffhq, shapes3d
from infodecomp.representation.datasets.digits import read_digits
from infodecomp.representation.datasets.factors import read_factors
from infodecomp.representation.datasets.own_images import read_own_images
from infodecomp.representation.datasets.records import Given, ImageRecords

DATA = Path("data")


class ImageDataset(NamedTuple):
    """One dataset.

    size: side of its images as a model sees them, in pixels. channels: 1 for grey, 3 for colour. places: what is fetched,
    below `data/<name>/`. attributes: what is known of each image.
    """

    read: Callable[[Given], ImageRecords]
    size: int
    channels: int
    licence: str
    attributes: str
    places: tuple[str, ...] = ()


DATASETS: dict[str, ImageDataset] = {
    "factors": ImageDataset(read_factors, 32, 3, "CC BY-SA 4.0", "6 factors: 8, 6, 5, 3, 5, 5 values"),
    "digits": ImageDataset(read_digits, 32, 1, "CC BY 4.0", "10 classes"),
    "fashion_mnist": ImageDataset(
        fashion_mnist.read_fashion_mnist, 32, 1, "MIT", "10 classes", places=fashion_mnist.FILES
    ),
    "cifar10": ImageDataset(cifar10.read_cifar10, 32, 3, "none stated", "10 classes", places=(cifar10.ARCHIVE,)),
    "ffhq": ImageDataset(ffhq.read_ffhq, 64, 3, "CC BY-NC-SA 4.0, images each its own", "none", (ffhq.THUMBNAILS,)),
    "celeba": ImageDataset(
        celeba.read_celeba,
        64,
        3,
        "non-commercial research",
        "40, yes or no",
        places=(celeba.IMAGES, celeba.ATTRIBUTES, celeba.PARTITION),
    ),
    "shapes3d": ImageDataset(
        shapes3d.read_shapes3d, 64, 3, "Apache-2.0", "6 factors: 10, 10, 10, 8, 4, 15 values", places=(shapes3d.FILE,)
    ),
    "own": ImageDataset(read_own_images, 32, 3, "your own", "the columns of your table"),
}


def dataset_places(name: str) -> list[Path]:
    """The files and folders that a dataset is read from and that can be fetched, from the working folder.

    >>> dataset_places("shapes3d")
    [PosixPath('data/shapes3d/3dshapes.h5')]
    """
    return [DATA / name / place for place in DATASETS[name].places]
