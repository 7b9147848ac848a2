"""One estimation or attention shard after another on a few scenes, with the arguments that its rule passes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.__main__ import main
from pipeline.config import default_config, section_json
from pipeline.storage import read_arrays

MODEL = Path(__file__).resolve().parents[2] / "data" / "models" / "scenes"


@dataclass(frozen=True)
class ShardRun:
    """Settings of a run of `stage` over all shards of a cases table; results go to `folder`."""

    cases: Path
    images: Path
    folder: Path
    stage: str = "estimate_information"
    steps: tuple[int, ...] = (2, 6)
    batch_size: int = 16
    shards: int = 1

    def arguments(self, shard: int = 0) -> list[str]:
        """Arguments of `python -m pipeline`."""
        config = default_config()
        section = config.information if self.stage == "estimate_information" else config.attention
        return [
            self.stage,
            *("--cases", str(self.cases), "--dataset", "scenes"),
            *("--image-folders", json.dumps({"scenes": str(self.images)})),
            *("--shard", str(shard), "--shards", str(self.shards)),
            *("--section", section_json(section.model_copy(update={"steps": self.steps}))),
            *("--model", section_json(config.model.model_copy(update={"id": str(MODEL)}))),
            *("--seed", "0", "--max-failed-fraction", "0"),
            *("--maps", str(self.maps), "--output", str(self.table(shard))),
            *("--device", "cpu", "--batch-size", str(self.batch_size), "--threads", "1"),
        ]

    @property
    def maps(self) -> Path:
        return self.folder / "maps"

    def table(self, shard: int = 0) -> Path:
        """The table of a shard."""
        return self.folder / f"shard-{shard:04d}.parquet"

    def run(self) -> dict[str, dict[str, np.ndarray]]:
        """Run all shards in this process. Case id → its arrays."""
        for shard in range(self.shards):
            assert main(self.arguments(shard)) == 0
        return {path.stem: read_arrays(path) for path in sorted(self.maps.glob("*.npz"))}

    def into(self, folder: Path) -> ShardRun:
        """The same with other results."""
        return replace(self, folder=folder)
