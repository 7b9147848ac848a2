"""The validation study's arithmetic, tables, figures and stages."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.config import (
    FiguresSection,
    InformationSection,
    PilotSection,
    ValidationGridSection,
    ValidationSection,
    parse,
)
from infodecomp.config.settings import TabulateValidation, ValidateEstimator
from infodecomp.figures import validation_coverage, validation_error
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table, write_table
from infodecomp.stages import plot_validation, tabulate_validation
from infodecomp.stages.validate_estimator import run as validate_run
from infodecomp.validation.estimator_runs import problem_runs
from infodecomp.validation.markdown import validation_markdown
from infodecomp.validation.summary import RUN_COLUMNS, VALIDATION_COLUMNS, evaluations_to, in_band, summarise
from tests.stage_settings import settings

SMALL = ValidationSection(
    problems=("dense_5", "plane"),
    grid=ValidationGridSection(
        designs=("stratified", "midpoint"), antithetic_eps=(False, True), steps=(6, 12), points=2, runs=2
    ),
)


def estimator(grid: ValidationGridSection, information: InformationSection | None = None) -> ValidateEstimator:
    """What validate_estimator reads with this grid."""
    read = settings(
        "validate_estimator", validation=ValidationSection(grid=grid), information=information or InformationSection()
    )
    return parse(ValidateEstimator, read)


def tabulated(grid: ValidationGridSection) -> TabulateValidation:
    """What tabulate_validation reads with this grid."""
    return parse(TabulateValidation, settings("tabulate_validation", validation=ValidationSection(grid=grid)))


def runs_by_hand() -> pd.DataFrame:
    """Two numbers of draws, two points with two runs each; true totals 3 and 4."""
    known = {
        "problem": "plane",
        "dimension": 2,
        "quantity": "i_o",
        "level": "total",
        "density": "logistic",
        "design": "iid",
        "antithetic": False,
        "log_ratio": 3.0,
    }
    rows = []
    for steps, scale, covered in ((50, 2.0, (1, 1, 0, 1)), (100, 1.0, (1, 1, 1, 1))):
        for number, deviation in enumerate((0.1, -0.1, 0.3, 0.1)):
            rows.append(
                {
                    **known,
                    "steps": steps,
                    "point": number // 2,
                    "run": number % 2,
                    "squared_truth": (9.0, 16.0)[number // 2],
                    "deviation": scale * deviation,
                    "squared_error": (scale * deviation) ** 2,
                    "covered": float(covered[number]),
                    "evaluations": 2 * steps,
                }
            )
    return pd.DataFrame(rows)[list(RUN_COLUMNS)]


def test_table_of_runs_by_hand() -> None:
    few, many = summarise(runs_by_hand(), 0.95).to_dict("records")
    truth = np.sqrt(12.5)
    assert (few["steps"], many["steps"], few["n"], few["evaluations"]) == (50, 100, 4, 100)
    assert few["truth"] == pytest.approx(truth)
    assert many["bias"] == pytest.approx(0.1 / truth)
    assert many["bias_error"] == pytest.approx(np.std([0.1, -0.1, 0.3, 0.1], ddof=1) / 2 / truth)
    assert many["rmse"] == pytest.approx(np.sqrt(0.03) / truth) == pytest.approx(few["rmse"] / 2)
    assert (few["coverage"], many["coverage"]) == (0.75, 1.0)
    assert few["coverage_low"] < 0.75 < few["coverage_high"] and many["coverage_high"] == pytest.approx(1.0)
    assert few["evaluations_to_5_percent"] == pytest.approx(many["evaluations_to_5_percent"])
    assert 100 < few["evaluations_to_5_percent"] < 200
    assert few["evaluations_to_1_percent"] == pytest.approx(200 * (many["rmse"] / 0.01) ** 2)


def test_what_an_error_costs() -> None:
    assert evaluations_to(0.05, [100, 400], [0.1, 0.025]) == pytest.approx(200)  # half-way on both log axes
    assert evaluations_to(0.01, [100, 400], [0.1, 0.02]) == pytest.approx(1600)
    assert evaluations_to(0.5, [100, 400], [0.1, 0.02]) == 100
    assert evaluations_to(0.05, [100, 200, 400], [0.04, 0.06, 0.03]) == pytest.approx(
        200 * 2 ** (np.log(1.2) / np.log(2))
    )


def test_band_of_coverage() -> None:
    assert in_band(0.90, 0.94, 0.95) and in_band(0.96, 1.0, 0.95) and in_band(0.94, 0.96, 0.95)
    assert not in_band(0.80, 0.92, 0.95) and not in_band(0.975, 1.0, 0.95)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of two problems and the tables made of them."""
    folder = tmp_path_factory.mktemp("validation")
    for name in SMALL.problems:
        validate_run(
            argparse.Namespace(
                problem=name,
                settings=settings("validate_estimator", validation=SMALL),
                seed=0,
                output=folder / f"{name}.parquet",
            )
        )
    tabulate_validation.run(
        argparse.Namespace(
            runs=[folder / f"{name}.parquet" for name in SMALL.problems],
            settings=settings("tabulate_validation", validation=SMALL),
            output_dir=folder / "tables",
        )
    )
    return folder


def test_every_run_has_its_rows(study: Path) -> None:
    runs = read_table(study / "dense_5.parquet", RUN_COLUMNS)
    assert len(runs) == 2 * 2 * 2 * 2 * 2 * 4  # points, runs, designs, noise, numbers of draws; quantities and levels
    assert set(runs["dimension"]) == {5} and set(runs["covered"].between(0, 1)) == {True}
    assert (runs["evaluations"] == 2 * runs["steps"]).all()
    total, pixel = (runs[runs["level"] == level].reset_index() for level in ("total", "pixel"))
    assert np.allclose(total["deviation"], 5 * pixel["deviation"])  # the sum over five pixels


