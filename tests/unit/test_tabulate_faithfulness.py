"""From judged maps to the tables and the figure of faithfulness, on maps whose likeness is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import FaithfulnessSection, FiguresSection, JudgingSection, StatisticsSection
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.editing.edits import CHANGES, EDIT_COLUMNS, QUANTITIES
from infodecomp.faithfulness.judged_maps import read_judged_cases
from infodecomp.faithfulness.tables import TABLE_COLUMNS
from infodecomp.figures.faithfulness import _beyond_control
from infodecomp.metrics.faithfulness import AREAS, MEASURES, area, likeness, pixel_order
from infodecomp.runs.storage import read_table, write_arrays, write_table
from tests.stage_settings import settings

SIDE = 6
SECTION = FaithfulnessSection(judging=JudgingSection(fractions=(0.25, 0.5)))
FEW = StatisticsSection(bootstrap=200)
METHODS = ("attention", "gradient", "mi", "cmi", "attention_information", "cmi_times_attention", "shuffled", "saliency")


class Judged:
    """Six images of two words. Of its maps, `gradient` never changes, `attention` only with the weights, `mi` always."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, np.random.default_rng(0)
        rows = [
            make_case(
                dataset="mine",
                image_id=f"{image}",
                image_path=f"{image}.png",
                caption="a dog on a bed",
                word=word,
                label=word,
            )
            for image in range(6)
            for word in ("dog", "bed")
        ]
        self.cases = cases_table(rows)
        write_cases(folder / "cases.parquet", self.cases)
        for case_id in self.cases["case_id"]:
            self.write_case(case_id)
        self.write_shard({})
        self.write_edits()

    def write_case(self, case_id: str) -> None:
        def map_() -> np.ndarray:
            return self.rng.random((SIDE, SIDE)).astype(np.float32)

        recorded = {
            name: map_() for name in ("attention/-/2", "gradient/-/6", "mi/orthogonal/4", "cmi/orthogonal/4")
        } | {"attention_information/-/4": map_()}
        seed = {**recorded, "mi/orthogonal/4": map_()}
        weights = {name: map_() for name in recorded} | {"gradient/-/6": recorded["gradient/-/6"]}
        parts = {"recorded": recorded, "seed": seed, "weights": weights}
        arrays = {f"{part}/{name}": heat for part, heats in parts.items() for name, heat in heats.items()}
        made = ("cmi_times_attention/orthogonal/4", "shuffled/orthogonal/4", "saliency/orthogonal/4")
        for name in (*recorded, *made):
            lost = 0.9 if name.startswith("cmi/") else 0.3
            arrays[f"deletion/i_s/{name}"] = np.array([10.0, 10 - 10 * lost, 0.5, 0.0])
            arrays[f"insertion/i_s/{name}"] = np.array([0.0, 10 * lost, 9.5, 10.0])
            arrays[f"deletion/i_o/{name}"] = np.array([1.0, 1 + lost, 2.0, 2.0])
            arrays[f"insertion/i_o/{name}"] = np.array([2.0, 2 - lost, 1.0, 1.0])
        write_arrays(self.folder / "maps" / f"{case_id}.npz", {**arrays, "key": np.array("k")})
        self.write_edit(case_id, recorded["cmi/orthogonal/4"])

    def write_edit(self, case_id: str, change: np.ndarray) -> None:
        maps = {f"change/{name}/omit": change**2 for name in CHANGES}
        maps |= {f"predictor/{name}": change for name in QUANTITIES if not name.startswith("cmi_swap")}
        inside = np.ones(change.shape, dtype=bool)
        write_arrays(self.folder / "edits" / f"{case_id}.npz", {**maps, "inside": inside})

    def write_shard(self, failed: dict[str, str]) -> None:
        statuses = [failed.get(case_id, "ok") for case_id in self.cases["case_id"]]
        shard = pd.DataFrame({"case_id": self.cases["case_id"], "status": statuses, "reason": "", "key": "k"})
        shard.to_parquet(self.folder / "shard-0000.parquet")

    def write_edits(self) -> None:
        row = {name: {"string": "", "int64": 0, "float64": 0.0}[kind] for name, kind in EDIT_COLUMNS.items()}
        rows = [{**row, "case_id": case_id, "status": "ok"} for case_id in self.cases["case_id"]]
        write_table(self.folder / "edits.parquet", pd.DataFrame(rows), EDIT_COLUMNS)

    def tabulate(self, *, edited: bool = True, section: FaithfulnessSection = SECTION) -> pd.DataFrame:
        edits = ["--edits", f"mine={self.folder / 'edits.parquet'}", "--edit-maps", f"mine={self.folder / 'edits'}"]
        arguments = [
            *(
                "--cases",
                f"mine={self.folder / 'cases.parquet'}",
                "--judged",
                f"mine={self.folder / 'shard-0000.parquet'}",
            ),
            *("--maps", f"mine={self.folder / 'maps'}", *(edits if edited else ()), "--methods", *METHODS),
            *(
                "--settings",
                settings("tabulate_faithfulness", faithfulness=section, statistics=FEW),
                "--seed",
                "0",
                "--output-dir",
                str(self.folder / "tables"),
            ),
        ]
        assert main(["tabulate_faithfulness", *arguments]) == 0
        return read_table(self.folder / "tables" / "faithfulness.parquet", TABLE_COLUMNS)


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return Judged(tmp_path)


