"""Fixtures that several test folders use."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# One thread: on a busy machine, threads of small networks spend their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def reference() -> Path:
    """Recorded numbers of the released code, a tiny model, annotations of 79 COCO images, SD 2.1's settings."""
    return ROOT / "tests" / "reference"


@pytest.fixture(scope="session")
def coco_sample(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in COCO layout with the 79 annotated images.

    The photographs may not be shipped. Where COCO_ROOT has them they are used; elsewhere pictures of the same names,
    sizes and formats are drawn in their place, some of them grey, as in COCO.
    """
    folder = tmp_path_factory.mktemp("coco_sample")
    shutil.copytree(reference / "coco_sample" / "annotations", folder / "annotations")
    _fill(folder / "val2017", folder / "annotations" / "instances_val2017.json")
    return folder


def _fill(pictures: Path, instances: Path) -> None:
    """Copy or draw the picture of each annotated image."""
    root = os.environ.get("COCO_ROOT")
    pictures.mkdir()
    for number, image in enumerate(json.loads(instances.read_text(encoding="utf-8"))["images"]):
        name = image["file_name"]
        if root and (photograph := Path(root) / "val2017" / name).is_file():
            shutil.copyfile(photograph, pictures / name)
            continue
        mode, shape = ("L", (8, 8)) if number % 20 == 19 else ("RGB", (8, 8, 3))
        colours = np.random.default_rng(image["id"]).integers(0, 256, shape, dtype=np.uint8)
        picture = Image.fromarray(colours, mode=mode).resize(
            (image["width"], image["height"]), Image.Resampling.BICUBIC
        )
        picture.save(pictures / name, quality=90)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device; torch is imported only if there are such tests."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
