"""Small datasets of images in the formats of the published ones."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from infodecomp.representation.datasets.shapes3d import FACTORS


def random_pictures(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def write_fashion_mnist(folder: Path, training: int = 20, test: int = 10) -> np.ndarray:
    pictures = random_pictures(training + test, 28, 28)
    for part, chosen in (("train", slice(0, training)), ("t10k", slice(training, None))):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pictures[chosen])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(training + test)[chosen] % 10)
    return pictures


def write_cifar10(folder: Path, each: int = 5, names: tuple[str, ...] | None = None) -> np.ndarray:
    """Six batches of `each` pictures; returns the pictures (N, 3, 32, 32)."""
    pictures = random_pictures(6 * each, 3, 32, 32)
    labels = np.arange(6 * each, dtype=np.uint8)[:, None] % 10
    records = np.concatenate([labels, pictures.reshape(len(pictures), -1)], axis=1)
    names = names or (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for number, name in enumerate(names):
            data = records[number * each : (number + 1) * each].tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return pictures


def write_celeba(folder: Path, count: int = 12, size: tuple[int, int] = (178, 218)) -> None:
    """Attributes: the second is the first one turned round."""
    (folder / "img_align_celeba").mkdir(parents=True, exist_ok=True)
    names = [f"{number:06d}.jpg" for number in range(1, count + 1)]
    for number, name in enumerate(names):
        Image.new("RGB", size, (20 * number, 0, 0)).save(folder / "img_align_celeba" / name)
    rows = [f"{name} {(-1) ** number:2d} {-((-1) ** number):2d}" for number, name in enumerate(names)]
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(count), "Smiling Young ", *rows]) + "\n")
    parts = [f"{name} {max(0, number - count + 3)}" for number, name in enumerate(names)]
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")


def write_ffhq(folder: Path, numbers: tuple[int, ...] = (0, 1, 59_999, 60_000, 60_001)) -> None:
    for number in numbers:
        path = folder / "thumbnails128x128" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (128, 128), (number % 256, 0, 0)).save(path)


def write_shapes3d(folder: Path, sizes: tuple[int, ...] = (2, 1, 2, 3, 4, 1)) -> np.ndarray:
    """Every combination of the factors; returns the pictures."""
    import h5py

    labels = np.stack(np.meshgrid(*(np.linspace(0, 1, size) for size in sizes), indexing="ij"), -1).reshape(-1, 6)
    pictures = random_pictures(len(labels), 64, 64, 3)
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "3dshapes.h5", "w") as file:
        file["images"], file["labels"] = pictures, labels
    assert len(FACTORS) == labels.shape[1]
    return pictures


def png_bytes(picture: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(picture).save(written, format="PNG")
    return written.getvalue()


def write_parquet(path: Path, pictures: np.ndarray, labels: list[int | None], classes: list[str]) -> None:
    """One file as the Hub keeps them: pictures as PNG, and a column `label` with named classes."""
    cells = [{"bytes": png_bytes(picture), "path": None} for picture in pictures]
    features = {"image": {"_type": "Image"}, "label": {"names": classes, "_type": "ClassLabel"}}
    table = pa.table({"image": cells, "label": pa.array(labels, pa.int64())})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path)
