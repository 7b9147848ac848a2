"""What codes say about images, from the stages to tables and figures, on a small world and on that of six factors."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from infodecomp.cli import run_stage
from infodecomp.config import load_config
from infodecomp.config import settings_of as stage_settings
from infodecomp.config.representation import ComponentsSection
from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.config.representation_model import RepresentationModel
from infodecomp.config.statistics import StatisticsSection
from infodecomp.estimator.adaptive_density import fit_density
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.representation.described_images import DescribedImages, describe
from infodecomp.representation.estimated_images import estimated_images
from infodecomp.representation.image_sets import factor_images, open_images
from infodecomp.representation.model_results import ModelResults
from infodecomp.representation.noise_draws import image_draws, integration_range
from infodecomp.representation.quantities import ALL, KINDS, NOTHING, WHOLE, information_pairs, rest
from infodecomp.representation.table_columns import TABLES
from infodecomp.representation.tables import information_row
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays, read_table
from tests.stage_settings import settings
from tests.unit.described_world import PLACES, SHADES, write_model, write_world

SECTION: dict[str, Any] = {
    "models": ["factors", "components"],
    "components": {"dimensions": 3, "noise": 0.5},
    "estimation": {"images": 6, "draws": 12, "maps": 2, "pilot": 3},
    "exact": {"images": 12, "curve_images": 12, "curve_points": 9},
}
EVEN = fit_density([{"total": (np.linspace(-12, 8, 48), np.ones(48))}], Interval(-12.0, 8.0, -2.0, 2.0))


def settings_of(stage: str, **estimation: Any) -> str:
    section = {**SECTION, "estimation": {**SECTION["estimation"], **estimation}}
    return settings(stage, representation=load_config({"representation": section}).representation)


def run_model(world: Path, folder: Path, model: str, shards: int = 2, **estimation: Any) -> None:
    """The three stages on one description; results go to `folder/<model>`."""
    of_model = folder / Path(model).name
    common = ["--model", model, "--seed", "3", "--images", str(world), "--threads", "1"]

    def stage(name: str, output: str, *more: str) -> None:
        run_stage(
            [name, *common, "--settings", settings_of(name, **estimation), "--output", str(of_model / output), *more]
        )

    pilot = ["--pilot", str(of_model / "density.json")]
    stage("pilot_representation", "density.json")
    for number in range(shards):
        shard = ["--shard", str(number), "--shards", str(shards), "--maps", str(of_model / "maps")]
        limits = ["--max-failed-fraction", "0", "--device", "cpu"]
        stage("estimate_representation", f"shard-{number:04d}.parquet", *pilot, *shard, *limits)
    stage("exact_representation", "exact/values.parquet", *pilot)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world") / "images")


@pytest.fixture(scope="module")
def study(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both descriptions of the small world, tabulated and drawn."""
    folder = tmp_path_factory.mktemp("study")
    for model in SECTION["models"]:
        run_model(world, folder, model)
    tabulate_and_plot(folder, SECTION["models"])
    return folder


def tabulate_and_plot(folder: Path, models: list[str]) -> None:
    """The last two stages, on the results of `run_model`."""
    shards = [f"{model}={path}" for model in models for path in sorted((folder / model).glob("shard-*.parquet"))]
    exact = [f"{model}={folder / model / 'exact'}" for model in models]
    statistics = settings("tabulate_representation", statistics=StatisticsSection(bootstrap=100))
    tables = ["--settings", statistics, "--output-dir", str(folder / "tables")]
    run_stage(["tabulate_representation", "--shards", *shards, "--exact", *exact, *tables])
    figures = ["--settings", settings("plot_representation"), "--output-dir", str(folder / "figures")]
    run_stage(["plot_representation", "--tables", str(folder / "tables"), "--shards", *shards, *figures])


@pytest.fixture(scope="module")
def tables(study: Path) -> dict[str, pd.DataFrame]:
    return {
        name: read_table(study / "tables" / f"representation_{name}.parquet", columns)
        for name, columns in TABLES.items()
    }


