"""Check that the shards of a study were made by one model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from infodecomp.runs.errors import InputError


def check_one_model(shards: Iterable[Path]) -> None:
    """InputError if shards of one folder were made with different weights, according to their provenance.

    That happens when the model's files change during a run: results from before and after must not be mixed. Shards
    without provenance are not checked.
    """
    first = dict[Path, tuple[Path, str]]()
    for shard in shards:
        model = _model_of(shard)
        if model is None:
            continue
        other, expected = first.setdefault(shard.parent, (shard, model))
        if model != expected:
            raise InputError(
                f"{shard}: made by a model with hash {model[:16]}…, but {other} by one with hash {expected[:16]}…: "
                "the model's files changed in between; run the same command again to redo the older results."
            )


def _model_of(shard: Path) -> str | None:
    provenance = shard.with_suffix(".provenance.json")
    if not provenance.is_file():
        return None
    model = json.loads(provenance.read_text(encoding="utf-8"))["extra"].get("model")
    return None if model is None else str(model)
