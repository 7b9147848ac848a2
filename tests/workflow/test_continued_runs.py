"""Runs of estimate_information that go on from fewer draws, and cases that end as soon as they are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from infodecomp.cli import run_stage as main
from infodecomp.config import BudgetSection, InformationSection, ModelSection, section_json
from infodecomp.datasets.cases import read_cases, write_cases
from infodecomp.estimator.condition import Condition
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.storage import read_arrays, read_table
from tests.stage_settings import settings
from tests.workflow.shard_runs import MODEL

Results = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Run:
    """A run of the stage on the first cases of some scenes; results go to `folder`."""

    cases: Path
    images: Path
    folder: Path
    information: InformationSection = field(
        default_factory=lambda: InformationSection(budget=BudgetSection(steps=(6, 12)))
    )
    seed: int = 0
    shards: int = 1
    batch_size: int = 16

    def __call__(self, **changes: object) -> Results:
        """Run all shards with other settings of `information`, each in the subsection that has it."""
        information = self.information
        for name in ("range", "draws", "budget"):
            section = getattr(information, name)
            own = {key: value for key, value in changes.items() if key in type(section).model_fields}
            information = information.model_copy(update={name: section.model_copy(update=own)})
        run = replace(self, information=information)
        for shard in range(run.shards):
            assert main(run._arguments(shard)) == 0
        return {path.stem: read_arrays(path) for path in sorted((self.folder / "maps").glob("*.npz"))}

    def _arguments(self, shard: int) -> list[str]:
        read = settings("estimate_information", information=self.information)
        return [
            "estimate_information",
            *("--cases", str(self.cases), "--images", str(self.images)),
            *("--shard", str(shard), "--shards", str(self.shards), "--seed", str(self.seed)),
            *("--settings", read, "--model", section_json(ModelSection(id=str(MODEL)))),
            *("--maps", str(self.folder / "maps"), "--output", str(self.folder / f"{shard}.parquet")),
            *("--max-failed-fraction", "0", "--device", "cpu", "--batch-size", str(self.batch_size), "--threads", "1"),
        ]

    def table(self, shard: int = 0) -> pd.DataFrame:
        """The table of a shard."""
        return read_table(self.folder / f"{shard}.parquet", SHARD_COLUMNS)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of rows of the model's calls, copies that fill a call left out."""
    seen: list[int] = []
    predict = LatentDiffusion.predict

    def counted(self: LatentDiffusion, x: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        seen.append(len(x))
        return predict(self, x, logsnr, condition)

    monkeypatch.setattr(LatentDiffusion, "predict", counted)
    yield seen


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    """The model is loaded once for all runs here."""
    model = LatentDiffusion.load(str(MODEL))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LatentDiffusion, "load", lambda *_, **__: model)
        yield


@pytest.fixture
def run(scene_cases: tuple[Path, Path], tmp_path: Path) -> Run:
    """The cases of two images."""
    cases, images = scene_cases
    frame = read_cases(cases)
    write_cases(tmp_path / "cases.parquet", frame[frame["image_id"].isin(frame["image_id"].unique()[:2])])
    return Run(tmp_path / "cases.parquet", images, tmp_path / "run")


def assert_same(results: Results, expected: Results) -> None:
    """Bit for bit, keys included."""
    assert results.keys() == expected.keys()
    for case, arrays in expected.items():
        assert results[case].keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(results[case][name], array, err_msg=f"{case}: {name}")


@pytest.mark.parametrize("antithetic", [True, False])
def test_more_draws_go_on_where_fewer_ended(run: Run, tmp_path: Path, rows: list[int], antithetic: bool) -> None:
    settings = {"extendable": True, "antithetic_eps": antithetic}
    run(**settings, steps=(6, 12))
    short = sum(rows)
    continued = run(**settings, steps=(6, 12, 24))
    assert sum(rows) == 2 * short
    fresh = replace(run, folder=tmp_path / "fresh")(**settings, steps=(6, 12, 24))
    assert sum(rows) == 4 * short
    assert_same(continued, fresh)
    table = run.table()
    assert set(table["draws"]) == {24} and set(table["status"]) == {"ok"}


