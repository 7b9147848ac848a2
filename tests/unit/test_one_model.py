"""Shards of different weights are not put into one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infodecomp.maps.one_model import check_one_model
from infodecomp.runs.errors import InputError


def shard(folder: Path, number: int, model: str | None) -> Path:
    path = folder / f"shard-{number:04d}.parquet"
    folder.mkdir(exist_ok=True)
    path.touch()
    if model is not None:
        path.with_suffix(".provenance.json").write_text(json.dumps({"extra": {"model": model}}), encoding="utf-8")
    return path


def test_one_model_a_folder(tmp_path: Path) -> None:
    first = [shard(tmp_path / "a", number, "1" * 64) for number in range(3)]
    second = [shard(tmp_path / "b", number, "2" * 64) for number in range(2)]
    check_one_model([*first, *second, shard(tmp_path / "a", 3, None)])


def test_weights_that_changed_in_between(tmp_path: Path) -> None:
    shards = [shard(tmp_path, number, digit * 64) for number, digit in enumerate("1121")]
    with pytest.raises(InputError) as caught:
        check_one_model(shards)
    assert str(caught.value) == (
        f"{shards[2]}: made by a model with hash {'2' * 16}…, but {shards[0]} by one with hash {'1' * 16}…: "
        "the model's files changed in between; run the same command again to redo the older results."
    )