def test_the_table_of_information(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["information"].set_index("model")
    whole = math.log(SHADES * PLACES)
    assert table["entropy"].to_numpy() == pytest.approx([whole, whole])
    assert table.loc["factors", "exact"] == pytest.approx(whole, abs=1e-5)
    assert 0.5 < table.loc["components", "exact"] < whole
    for model, row in table.iterrows():
        for kind in ("standard", "orthogonal"):
            assert abs(row[kind] - row["in_range"]) < 4 * math.hypot(row[f"{kind}_error"], row["in_range_error"]), model
            assert row[f"{kind}_low"] < row[kind] < row[f"{kind}_high"]
            assert row[f"exact_{kind}"] == row[kind]  # the decoder is the exact one
    assert table.loc["components", "rate"] - table.loc["components", "divergence"] == pytest.approx(
        table.loc["components", "exact"]
    )
    assert table[["delta_u", "l1", "map_correlation"]].isna().all(axis=None)
    assert table.loc["factors", ["tc", "dtc"]].abs().max() < 1e-5  # independent factors, all of them recoverable
    assert table.loc["components", "tc"] > 0.1


def test_the_table_by_factor(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["by_factor"].set_index(["model", "factor", "part"])["exact"]
    for factor, levels in (("shade", SHADES), ("place", PLACES)):
        assert rows["factors", factor, ALL] == pytest.approx(math.log(levels), abs=1e-5)
        assert rows["factors", factor, factor] == pytest.approx(math.log(levels), abs=1e-5)
        assert rows["components", factor, ALL] <= math.log(levels)
    assert rows["factors", "shade", "place"] == pytest.approx(0, abs=1e-5)


def test_dimensions_bracket_the_whole(tables: dict[str, pd.DataFrame]) -> None:
    sums = tables["by_dimension"].groupby(["model", "quantity"])[["exact", "orthogonal"]].sum()
    whole = tables["information"].set_index("model")
    for model in SECTION["models"]:
        for column, name in (("exact", "tc"), ("orthogonal", "tc_orthogonal")):
            total = whole.loc[model, "exact" if column == "exact" else "orthogonal"]
            assert sums.loc[(model, "alone"), column] - total == pytest.approx(whole.loc[model, name], abs=1e-6)
            mutual = whole.loc[model, name.replace("tc", "dtc")]
            assert total - sums.loc[(model, "given_rest"), column] == pytest.approx(mutual, abs=1e-6)


def test_curves_integrate_to_the_totals(tables: dict[str, pd.DataFrame]) -> None:
    curves = tables["curves"].assign(area=lambda rows: rows["value"] * (rows["high"] - rows["low"]))
    area = curves.groupby(["model", "curve"])["area"].sum()
    for row in tables["information"].to_dict("records"):
        assert area[row["model"], "exact"] == pytest.approx(row["in_range"])
        assert area[row["model"], "standard"] == pytest.approx(row["standard"])
        assert area[row["model"], "orthogonal"] == pytest.approx(row["orthogonal"])


def test_what_is_written_for_people(study: Path) -> None:
    text = (study / "tables" / "representation_information.md").read_text(encoding="utf-8")
    assert text.count("| factors |") == 2 and "TC = Σ" in text and "no noise" not in text
    by_factor = (study / "tables" / "representation_by_factor.md").read_text(encoding="utf-8")
    assert "**components**" in by_factor and "not by one" in by_factor
    by_dimension = (study / "tables" / "representation_by_dimension.md").read_text(encoding="utf-8")
    assert by_dimension.count("I(x; z_k \\| rest)") == 5
    for name in ("maps", "curves", "dimensions", "factors"):
        assert (study / "figures" / f"{name}.png").stat().st_size > 5000
        assert (study / "figures" / f"{name}.provenance.json").is_file()


def test_maps_sum_to_their_totals(study: Path) -> None:
    kept = [read_arrays(path) for path in sorted((study / "factors" / "maps").glob("*.npz"))]
    assert len(kept) == 6 and sum("picture" in arrays for arrays in kept) == 2
    for arrays in kept:
        names = list(information_pairs(["place", "shade"]))
        if "picture" in arrays:
            for k, name in enumerate(names):
                assert arrays[f"map/{name}/standard"].sum() == pytest.approx(arrays["standard"][k], abs=1e-4)
        assert (arrays["orthogonal"] >= 0).all()


def test_a_killed_job_continues(world: Path, study: Path, tmp_path: Path) -> None:
    """What was finished is kept, and what is made again is the same, byte for byte, beside other images."""
    run_model(world, tmp_path, "components", shards=1)
    maps = tmp_path / "components" / "maps"
    whole = {path.name: path.read_bytes() for path in maps.iterdir()}
    lost, *rest_of = sorted(maps.iterdir())
    lost.unlink()
    before = {path: path.stat().st_mtime_ns for path in rest_of}
    run_model(world, tmp_path, "components", shards=1)
    assert {path: path.stat().st_mtime_ns for path in rest_of} == before
    assert {path.name: path.read_bytes() for path in maps.iterdir()} == whole
    for path in (study / "components" / "maps").iterdir():  # of two shards
        assert path.name in whole


def test_images_do_not_depend_on_each_other(world: Path, study: Path, tmp_path: Path) -> None:
    run_model(world, tmp_path, "factors", shards=1, images=6, maps=6)
    for path in (study / "factors" / "maps").iterdir():
        mine, other = read_arrays(path), read_arrays(tmp_path / "factors" / "maps" / path.name)
        assert np.array_equal(mine["standard"], other["standard"])


def _perturbed(
    exact: Any, amounts: tuple[float, float], x: torch.Tensor, logsnr: torch.Tensor, known: Condition
) -> Any:
    everything = known.tensors["mask"].sum(1) == known.tensors["mask"].shape[1]
    amount = torch.where(everything, amounts[1], amounts[0])[:, None, None, None]
    return exact(x, logsnr, known) + amount * torch.tanh(x.flip(3)) * torch.exp(logsnr / 4)[:, None, None, None]


def estimates_of(described: DescribedImages, count: int) -> list[dict[str, np.ndarray]]:
    cases = [SimpleNamespace(number=number % 12, shown=False) for number in range(count)]
    found = []
    for place, case in enumerate(cases):  # the same image again has other draws
        found += [arrays for _, arrays in estimated_images(described, [case], 16, EVEN, place, 64)]
    return found


def test_a_trained_decoder_beside_the_exact_one(world: Path) -> None:
    """Its errors Δ shift i^s to I − Δ_c + Δ_u; with the exact null it is a lower bound, I − Δ_c."""
    images = open_images(RepresentationImagesSection(), world)
    exact = describe("factors", images, ComponentsSection())
    decoder = partial(_perturbed, exact.exact, (0.08, 0.03))
    model = type("Model", (), {"logsnr_range": (-9.0, 9.0), "__call__": lambda self, *inputs: decoder(*inputs)})()
    found = estimates_of(replace(exact, decoder=model), 48)
    total = {name: np.array([float(np.atleast_1d(one[name])[0]) for one in found]) for name in found[0]}
    shift = total["standard"] - total["exact_standard"] - (total["delta_u"] - total["delta_c"])
    bound = total["null_exact"] - total["exact_standard"] + total["delta_c"]
    for values in (shift, bound):
        assert abs(values.mean()) < 3.5 * values.std(ddof=1) / math.sqrt(len(values))
    assert total["delta_u"].mean() > 2 * total["delta_c"].mean() > 0.02
    assert total["null_exact"].mean() < total["exact_standard"].mean() < total["standard"].mean()
    assert 0.5 < total["correlation"].mean() < 0.9999
    same = estimates_of(replace(exact, decoder=exact.exact), 2)
    for arrays in same:
        assert arrays["delta_u"] == arrays["delta_c"] == 0
        assert np.array_equal(arrays["standard"], arrays["exact_standard"])
        assert arrays["correlation"] == pytest.approx(np.ones(5))


def test_a_trained_model_through_the_stages(world: Path, tmp_path: Path) -> None:
    """A decoder that has hardly begun to learn: far from Bayes, and both columns of the table say so."""
    model = write_model(tmp_path / "model", RepresentationModel(knows="factors"), SHADES + PLACES, 2)
    run_model(world, tmp_path / "results", str(model), shards=1)
    tabulate_and_plot(tmp_path / "results", ["model"])
    row = pd.read_csv(tmp_path / "results" / "tables" / "representation_information.csv").iloc[0]
    assert row["decoder"] == "trained" and row["delta_u"] > 1 and row["delta_c"] > 1
    assert row["l1"] > 0.5 and abs(row["map_correlation"]) < 1
    assert abs(row["exact_standard"] - row["in_range"]) < 4 * math.hypot(row["exact_standard_error"], 0.1)
    text = (tmp_path / "results" / "tables" / "representation_information.md").read_text(encoding="utf-8")
    assert "Trained decoders beside the exact denoiser" in text
    curves = set(pd.read_csv(tmp_path / "results" / "tables" / "representation_curves.csv")["curve"])
    assert curves == {"exact", *(f"{side}{kind}" for side in ("", "exact_") for kind in KINDS), "delta_u", "delta_c"}
    assert (tmp_path / "results" / "figures" / "maps.png").is_file()


def test_the_distance_of_integrands(study: Path) -> None:
    """Errors that cancel in the total stand in L1: half the curve one nat too high, half too low."""
    folder = study / "factors"
    results = ModelResults.read("factors", sorted(folder.glob("shard-*.parquet")), folder / "exact")
    frame = results.estimates.copy()
    low, high = results.interval
    for side in ("standard", "orthogonal"):
        frame[f"exact_{side}"] = frame[side]
        frame[f"curve_exact_{side}"] = frame[f"curve_{side}"]
    frame["exact_inside"], frame["correlation"] = frame["inside"], [[1.0] * 5] * len(frame)
    frame["curve_standard"] = [
        values + np.where(logsnr < np.median(logsnr), 1.0, -1.0)
        for values, logsnr in zip(frame["curve_standard"], frame["curve_logsnr"], strict=True)
    ]
    row = information_row(replace(results, estimates=frame), StatisticsSection(bootstrap=100))
    assert row["decoder"] == "trained" and row["l1"] == pytest.approx(1.0, abs=0.2)
    assert low < high


def test_the_world_of_six_factors() -> None:
    """Total and CMI of twenty pictures within three standard errors; CMI of category and tint inside the glyph's box."""
    images = factor_images(RepresentationImagesSection())
    described = describe("factors", images, ComponentsSection())
    pairs = information_pairs(images.factors)
    shown = [WHOLE, rest("category"), rest("tint")]
    density = fit_density(
        [{"total": (np.linspace(-9, 2, 48), np.exp(-(np.linspace(-3, 2, 48) ** 2)))}], Interval(-9.0, 2.0, -2.5, 1.1)
    )
    numbers = images.chosen("images", 20, 0, held_out=True)
    problems = (
        Problem(
            images.world.images[number],
            described.prompts(number, 0),
            [pairs[name] for name in shown],
            image_draws(images, number, 16, density, 0),
        )
        for number in numbers
    )
    found = list(estimate_many(described.predict, problems, 64))
    for name, entropy in zip(shown, (math.log(18_000), math.log(8), math.log(6)), strict=True):
        totals = np.array([one.orthogonal[pairs[name]].total for one in found])
        assert abs(totals.mean() - entropy) < 3 * totals.std(ddof=1) / math.sqrt(len(totals)), name
    for name in shown[1:]:
        maps = [
            (one.orthogonal[pairs[name]].map, images.object_cells(n)) for one, n in zip(found, numbers, strict=True)
        ]
        inside, whole = sum(m[cells].sum() for m, cells in maps), sum(m.sum() for m, _ in maps)
        assert inside / whole > 0.95, name
    assert images.object_cells(numbers[0]).any() and NOTHING in described.prompts(numbers[0], 0)


@pytest.mark.parametrize(
    ("section", "where", "matter"),
    [
        ({"estimation": {"draws": 7}}, "representation → estimation → draws", "even numbers"),
        ({"estimation": {"interval": [2.0, -1.0]}}, "representation → estimation → interval", "a lower log-SNR"),
        ({"models": ["a/mine", "b/mine"]}, "representation → models", "different names"),
        ({"models": ["a/images"]}, "representation → models", "writes `images` itself"),
        ({"models": ["factors", "factors"]}, "representation → models", "each value once"),
    ],
)
def test_settings_that_conflict(section: dict[str, Any], where: str, matter: str) -> None:
    with pytest.raises(InputError, match=matter) as caught:
        load_config({"representation": section})
    assert str(caught.value).startswith(where)


def test_principal_components_matter_to_themselves_alone() -> None:
    for model, alike in (("factors", True), ("components", False)):
        studies = [load_config({"representation": {"components": {"noise": noise}}}) for noise in (0.1, 0.2)]
        read = [stage_settings("estimate_representation", study.of_description(model)) for study in studies]
        assert (read[0] == read[1]) == alike


def test_a_range_that_the_decoder_never_saw(world: Path) -> None:
    images = open_images(RepresentationImagesSection(), world)
    exact = describe("factors", images, ComponentsSection())
    model: Any = SimpleNamespace(logsnr_range=(-3.0, 1.0))
    cut = integration_range(replace(exact, decoder=model), "exact", seed=0)
    whole = integration_range(exact, "exact", seed=0)
    assert (cut.low, cut.high) == (max(-3.0, whole.low), min(1.0, whole.high))
    with pytest.raises(InputError, match="outside the decoder's trained range -3 … 1"):
        integration_range(replace(exact, decoder=model), (2.0, 3.0), seed=0)


def test_results_of_another_description_are_refused(study: Path, tmp_path: Path) -> None:
    (tmp_path / "description.json").write_text(json.dumps({"parts": ["x"]}))
    with pytest.raises(InputError, match="not what exact_representation wrote"):
        ModelResults.read("factors", sorted((study / "factors").glob("shard-*.parquet")), tmp_path)