def test_a_run_depends_on_its_numbers_alone() -> None:
    """Not on how many others there are, nor on which designs are run beside it."""
    few = SMALL.grid.model_copy(update={"points": 2, "runs": 1, "designs": ("midpoint",)})
    keys = ["point", "run", "design", "antithetic", "steps", "quantity", "level"]
    many, one = (
        pd.DataFrame(problem_runs("dense_5", estimator(grid), 0)).set_index(keys) for grid in (SMALL.grid, few)
    )
    assert one["deviation"].equals(many["deviation"].loc[one.index])


def test_the_adaptive_density_is_a_column_beside_the_logistic() -> None:
    changes = {"densities": ("logistic", "adaptive"), "runs": 1, "designs": ("stratified",)}
    grid = SMALL.grid.model_copy(update=changes)
    pilot = InformationSection(pilot=PilotSection(images=2, draws=24))
    runs = pd.DataFrame(problem_runs("fine", estimator(grid, pilot), 0))
    assert runs["density"].value_counts().to_dict() == {"logistic": 32, "adaptive": 32}
    alone = grid.model_copy(update={"densities": ("logistic",)})
    found = pd.DataFrame(problem_runs("fine", estimator(alone), 0))
    assert found["deviation"].tolist() == runs.loc[runs["density"] == "logistic", "deviation"].tolist()
    table = summarise(runs, 0.95)
    text = validation_markdown(table, tabulated(grid))
    assert "| fine | 2 | iˢ | total | adaptive | ε |" in text and "| fine | iᵒ | adaptive | ±ε | stratified |" in text
    assert all(len(axes.lines) == 1 + 4 for axes in validation_error.draw(table).axes)
    assert validation_coverage.draw(table).axes


def test_table_and_markdown(study: Path) -> None:
    table = read_table(study / "tables" / "validation.parquet", VALIDATION_COLUMNS)
    assert len(table) == 2 * 2 * 2 * 2 * 2 * 2
    assert (table["n"] == 4).all() and (table["rmse"] > 0).all()
    assert len(pd.read_csv(study / "tables" / "validation.csv")) == len(table)
    text = (study / "tables" / "validation.md").read_text(encoding="utf-8")
    assert text == validation_markdown(table, tabulated(SMALL.grid))
    assert (
        "| dense_5 | 5 | iˢ | total | logistic | ±ε |" in text
        and "**" not in text.split("Error of the total")[0].split("Bold")[0]
    )


def test_coverage_far_off_is_bold() -> None:
    table = summarise(pd.concat([runs_by_hand()] * 50), 0.95)
    text = validation_markdown(table, tabulated(SMALL.grid))
    assert "| **75.0** · **100.0** |" in text


def test_figures(study: Path) -> None:
    table = read_table(study / "tables" / "validation.parquet", VALIDATION_COLUMNS)
    error = validation_error.draw(table)
    assert len(error.axes) == 4 and all(axes.get_xscale() == axes.get_yscale() == "log" for axes in error.axes)
    assert all(len(axes.lines) == 1 + 4 for axes in error.axes)  # the slope; two designs with two kinds of noise
    coverage = validation_coverage.draw(table)
    for figure in (error, coverage):
        assert " 4 runs" in " ".join(text.get_text() for text in figure.texts)
    assert [axes.get_title(loc="left") for axes in coverage.axes] == [
        "iˢ, total",
        "iˢ, pixel",
        "iᵒ, total",
        "iᵒ, pixel",
    ]
    arguments = argparse.Namespace(
        table=study / "tables" / "validation.parquet",
        settings=settings("plot_validation", figures=FiguresSection(format="svg")),
        output_dir=study / "figures",
    )
    plot_validation.run(arguments)
    assert {path.name for path in (study / "figures").iterdir()} == {
        f"{name}.{suffix}" for name in ("error", "coverage") for suffix in ("png", "svg", "provenance.json")
    }


def test_an_unknown_problem(tmp_path: Path) -> None:
    arguments = argparse.Namespace(problem="cube", settings="{}", seed=0, output=tmp_path / "cube.parquet")
    with pytest.raises(InputError, match="--problem is 'cube'; allowed are plane, shapes"):
        validate_run(arguments)


def test_runs_that_are_not_numbers(tmp_path: Path) -> None:
    runs = runs_by_hand()
    runs.loc[2, "deviation"] = np.nan
    runs.loc[5, "covered"] = np.inf
    write_table(tmp_path / "runs.parquet", runs, RUN_COLUMNS)
    arguments = argparse.Namespace(
        runs=[tmp_path / "runs.parquet"], settings=settings("tabulate_validation"), output_dir=tmp_path
    )
    with pytest.raises(InputError) as caught:
        tabulate_validation.run(arguments)
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/runs.parquet: row 2, `deviation` is nan; it must be finite.",
        f"{tmp_path}/runs.parquet: row 5, `covered` is inf; it must be finite.",
    ]


def test_a_table_without_rows(tmp_path: Path) -> None:
    write_table(tmp_path / "runs.parquet", runs_by_hand()[:0], RUN_COLUMNS)
    arguments = argparse.Namespace(
        runs=[tmp_path / "runs.parquet"], settings=settings("tabulate_validation"), output_dir=tmp_path
    )
    with pytest.raises(InputError, match="the table has no rows"):
        tabulate_validation.run(arguments)


def test_tables_and_figures_need_no_torch() -> None:
    stages = "infodecomp.stages.tabulate_validation, infodecomp.stages.plot_validation"
    code = f"import sys, {stages}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