def values(table: pd.DataFrame, method: str) -> dict[str, float]:
    return dict(table[table["method"] == method][["measure", "value"]].itertuples(index=False, name=None))


def test_areas() -> None:
    shares = np.array([0.0, 0.2, 1.0])
    falling, rising, won = np.array([5.0, 1.0, 1.0]), np.array([1.0, 5.0, 5.0]), 0.5 * 4 * 0.2 + 4 * 0.8
    for measure, good in zip(AREAS, (rising, falling, falling, rising), strict=True):
        assert area(shares, good, measure) == pytest.approx(won), measure
        assert area(shares, 6 - good, measure) == pytest.approx(-won), measure
        assert area(shares, np.full(3, 7.0), measure) == 0


def test_the_order_of_equal_pixels_is_drawn() -> None:
    heat = np.zeros((4, 4))
    heat[2, 1] = 1
    orders = [pixel_order(heat, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert all(order[0] == 9 and sorted(order) == list(range(16)) for order in orders)
    assert np.array_equal(orders[0], orders[1]) and not np.array_equal(orders[0], orders[2])


def test_maps_of_other_shapes_are_not_alike() -> None:
    heat = np.arange(9.0).reshape(3, 3)
    assert likeness(heat, heat**3) == pytest.approx(1) and likeness(heat, -heat) == pytest.approx(-1)
    assert np.isnan([likeness(heat, heat[:2]), likeness(heat, np.ones((3, 3)))]).all()


def test_every_map_has_every_measure(judged: Judged) -> None:
    table = judged.tabulate()
    assert table["method"].drop_duplicates().tolist() == list(METHODS)
    assert table["measure"].drop_duplicates().tolist() == list(MEASURES)
    assert (table["n"] + table["n_failed"] == 12).all() and (table["n_failed"] == 0).all()
    assert ((table["low"] <= table["value"] + 1e-12) & (table["value"] <= table["high"] + 1e-12)).all()


def test_identical_maps_are_stable_and_one_that_ignores_the_weights_fails(judged: Judged) -> None:
    table = judged.tabulate()
    assert values(table, "attention")["stability"] == pytest.approx(1)
    assert abs(values(table, "attention")["weights"]) < 0.3
    assert values(table, "gradient")["stability"] == values(table, "gradient")["weights"] == pytest.approx(1)
    assert values(table, "gradient")["sanity"] == pytest.approx(0, abs=1e-12)
    # A map of noise does not look at the weights either.
    assert abs(values(table, "mi")["stability"]) < 0.3
    rows = (judged.folder / "tables" / "faithfulness.md").read_text(encoding="utf-8").splitlines()
    verdicts = {row.split(" | ")[1]: row.rpartition(" | ")[2].strip(" |") for row in rows if row.startswith("| mine")}
    assert verdicts["attention"] == verdicts["cmi"] == "passes"
    assert verdicts["gradient"] == verdicts["mi"] == "fails"


def test_areas_and_edits_are_those_of_the_files(judged: Judged) -> None:
    table = judged.tabulate()
    shares = np.array([0, 0.25, 0.5, 1])
    for measure, curve in zip(AREAS, ([1, 1.9, 2, 2], [2, 1.1, 1, 1], [10, 1, 0.5, 0], [0, 9, 9.5, 10]), strict=True):
        assert values(table, "cmi")[measure] == pytest.approx(area(shares, np.array(curve), measure))
        assert values(table, "cmi")[measure] > 0
    curves = pd.read_csv(judged.folder / "tables" / "faithfulness_curves.csv")
    chosen = curves[(curves["method"] == "cmi") & (curves["curve"] == "deletion") & (curves["quantity"] == "i_o")]
    assert chosen["nats"].tolist() == pytest.approx([1, 1.9, 2, 2])
    assert values(table, "cmi")["editing"] == pytest.approx(1)  # the change is its square
    assert abs(values(table, "mi")["editing"]) < 0.3


def test_differences_are_paired(judged: Judged) -> None:
    table = judged.tabulate()
    pairs = pd.read_csv(judged.folder / "tables" / "faithfulness_paired.csv")
    assert len(pairs) == len(METHODS) * (len(METHODS) - 1) // 2 * len(MEASURES)
    chosen = pairs[(pairs["method_a"] == "mi") & (pairs["method_b"] == "cmi")].set_index("measure")
    for measure in MEASURES:
        expected = values(table, "mi")[measure] - values(table, "cmi")[measure]
        assert chosen.loc[measure, "difference"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    # The same in every case, so that resamples of images cannot move it.
    assert chosen.loc["deletion_i_o", "low"] == chosen.loc["deletion_i_o", "high"] < 0


def test_a_dataset_without_edits(judged: Judged) -> None:
    table = judged.tabulate(edited=False)
    assert (table[table["measure"] == "editing"]["n"] == 0).all()
    assert (table[table["measure"] == "deletion_i_o"]["n"] == 12).all()


def test_failed_cases_are_counted(judged: Judged) -> None:
    judged.write_shard({judged.cases["case_id"][0]: "image_unreadable"})
    table = judged.tabulate()
    assert set(table[table["method"] == "cmi"]["n_failed"]) == {1}


def test_cases_are_taken_with_their_images(judged: Judged) -> None:
    chosen = read_judged_cases(judged.folder / "cases.parquet", 3)
    assert chosen["image_id"].tolist() == ["0", "0", "1", "1"]
    table = judged.tabulate(section=FaithfulnessSection(judging=SECTION.judging.model_copy(update={"cases": 3})))
    assert set(table["n"]) == {4}


def test_figure(judged: Judged) -> None:
    judged.tabulate()
    tables, figures = judged.folder / "tables", judged.folder / "figures"
    arguments = [
        "--settings",
        settings("plot_faithfulness", figures=FiguresSection(format="svg")),
        "--output-dir",
        str(figures),
    ]
    table, curves = (
        ["--table", str(tables / "faithfulness.parquet")],
        ["--curves", str(tables / "faithfulness_curves.csv")],
    )
    arguments += ["--paired", str(tables / "faithfulness_paired.csv")]
    assert main(["plot_faithfulness", *table, *curves, *arguments]) == 0
    text = (figures / "faithfulness.svg").read_text(encoding="utf-8")
    assert (figures / "faithfulness.provenance.json").is_file() and "CMI" in text


def test_the_figure_tells_areas_beyond_those_of_another_image(judged: Judged) -> None:
    table = judged.tabulate()
    paired = pd.read_csv(judged.folder / "tables" / "faithfulness_paired.csv")
    found = _beyond_control(table, paired).set_index(["method", "measure"])["value"]
    for method in ("attention", "cmi", "saliency"):
        for measure in AREAS:
            expected = values(table, method)[measure] - values(table, "shuffled")[measure]
            assert found[method, measure] == pytest.approx(expected, abs=1e-5)
        assert found[method, "stability"] == values(table, method)["stability"]
    assert np.isnan(found["shuffled", "deletion_i_o"])


def test_the_figure_without_its_curves(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    judged.tabulate()
    tables = judged.folder / "tables"
    arguments = ["--table", str(tables / "faithfulness.parquet"), "--paired", str(tables / "faithfulness_paired.csv")]
    arguments += ["--settings", settings("plot_faithfulness"), "--output-dir", str(judged.folder)]
    assert main(["plot_faithfulness", "--curves", str(tables / "faithfulness_cases.csv"), *arguments]) == 1
    assert "not a readable CSV with the columns" in capsys.readouterr().err
