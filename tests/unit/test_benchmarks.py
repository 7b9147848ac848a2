"""What the benchmarks compute from what they measure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import coverage
import equal_error
import measuring
import metering
import released_procedure
import startup
import sweep
from infodecomp.config import BudgetSection, Config
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.densities import logistic_draws
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.uncertainty import mean_over_draws
from infodecomp.validation.problems import problem
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
    ratio, times = equal_error.error_ratio(above, below)
    assert ratio == pytest.approx(8.0)
    assert times == pytest.approx(2.0)  # logs ln 4, ln 16: standard error ln 2
    # Three prompts to two, runs of 2·50 and 4·100 draws instead of one of 100, and attention in runs of 50 and 100 more.
    assert equal_error.evaluations_at_equal_error([50, 100], [2.0, 4.0], 2, 0) == pytest.approx(1650 / 200)
    assert equal_error.evaluations_at_equal_error([50, 100], [2.0, 4.0], 1.5, 20) == pytest.approx(1650 / 170)


def test_closed_form_errors_are_those_of_known_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equal_error, "CLOSED_FORM", "disc_16")
    section = Config().information.model_copy(update={"budget": BudgetSection(steps=(20, 40))})
    rows, saved = equal_error.closed_form_errors(section, points=4, seeds=4)
    assert [(row["total"], row["draws"]) for row in rows] == [
        (name, count) for name in ("standard", "orthogonal") for count in (20, 40)
    ]
    # Totals of 1,024 dimensions: what is random is the log-SNR alone, and strata take that away.
    orthogonal = rows[2]
    assert orthogonal["configured, %"] < 10 < orthogonal["independent, %"] < 40
    assert orthogonal["for the logistic"] > 10
    assert saved[1]["configured"] > 10


class _Model:
    """A denoiser without a network: ε̂ is the prompt's length times x_α."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.encoded: list[str] = []

    def encode_prompts(self, prompts: list[str]) -> list[Condition]:
        self.encoded += prompts
        return [Condition.of(torch.tensor([float(len(prompt))])) for prompt in prompts]

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.calls.append(len(x_alpha))
        return condition.states[:, 0, None, None, None] * x_alpha


@pytest.mark.parametrize("name", ["normal_1", "dense_5"])
@pytest.mark.parametrize("pairs", [False, True])
def test_runs_at_once_integrate_to_the_truth(name: str, pairs: bool) -> None:
    closed_form, interval = problem(name), Interval(-5.0, 7.0, 1.0, 2.0)
    rng = np.random.default_rng(0)
    point = closed_form.point(rng)
    truth = closed_form.truth(point, interval)
    values, draws = coverage.drawn(closed_form, point, logistic_draws, interval, "stratified", pairs, 4000, 2, rng)
    assert values.shape == (2000 if pairs else 4000, 2, 2, point.x.numel())
    found = mean_over_draws(values, draws)
    exact = np.stack([truth.standard.ravel(), truth.orthogonal.ravel()])[:, None]
    assert (np.abs(found.value - exact) < 5 * found.error).all() and (found.error < 0.1).all()
    far = type(truth)(truth.standard + 1, truth.orthogonal + 1)
    assert coverage.covered(values, draws, far) == [0.0] * 4


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
    assert {"score_localisation", "tabulate_retrieval", "plot_edit_strips"} <= set(startup.CPU_STAGES)
    assert not {"estimate_information", "train_scenes_unet"} & set(startup.CPU_STAGES)


def test_a_process_is_measured_and_its_failure_told(tmp_path: Path) -> None:
    child = measuring.python(
        "-c", "import os; print(os.environ['WORD'], os.getcwd())", folder=tmp_path, environment={"WORD": "w"}
    )
    assert child.output == f"w {tmp_path}\n"
    # The peak of a child counts what its parent held when it was started: here, pytest with torch.
    assert 0 < child.cpu_seconds < 10 and child.seconds > 0 and 1 < child.peak < 100_000
    with pytest.raises(RuntimeError, match=r"(?s)-c raise SystemExit.* failed:\nbecause"):
        measuring.python("-c", "raise SystemExit('because')")
    twice = measuring.Child(seconds=9.0, cpu_seconds=1.0, peak=1.0, output="")
    assert startup.least([child, twice])["CPU seconds"] == min(child.cpu_seconds, 1.0)
