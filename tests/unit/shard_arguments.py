"""What the command line gives a stage that runs the embedded model over one shard."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from infodecomp.config import ModelSection, section_json
from tests.conftest import ROOT

MODEL = str(ROOT / "data/models/scenes")


def shard_arguments(folder: Path, name: str, **changes: Any) -> argparse.Namespace:
    """Cases and images of a folder, all in one shard; maps and table go to its folder `name`."""
    settings = {
        "cases": folder / "cases.parquet",
        "images": folder / "images",
        "shard": 0,
        "shards": 1,
        "model": section_json(ModelSection(id=MODEL)),
        "seed": 3,
        "max_failed_fraction": 0.5,
        "maps": folder / name / "maps",
        "output": folder / name / "shard.parquet",
        "device": "cpu",
        "batch_size": 16,
        "threads": 1,
        "compile": 0,
        "pilot": None,
    }
    return argparse.Namespace(**{**settings, **changes})
