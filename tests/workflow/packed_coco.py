"""A folder in COCO's layout as somebody has it who downloaded it: two archives, and a table of sources that names them."""

from __future__ import annotations

import csv
import hashlib
import zipfile
from pathlib import Path

from infodecomp.fetching.sources import COLUMNS

LISTS = "annotations/instances_val2017.json annotations/captions_val2017.json"


def pack(coco: Path, folder: Path) -> Path:
    """Write `val.zip`, `lists.zip` and `sources.csv` into a folder; returns the table. Its addresses lead nowhere."""
    folder.mkdir()
    nowhere = {"dataset": "coco", "version": "1", "url": "http://127.0.0.1:9/x.zip", "licence": "none"}
    rows = [
        {**nowhere, **_archive(folder / "val.zip", coco, "val2017"), "places": "val2017/"},
        {**nowhere, **_archive(folder / "lists.zip", coco, "annotations"), "places": LISTS},
    ]
    table = folder / "sources.csv"
    with table.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return table


def _archive(path: Path, folder: Path, part: str) -> dict[str, str]:
    """Zip a part of a folder; returns size and hash for the table."""
    with zipfile.ZipFile(path, "w") as written:
        for file in sorted((folder / part).rglob("*")):
            written.write(file, file.relative_to(folder))
    content = path.read_bytes()
    return {"file": path.name, "bytes": str(len(content)), "sha256": hashlib.sha256(content).hexdigest()}
