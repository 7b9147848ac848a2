"""Benchmarks of what an evaluation costs: recording of attention, a GPU, precision."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import attention_overhead
import gpu_unet
import precision
import random_models
from infodecomp.config import Config
from infodecomp.models.latent_diffusion import LatentDiffusion


def test_recording_is_timed_in_turns_with_none() -> None:
    model = LatentDiffusion.load(Config().model.id)
    row = attention_overhead.measure(model, "embedded", rows=2, rounds=1)
    assert row["seconds without"] > 0 and np.isfinite(row["every row, % more"])


def test_gpu_benchmark_says_that_it_needs_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu_unet.py"])
    assert gpu_unet.main() == 2
    assert capsys.readouterr().err == "gpu_unet needs a CUDA GPU, and torch sees none on this machine.\n"


def test_gpu_benchmark_compares_with_the_plain_loop() -> None:
    """At a tiny size, on the CPU."""
    unet = random_models._unet(latent_size=8, channels=(8, 8), layers=1, attended=(False, True))
    assert gpu_unet.operations(unet) > 1e6
    device = torch.device("cpu")
    loop, ours = gpu_unet.compare(unet, device, ["float32"], images=2, steps=4, side=32)
    assert loop["rows in a call"] == 6 and ours["rows in a call"] == 64
    assert loop["times faster"] == 1 and ours["times faster"] > 0
    assert ours["of the ceiling, %"] == pytest.approx(100 * ours["TFLOP/s"] / ours["ceiling"])
    assert ours["seconds an image"] * ours["evaluations a second"] == pytest.approx(8)  # 4 draws, 2 prompts
    assert loop["seconds an image"] * loop["evaluations a second"] == pytest.approx(12)


def test_the_large_unet_is_stable_diffusion_2s(reference: Path) -> None:
    published = json.loads((reference / "sd21_base/unet/config.json").read_text(encoding="utf-8"))
    with torch.device("meta"):
        unet = random_models.stable_diffusion_2_base()
    assert sum(parameter.numel() for parameter in unet.parameters()) == 865_910_724
    for key, value in published.items():
        if not key.startswith("_"):
            found = unet.config[key]
            assert (list(found) if isinstance(found, tuple) else found) == value, key


def test_precision_compares_maps_and_iou() -> None:
    heat = np.arange(6.0).reshape(2, 3)
    exact = ({"cmi/orthogonal/50": {"a": heat, "b": heat}}, {"cmi/orthogonal/50": np.array([0.2, 0.5])})
    maps = {"cmi/orthogonal/50": {"a": 2 * heat, "b": -heat}}
    (row,) = precision.compare("bfloat16", maps, {"cmi/orthogonal/50": np.array([0.6, 0.4])}, exact)
    assert row["correlation"] == pytest.approx(0.0) and row["lowest"] == pytest.approx(-1.0)
    assert row["mIoU in float32"] == 0.5 and row["change"] == pytest.approx(-0.1)
    assert row["map"] == "cmi/orthogonal"
