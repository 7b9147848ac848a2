"""What the benchmarks compute from what they measure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import attention_overhead
import gpu_unet
import localisation as localisation_benchmark
import measuring
import metering
import precision
import random_models
import released_procedure
import startup
import sweep
from pipeline.config import Config
from pipeline.latent_diffusion import LatentDiffusion
from pipeline.sampling import Interval
from released_procedure import Word


def test_target_is_met_at_its_limit_and_on_the_right_side() -> None:
    assert measuring.Target("t", 3.0, 3.0, at_least=True).met
    assert not measuring.Target("t", 2.9, 3.0, at_least=True).met
    assert measuring.Target("t", 2.9, 3.0).met and not measuring.Target("t", 3.1, 3.0).met
    assert not measuring.Target("t", float("nan"), 3.0).met


def test_report_writes_json_and_fails_when_a_target_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    targets = [measuring.Target("good", 1.0, 2.0), measuring.Target("bad", 3.0, 2.0)]
    tables = {"numbers": [{"way": "ours", "ms": 0.12345}, {"way": "loop", "ms": 12345.6}]}
    assert measuring.report("sweep", tables, targets[:1], None) == 0
    assert measuring.report("sweep", tables, targets, tmp_path / "new" / "sweep.json") == 1
    written = json.loads((tmp_path / "new" / "sweep.json").read_text(encoding="utf-8"))
    assert [target["met"] for target in written["targets"]] == [True, False]
    assert written["tables"] == tables
    assert set(written["machine"]) == {"cpu", "cores", "python", "torch"}
    printed = capsys.readouterr().out
    assert "| ours | 0.1235 |" in printed and "| loop | 12346  |" in printed and "MISSED  bad" in printed


def test_ways_take_turns_and_ratios_are_taken_round_by_round() -> None:
    order: list[str] = []

    def way(name: str, values: list[float]) -> float:
        order.append(name)
        return values.pop(0)

    ours, loop = [1.0, 2.0, 4.0], [3.0, 20.0, 8.0]
    measured = measuring.alternating({"ours": lambda: way("ours", ours), "loop": lambda: way("loop", loop)}, 3)
    assert order == ["ours", "loop"] * 3
    assert measuring.median_ratio(measured["loop"], measured["ours"]) == 3.0  # of 3, 10 and 2


def test_cost_adds_up_and_tells_the_share_outside() -> None:
    cost = metering.Cost(10, 3.0, 4.0) + metering.Cost(5, 3.0, 4.0)
    assert cost == metering.Cost(15, 6.0, 8.0)
    assert cost.outside == 0.25


def test_all_sweeps_give_the_same_curve() -> None:
    heat, mask = sweep.picture(np.random.default_rng(0))
    thresholds = np.linspace(0.1, 0.5, 5)
    curves = [way(heat, mask, thresholds) for way in sweep.WAYS.values()]
    assert 0 < curves[0].min() < curves[0].max() < 1
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], atol=1e-6)


def test_error_ratio_is_the_geometric_mean_over_images() -> None:
    below = np.ones((2, 4))
    above = np.array([[2.0, 6.0, 4.0, 4.0], [16.0, 16.0, 16.0, 16.0]])  # means 4 and 16
    ratio, times = localisation_benchmark.error_ratio(above, below)
    assert ratio == pytest.approx(8.0)
    assert times == pytest.approx(2.0)  # logs ln 4, ln 16: standard error ln 2
    # Three prompts to two, and runs of 2·50 and 4·100 draws instead of one of 100.
    assert localisation_benchmark.evaluations_at_equal_error([50, 100], [2.0, 4.0]) == pytest.approx(1500 / 200)


class _Model:
    """A denoiser without a network: ε̂ is the prompt's length times x_α."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.embedded: list[str] = []

    def encode_prompts(self, prompts: list[str]) -> torch.Tensor:
        self.embedded += prompts
        return torch.tensor([float(len(prompt)) for prompt in prompts])[:, None]

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(x_alpha))
        return embedding[:, 0, None, None, None] * x_alpha


def test_released_procedure_evaluates_three_prompts_and_integrates() -> None:
    model = _Model()
    prompts = {"full": "ab", "context": "a", "empty": ""}
    words = [Word(torch.zeros(1, 2, 2), prompts, [1]) for _ in range(12)]
    interval = Interval(-4.0, 4.0, 0.0, 2.0)
    standard, orthogonal = released_procedure.information(
        model,  # type: ignore[arg-type]
        words,
        ("full", "context", "empty"),
        400,
        interval,
        np.random.default_rng(0),
    )
    assert model.calls == [30] * 400 + [6] * 400  # ten images at once, then two
    assert standard.shape == orthogonal.shape == (12, 2, 2)
    # With x = 0, x_α = √σ(−α)·ε, so that ½ ∫ E(2 x_α − x_α)² dα = ½ ∫ σ(−α) dα = ½·4.
    assert orthogonal.mean() == pytest.approx(2.0, rel=0.1)
    # ½ ∫ E[(ε − x_α)² − (ε − 2 x_α)²] dα = ½ ∫ [2 √σ(−α) − 3 σ(−α)] dα.
    logsnr = torch.linspace(-4, 4, 100_001, dtype=torch.float64)
    noise = torch.sigmoid(-logsnr)
    expected = 0.5 * float(torch.trapezoid(2 * noise.sqrt() - 3 * noise, logsnr))
    assert standard.mean() == pytest.approx(expected, abs=0.15)


def test_files_of_a_summary_and_jobs_of_a_plan() -> None:
    summary = "output_file\tdate\trule\tstatus\nresults/a/b.csv\t-\tr\tmissing\nx/y\t-\tr\tok\n"
    assert startup.summary_files(summary) == ["results/a/b.csv"]
    assert startup.planned_jobs("Job stats:\njob      count\n-----  -------\nall          1\ntotal       12\n") == 12
    assert startup.planned_jobs("Nothing to be done (all requested files are present and up to date).") == 0


def test_stages_without_a_model_are_told_apart() -> None:
    assert {"score_localisation", "tabulate_retrieval", "plot_editing"} <= set(startup.CPU_STAGES)
    assert not {"estimate_information", "train_scenes_unet"} & set(startup.CPU_STAGES)


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
    unet = random_models._unet(latent_size=8, channels=(8, 8), layers=1)
    assert gpu_unet.operations(unet) > 1e6
    device = torch.device("cpu")
    loop, ours = gpu_unet.compare(unet, device, ["float32"], images=2, steps=4, side=32)
    assert loop["rows in a call"] == 6 and ours["rows in a call"] == 64
    assert loop["times faster"] == 1 and ours["times faster"] > 0
    assert ours["of the ceiling, %"] == pytest.approx(100 * ours["TFLOP/s"] / ours["ceiling"])
    assert ours["seconds an image"] * ours["evaluations a second"] == pytest.approx(8)  # 4 draws, 2 prompts
    assert loop["seconds an image"] * loop["evaluations a second"] == pytest.approx(12)


def test_the_large_unet_is_stable_diffusion_2s(shared: Path) -> None:
    published = json.loads((shared / "reference_lists/sd21_base/unet/config.json").read_text(encoding="utf-8"))
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