def test_an_extendable_run_agrees_with_its_own_integrands(run: Run) -> None:
    """Maps sum to totals, and totals are the integrals of their curves; errors are those of the design."""
    for arrays in run(extendable=True, steps=(6, 12)).values():
        for name in ("mi_standard", "mi_orthogonal", "cmi_standard", "cmi_orthogonal"):
            heat = arrays["{}/{}/12".format(*name.split("_"))]
            assert heat.sum() == pytest.approx(float(arrays[name]), rel=1e-4, abs=1e-4)
            assert np.sort(arrays[f"by_draw/{name}"]) == pytest.approx(np.sort(arrays[f"curve_{name}"]))
            assert arrays[f"{name}_error"] > 0
        assert (np.diff(arrays["curve_logsnr"]) >= 0).all()


def test_what_an_extendable_run_keeps_is_small(run: Run) -> None:
    for plain, kept in zip(run(steps=(6, 12)).values(), run(extendable=True, steps=(6, 12)).values(), strict=True):
        more = {name: array for name, array in kept.items() if name not in plain}
        assert all(name.startswith(("by_draw/", "attention_sum/")) for name in more)
        assert sum(array.nbytes for name, array in more.items() if name.startswith("by_draw/")) == 5 * 12 * 8


@pytest.mark.parametrize(
    "changes", [{"loc": 0.5}, {"clip": 2.0}, {"steps": (12, 24)}, {"antithetic_eps": False}, {"extendable": False}]
)
def test_other_draws_are_not_continued(run: Run, rows: list[int], changes: dict[str, object]) -> None:
    run(extendable=True, steps=(6, 12))
    short = sum(rows)
    run(**{"extendable": True, "steps": (6, 12, 24), **changes})
    assert sum(rows) == 3 * short


def test_another_seed_is_not_continued(run: Run, rows: list[int]) -> None:
    run(extendable=True, steps=(6, 12))
    short = sum(rows)
    replace(run, seed=1)(extendable=True, steps=(6, 12, 24))
    assert sum(rows) == 3 * short


def test_a_target_that_nothing_reaches_takes_all_draws(run: Run, tmp_path: Path) -> None:
    whole = replace(run, folder=tmp_path / "whole")(steps=(6, 12))
    stopped = run(stopping="target_error", target_error=1e-6, steps=(6, 12))
    for case, arrays in whole.items():
        for name in set(arrays) - {"key"}:
            # Attention is summed call by call, and the calls are others: a value may be kept as the next multiple.
            slack = 2e-6 * np.abs(arrays[name]).max() if name.startswith("attention") else 0
            np.testing.assert_allclose(stopped[case][name], arrays[name], rtol=0, atol=slack, err_msg=f"{case}: {name}")


def test_a_target_that_all_reach_takes_the_first_draws(run: Run, rows: list[int]) -> None:
    for arrays in run(stopping="target_error", target_error=0.99, steps=(6, 12, 24)).values():
        assert arrays["draws"] == 6 and arrays["evaluations"] == 24
        for name in ("cmi/orthogonal", "mi/standard", "attention_information/-"):
            np.testing.assert_array_equal(arrays[f"{name}/24"], arrays[f"{name}/6"])
    assert sum(rows) > 0 and set(run.table()["draws"]) == {6}


def test_when_cases_end_depends_on_themselves_alone(run: Run, tmp_path: Path) -> None:
    """Not on the batch, the shard, the order, or which other cases of their image there are."""
    settings = {"stopping": "target_error", "target_error": 0.06, "steps": (6, 12, 24)}
    expected = run(**settings)
    draws = {case: int(arrays["draws"]) for case, arrays in expected.items()}
    assert len(set(draws.values())) > 1, draws
    frame = read_cases(run.cases)
    write_cases(tmp_path / "few.parquet", frame.iloc[::-2].reset_index(drop=True))
    others = [replace(run, shards=2), replace(run, batch_size=7), replace(run, cases=tmp_path / "few.parquet")]
    for number, other in enumerate(others):
        found = replace(other, folder=tmp_path / str(number))(**settings)
        assert {case: int(arrays["draws"]) for case, arrays in found.items()} == {case: draws[case] for case in found}
        for case, arrays in found.items():
            for name in ("cmi/orthogonal/24", "mi/orthogonal/12"):
                heat = expected[case][name]
                np.testing.assert_allclose(arrays[name], heat, rtol=0, atol=1e-4 * np.abs(heat).max())
