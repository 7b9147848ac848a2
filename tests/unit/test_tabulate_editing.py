"""From edits and their maps to the tables of the editing study."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from infodecomp.cli import run_stage as main
from infodecomp.config import CustomDataset, EditingSection, EditingTableSection, StatisticsSection
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.editing.by_word import IMPLIED_COLUMNS, WORD_COLUMNS
from infodecomp.editing.checks import CHECK_COLUMNS, FLAGGED_COLUMNS
from infodecomp.editing.correlations import CORRELATION_COLUMNS, PAIRED_COLUMNS
from infodecomp.editing.edits import CHANGES, EDIT_COLUMNS, JUDGEMENT_COLUMNS, QUANTITIES
from infodecomp.editing.measures import inside_over_outside
from infodecomp.runs.storage import read_arrays, read_table, write_arrays, write_table
from tests.stage_settings import settings

IMAGES, GRID, SIDE = 9, 8, 32
WORDS = ("dog", "bed")
SECTION, FEW = EditingSection(), StatisticsSection(bootstrap=200)
PREDICTORS = ["cmi_s", "cmi_o", "mi_o", "attention"]
BOXES = {"dog": (slice(4, 16), slice(4, 20)), "bed": (slice(16, 32), slice(8, 28))}


class Study:
    """A folder with two datasets of nine images and two words: `mine` has masks and judgements, `plain` has neither.

    Swaps change the object's cells most; every third case has none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.generator = np.random.default_rng(0)
        self.cases: dict[str, pd.DataFrame] = {}
        self.edits: dict[str, pd.DataFrame] = {}
        self.sections = {
            "mine": CustomDataset(root=str(folder), list="mine.csv", editing=True),
            "plain": CustomDataset(root=str(folder), list="p.csv", editing=True, localisation=False),
        }
        for word, box in BOXES.items():
            pixels = np.zeros((SIDE, SIDE), dtype=np.uint8)
            pixels[box] = 255
            Image.fromarray(pixels).save(folder / f"{word}.png")
        for name in self.sections:
            self.add(name)
        self.judgements = self.judge()

    def add(self, name: str) -> None:
        cases = [
            make_case(
                dataset=name,
                image_id=str(number),
                image_path=f"{number}.png",
                caption="a dog on a bed",
                word=word,
                label=word,
                mask=f"file:{word}.png",
            )
            for number in range(IMAGES)
            for word in WORDS
        ]
        self.cases[name] = cases_table(cases)
        write_cases(self.path(name, "cases.parquet"), self.cases[name])
        rows = [self.edit(name, position, case) for position, case in enumerate(cases)]
        self.edits[name] = pd.DataFrame(rows, columns=list(EDIT_COLUMNS))

    def path(self, name: str, *parts: str) -> Path:
        return self.folder.joinpath(name, *parts)

    def edit(self, name: str, position: int, case: dict[str, str]) -> dict[str, Any]:
        swapped = position % 3 > 0
        interventions, quantities = ["omit"], [q for q in QUANTITIES if not q.startswith("cmi_swap")]
        if swapped:
            interventions, quantities = ["omit", "swap"], list(QUANTITIES)
        object_cells = self.mask(case["word"]).astype(float)
        strength = self.generator.gamma(2.0)
        arrays = {}
        for change in CHANGES:
            for one in interventions:
                arrays[f"change/{change}/{one}"] = strength * (object_cells + self.generator.random((GRID, GRID)))
        for one in quantities:
            arrays[f"predictor/{one}"] = strength * object_cells + self.generator.gamma(1.0, 1.0, (GRID, GRID))
        totals = {one: float(arrays[f"predictor/{one}"].sum()) for one in quantities}
        stored = {key: array.astype(np.float32) for key, array in arrays.items()}
        stored["inside"] = np.ones((GRID, GRID), dtype=bool)
        write_arrays(self.path(name, "edits", f"{case['case_id']}.npz"), {**stored, "key": np.array("a")})
        return {
            **dict.fromkeys(EDIT_COLUMNS, float("nan")),
            "case_id": case["case_id"],
            **dict.fromkeys(("reason", "swap_reason", "prompt_swap"), ""),
            **dict.fromkeys(("prompt_unchanged", "prompt_omit"), case["prompt_full"]),
            "status": "ok",
            "key": "a",
            "swap_status": "ok" if swapped else "no_partner",
            "psnr": 19.0 + position,
            "psnr_decoded": 45.0 + position,
            "psnr_autoencoder": 40.0 + position,
            "latent_error": 0.1 * position,
            "noise_variance": 1.0 + position,
            "evaluations": 100,
            **totals,
            "preference_swap": float(position - 5) if swapped else float("nan"),
        }

    def judge(self) -> pd.DataFrame:
        rows = []
        for position, case in enumerate(self.cases["mine"]["case_id"]):
            for intervention in ("unchanged", "omit", "swap"):
                if intervention == "swap" and position % 3 == 0:
                    continue
                rows.append(
                    {
                        "case_id": case,
                        "intervention": intervention,
                        "old": intervention == "unchanged" and position != 4,
                        "new": intervention == "swap" and position not in (1, 2, 4),
                        "old_score": 0.5,
                        "new_score": 0.5,
                        "status": "unreadable" if (position, intervention) == (17, "swap") else "ok",
                        "reason": "",
                    }
                )
        return pd.DataFrame(rows, columns=list(JUDGEMENT_COLUMNS))

    @staticmethod
    def mask(word: str) -> np.ndarray:
        pixels = np.zeros((SIDE, SIDE), dtype=bool)
        pixels[BOXES[word]] = True
        return pixels[2::4, 2::4]  # nearest

    def fail(self, name: str, position: int) -> None:
        numbers = [column for column, kind in EDIT_COLUMNS.items() if kind == "float64"]
        self.edits[name].loc[position, ["status", "reason"]] = ["non_finite", "change/ssim/omit is not finite."]
        self.edits[name].loc[position, numbers] = np.nan
        self.file(name, position).unlink()

    def file(self, name: str, position: int) -> Path:
        return self.path(name, "edits", f"{self.cases[name]['case_id'][position]}.npz")

    def arrays(self, name: str, position: int) -> dict[str, np.ndarray]:
        return read_arrays(self.file(name, position))

    def overwrite(self, name: str, position: int, **changed: np.ndarray | None) -> None:
        arrays = {key: array for key, array in {**self.arrays(name, position), **changed}.items() if array is not None}
        write_arrays(self.file(name, position), arrays)

    def arguments(self, *names: str, judged: bool) -> list[str]:
        edits = []
        for name in names:
            for shard in (0, 1):  # rows lie in two shards, in an order of their own
                write_table(
                    self.path(name, f"shard-{shard}.parquet"), self.edits[name].iloc[shard::2][::-1], EDIT_COLUMNS
                )
                edits += ["--edits", f"{name}={self.path(name, f'shard-{shard}.parquet')}"]
        write_table(self.folder / "judgements.parquet", self.judgements, JUDGEMENT_COLUMNS)
        return [
            *("--cases", *(f"{name}={self.path(name, 'cases.parquet')}" for name in names)),
            *edits,
            *("--maps", *(f"{name}={self.path(name, 'edits')}" for name in names)),
            *(("--judgements", f"mine={self.folder / 'judgements.parquet'}") if judged else ()),
            *("--seed", "0"),
            *("--output-dir", str(self.folder / "tables")),
        ]

    def run(
        self,
        *names: str,
        section: EditingSection = SECTION,
        judged: bool = True,
        statistics: StatisticsSection = FEW,
    ) -> int:
        arguments = self.arguments(*names, judged=judged)
        read = settings("tabulate_editing", editing=section, datasets=self.sections, statistics=statistics)
        return main(["tabulate_editing", *arguments, "--settings", read])

    def tabulate(self, *names: str, **options: Any) -> pd.DataFrame:
        assert self.run(*(names or ("mine",)), **options) == 0
        return read_table(self.folder / "tables" / "editing.parquet", CORRELATION_COLUMNS)

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "tables" / name)

    def checks(self) -> pd.DataFrame:
        return self.read("editing_checks.csv").set_index("check")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def row_of(table: pd.DataFrame, level: str, intervention: str, predictor: str, change: str) -> pd.Series:
    keys = ["level", "intervention", "predictor", "change"]
    return table.set_index(keys).loc[(level, intervention, predictor, change)]


def test_the_table_has_a_row_for_everything(study: Study) -> None:
    table = study.tabulate("mine", "plain")
    assert table.columns.tolist() == list(CORRELATION_COLUMNS)
    for name, predictors in (("mine", [*PREDICTORS, "mask_area"]), ("plain", PREDICTORS)):
        rows = table[table["dataset"] == name]
        expected = [
            (level, intervention, predictor, change)
            for level in ("image", "pixel")
            for intervention in ("omit", "swap")
            for change in CHANGES
            for predictor in predictors
        ]
        found = rows[["level", "intervention", "predictor", "change"]].itertuples(index=False, name=None)
        assert list(found) == expected
        assert set(rows.loc[rows["intervention"] == "omit", "n"]) == {18}
        assert set(rows.loc[rows["intervention"] == "swap", "n"]) == {12}
        assert (rows["n"] + rows["n_failed"] == 18).all()
    assert np.isfinite(table[["r", "r_low", "r_high", "r_error", "spearman"]]).all(axis=None)
    assert ((table["r_low"] <= table["r"]) & (table["r"] <= table["r_high"])).all()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("intervention", "quantity"), [("omit", "cmi_o"), ("swap", "cmi_swap_o")])
def test_correlations_are_those_of_scipy(study: Study, intervention: str, quantity: str, change: str) -> None:
    table = study.tabulate()
    positions = [position for position in range(18) if intervention == "omit" or position % 3]
    maps = [study.arrays("mine", position) for position in positions]
    heats = [one[f"predictor/{quantity}"].ravel().astype(float) for one in maps]
    changes = [one[f"change/{change}/{intervention}"].ravel().astype(float) for one in maps]
    pixel = row_of(table, "pixel", intervention, "cmi_o", change)
    pairs = list(zip(heats, changes, strict=True))
    assert pixel["r"] == pytest.approx(np.mean([stats.pearsonr(*pair).statistic for pair in pairs]))
    assert pixel["spearman"] == pytest.approx(np.mean([stats.spearmanr(*pair).statistic for pair in pairs]))
    image = row_of(table, "image", intervention, "cmi_o", change)
    totals = study.edits["mine"].loc[positions, quantity]
    moved = [one.mean() if change == "ssim" else one.sum() for one in changes]
    assert image["r"] == pytest.approx(stats.pearsonr(totals, moved).statistic)
    assert image["spearman"] == pytest.approx(stats.spearmanr(totals, moved).statistic)


def test_the_mask_is_a_control(study: Study) -> None:
    table = study.tabulate()
    masks = [study.mask(word) for _ in range(IMAGES) for word in WORDS]
    changes = [study.arrays("mine", position)["change/latent_l2/omit"] for position in range(18)]
    expected = [
        stats.pearsonr(m.ravel().astype(float), c.ravel()).statistic for m, c in zip(masks, changes, strict=True)
    ]
    assert row_of(table, "pixel", "omit", "mask_area", "latent_l2")["r"] == pytest.approx(np.mean(expected), abs=1e-6)
    areas, totals = [mask.mean() for mask in masks], [change.sum() for change in changes]
    expected_r = stats.pearsonr(areas, totals).statistic
    assert row_of(table, "image", "omit", "mask_area", "latent_l2")["r"] == pytest.approx(expected_r, abs=1e-6)


def test_letterbox_bars_do_not_count_inside_images(study: Study) -> None:
    """Neither in correlations, nor in the region outside the mask, nor in the mask's share; totals are of all cells."""
    before = study.tabulate()
    inside = np.zeros((GRID, GRID), dtype=bool)
    inside[2:6] = True
    for position in range(18):
        study.overwrite("mine", position, inside=inside)
    after = study.tabulate()
    maps = [study.arrays("mine", position) for position in range(18)]
    pairs = [(one["predictor/cmi_o"][inside], one["change/latent_l2/omit"][inside]) for one in maps]
    row = row_of(after, "pixel", "omit", "cmi_o", "latent_l2")
    assert row["r"] == pytest.approx(np.mean([stats.pearsonr(*pair).statistic for pair in pairs]), abs=1e-6)
    assert row["spearman"] == pytest.approx(np.mean([stats.spearmanr(*pair).statistic for pair in pairs]), abs=1e-6)
    masks = [study.mask(word) for _ in range(IMAGES) for word in WORDS]
    totals = [one["change/latent_l2/omit"].sum() for one in maps]
    expected = stats.pearsonr([mask[inside].mean() for mask in masks], totals).statistic
    assert row_of(after, "image", "omit", "mask_area", "latent_l2")["r"] == pytest.approx(expected, abs=1e-6)
    ratios = [
        inside_over_outside(one["change/latent_l2/swap"][inside], mask[inside] >= 0.5)
        for position, (one, mask) in enumerate(zip(maps, masks, strict=True))
        if position % 3
    ]
    assert study.checks().loc["swap_change_inside_over_outside", "value"] == pytest.approx(np.median(ratios), rel=1e-6)
    same = ["image", "omit", "cmi_o", "latent_l2"]
    assert row_of(after, *same).equals(row_of(before, *same))


def test_a_constant_map_is_counted_and_not_averaged(study: Study) -> None:
    before = study.tabulate()
    study.overwrite("mine", 0, **{"predictor/cmi_o": np.full((GRID, GRID), 0.5, dtype=np.float32)})
    study.overwrite("mine", 1, **{"change/ssim/omit": np.zeros((GRID, GRID), dtype=np.float32)})
    after = study.tabulate()
    for change, failed in (("latent_l2", 1), ("ssim", 2)):
        row = row_of(after, "pixel", "omit", "cmi_o", change)
        assert (row["n"], row["n_failed"]) == (18 - failed, failed)
    assert row_of(after, "pixel", "omit", "mi_o", "ssim")["n_failed"] == 1
    assert row_of(after, "pixel", "omit", "mi_o", "latent_l2")["n_failed"] == 0
    maps = [study.arrays("mine", position) for position in range(1, 18)]
    rest = [
        stats.pearsonr(one["predictor/cmi_o"].ravel(), one["change/latent_l2/omit"].ravel()).statistic for one in maps
    ]
    assert row_of(after, "pixel", "omit", "cmi_o", "latent_l2")["r"] == pytest.approx(np.mean(rest), abs=1e-6)
    # The total of a constant map is a number like another.
    assert row_of(after, "image", "omit", "cmi_o", "latent_l2").equals(
        row_of(before, "image", "omit", "cmi_o", "latent_l2")
    )


def test_failed_cases_and_missing_masks_are_counted(study: Study) -> None:
    study.fail("mine", 3)
    study.fail("mine", 4)  # this one would have had a swap
    (study.folder / "bed.png").unlink()
    table = study.tabulate()
    assert row_of(table, "image", "omit", "cmi_s", "latent_l2")[["n", "n_failed"]].tolist() == [16, 2]
    assert row_of(table, "pixel", "swap", "cmi_s", "latent_l2")[["n", "n_failed"]].tolist() == [11, 7]
    masked = row_of(table, "pixel", "omit", "mask_area", "latent_l2")
    assert (masked["n"], masked["n_failed"]) == (8, 10)


def test_badly_reconstructed_cases_are_flagged_and_still_count(study: Study) -> None:
    table = study.tabulate()  # PSNR 19, 20, 21, …
    assert row_of(table, "image", "omit", "cmi_o", "ssim")[["n", "n_flagged"]].tolist() == [18, 1]
    assert row_of(table, "image", "swap", "cmi_o", "ssim")[["n", "n_flagged"]].tolist() == [12, 0]
    table = study.tabulate(section=EditingSection(table=EditingTableSection(min_reconstruction_psnr=25.5)))
    assert row_of(table, "pixel", "omit", "cmi_o", "ssim")[["n", "n_flagged"]].tolist() == [18, 7]
    assert row_of(table, "pixel", "swap", "cmi_o", "ssim")[["n", "n_flagged"]].tolist() == [12, 4]
    study.fail("mine", 0)
    table = study.tabulate()
    assert row_of(table, "image", "omit", "cmi_o", "ssim")[["n", "n_flagged"]].tolist() == [17, 0]


def test_flagged_cases_are_listed_worst_first(study: Study) -> None:
    assert (
        study.tabulate(section=EditingSection(table=EditingTableSection(min_reconstruction_psnr=0)))["n_flagged"].sum()
        == 0
    )
    empty = (study.folder / "tables" / "editing_flagged.csv").read_text(encoding="utf-8")
    assert empty.strip() == ",".join(FLAGGED_COLUMNS)
    assert "below 0 dB: none." in (study.folder / "tables" / "editing.md").read_text(encoding="utf-8")
    study.edits["mine"].loc[4, "psnr"] = 10.5
    study.fail("mine", 2)  # without a PSNR, and counted as failed
    study.tabulate("mine", "plain", section=EditingSection(table=EditingTableSection(min_reconstruction_psnr=20.5)))
    found = study.read("editing_flagged.csv")
    assert found.columns.tolist() == FLAGGED_COLUMNS
    cases = {name: frame["case_id"].tolist() for name, frame in study.cases.items()}
    expected = [("mine", cases["mine"][row]) for row in (4, 0, 1)] + [("plain", cases["plain"][row]) for row in (0, 1)]
    assert list(found[["dataset", "case_id"]].itertuples(index=False, name=None)) == expected
    assert found.loc[0, FLAGGED_COLUMNS[2:]].tolist() == pytest.approx([10.5, 49.0, 44.0, 0.4, 5.0])


def lost_masks(study: Study, capsys: pytest.CaptureFixture[str]) -> tuple[list[str], list[str]]:
    """The lines about masks in the table for people, and those that the stage prints beside it."""
    capsys.readouterr()
    study.tabulate("mine", "plain")
    text = (study.folder / "tables" / "editing.md").read_text(encoding="utf-8")
    printed = capsys.readouterr().out.removeprefix(text).splitlines()
    return [line for line in text.splitlines() if "usable mask" in line], [line for line in printed if line]


def test_masks_that_cannot_be_used_are_told_by_status(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert lost_masks(study, capsys) == ([], [])
    (study.folder / "bed.png").unlink()
    Image.fromarray(np.zeros((SIDE, SIDE), dtype=np.uint8)).save(study.folder / "dog.png")
    study.fail("mine", 1)  # a failed case needs no mask
    (line,), printed = lost_masks(study, capsys)
    assert line.endswith(": mine 9 empty_mask, 8 mask_unreadable.")
    first, second = study.cases["mine"].loc[[0, 3], "case_id"]
    assert printed[0].startswith(
        f"mine: 9 cases without a usable mask (empty_mask); the first: case {first}: the object"
    )
    assert printed[1].startswith(f"mine: 8 cases without a usable mask (mask_unreadable); the first: case {second}: ")
    assert "bed.png" in printed[1] and len(printed) == 2


def test_edits_by_word(study: Study) -> None:
    edits = study.edits["mine"]
    edits["cmi_o"] = edits["mi_o"]
    edits.loc[[0, 2, 4], "cmi_o"] = 0.49 * edits["mi_o"]  # three dogs
    study.fail("mine", 6)
    study.tabulate("mine", "plain")
    table = study.read("editing_by_word.csv")
    assert table.columns.tolist() == WORD_COLUMNS
    rows = table[table["dataset"] == "mine"].set_index(["label", "context", "intervention"])
    contexts = [("bed", "all"), ("bed", "not_implied"), ("dog", "all"), ("dog", "implied"), ("dog", "not_implied")]
    assert list(rows.index) == [(*one, intervention) for one in contexts for intervention in ("omit", "swap")]
    # Of nine dogs one failed; of the implied ones the first has no swap, nor has the twelfth case.
    assert rows.loc[("dog", "all", "omit"), ["n", "n_failed"]].tolist() == [8, 1]
    assert rows.loc[("dog", "implied", "omit"), ["n", "n_failed"]].tolist() == [3, 0]
    assert rows.loc[("dog", "implied", "swap"), ["n", "n_failed"]].tolist() == [2, 1]
    assert rows.loc[("dog", "not_implied", "swap"), ["n", "n_failed"]].tolist() == [4, 1]
    implied, mask = rows.loc[("dog", "implied", "swap")], study.mask("dog")
    for name, column in (
        ("mi_s", "mi_s"),
        ("cmi_s", "cmi_swap_s"),
        ("cmi_o", "cmi_swap_o"),
        ("attention", "attention"),
    ):
        assert implied[name] == pytest.approx(edits.loc[[2, 4], column].median(), rel=1e-5)
    omitted = rows.loc[("dog", "implied", "omit")]
    assert omitted["cmi_o"] == pytest.approx(0.49 * edits.loc[[0, 2, 4], "mi_o"].median(), rel=1e-5)
    changes = [study.arrays("mine", position)["change/latent_l2/swap"] for position in (2, 4)]
    assert implied["latent_l2"] == pytest.approx(np.median([change.sum() for change in changes]), rel=1e-5)
    ratios = [change[mask].mean() / change[~mask].mean() for change in changes]
    assert implied["inside_over_outside"] == pytest.approx(np.median(ratios), rel=1e-5)
    assert implied[["n_masked", "n_judged", "word_recognised", "partner_recognised"]].tolist() == [2, 2, 0, 0]
    # The seventeenth case was not judged after its swap; its mask and its change are there.
    bed = rows.loc[("bed", "all", "swap")]
    assert bed[["n", "n_masked", "n_judged"]].tolist() == [6, 6, 5]
    assert bed["partner_recognised"] == pytest.approx(4 / 5)
    plain = table[table["dataset"] == "plain"]
    assert (plain[["n_masked", "n_judged"]] == 0).all(axis=None)
    assert plain[["inside_over_outside", "word_recognised", "partner_recognised"]].isna().all(axis=None)


def test_implied_words_against_others(study: Study) -> None:
    edits = study.edits["mine"]
    edits["cmi_o"] = 0.5 * edits["mi_o"]  # half is left: told
    edits.loc[[0, 1, 2, 4], "cmi_o"] = 0.0
    edits.loc[[1, 2], "mi_o"] = 0.0  # a word that tells nothing implies nothing
    study.fail("mine", 17)
    study.tabulate()
    table = study.read("editing_implied.csv")
    assert table.columns.tolist() == IMPLIED_COLUMNS
    rows = table.set_index(["context", "intervention"])
    assert rows["n"].to_dict() == {
        **{("all", "omit"): 17, ("all", "swap"): 11, ("implied", "omit"): 2, ("implied", "swap"): 1},
        **{("not_implied", "omit"): 15, ("not_implied", "swap"): 10},
    }
    assert rows.loc[("all", "omit"), "n_failed"] == 1 and rows.loc[("all", "swap"), "n_failed"] == 7
    changes = [study.arrays("mine", position)["change/latent_l2/omit"].sum() for position in range(17)]
    assert rows.loc[("implied", "omit"), "latent_l2"] == pytest.approx((changes[0] + changes[4]) / 2, rel=1e-5)
    assert rows.loc[("all", "omit"), "latent_l2"] == pytest.approx(np.median(changes), rel=1e-5)
    assert (rows["latent_l2_low"] <= rows["latent_l2"]).all() and (rows["latent_l2"] <= rows["latent_l2_high"]).all()
    for position in range(17):
        study.fail("mine", position)
    study.tabulate()
    empty = study.read("editing_implied.csv")
    assert (empty["n"] == 0).all() and empty["latent_l2"].isna().all()


def test_what_the_model_prefers_after_a_swap(study: Study) -> None:
    """Swaps are cases 1, 2, 4, 5, 7, 8, … 17, with preferences −4, −3, −1, 0, 2, … nats after the swap."""
    study.edits["mine"].loc[[7, 8], "cmi_swap_s"] = [-3.0, 0.0]
    study.tabulate()
    checks = study.checks()
    after = checks.loc["swap_preferred"]
    assert after["n"] == 12 and after["value"] == pytest.approx(8 / 12)
    assert 0 < after["low"] < after["value"] < after["high"] <= 1
    flips = checks.loc["swap_flips_preference"]
    assert flips["n"] == 12 and flips["value"] == pytest.approx(6 / 12)
    text = (study.folder / "tables/editing.md").read_text(encoding="utf-8")
    assert "the model prefers the swapped caption after a swap (%) | 66.7" in text
    study.fail("mine", 17)
    study.tabulate()
    assert study.checks().loc["swap_flips_preference", ["value", "n"]].tolist() == [pytest.approx(5 / 11, abs=1e-5), 11]


def test_a_finished_swap_without_its_preference_is_told(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.edits["mine"].loc[4, "preference_swap"] = np.inf
    assert study.run("mine") == 1
    found = "`preference_swap` of the finished case " + study.cases["mine"]["case_id"][4] + " is inf"
    assert found in capsys.readouterr().err


def test_a_study_without_swaps(study: Study) -> None:
    frame = study.edits["plain"]
    swap_numbers = [name for name in EDIT_COLUMNS if name.startswith("cmi_swap")]
    frame["swap_status"] = "no_partner"
    frame[swap_numbers] = np.nan
    table = study.tabulate("plain", judged=False)
    rows = table[table["intervention"] == "swap"]
    assert (rows["n"] == 0).all() and (rows["n_failed"] == 18).all() and (rows["n_flagged"] == 0).all()
    assert rows[["r", "r_low", "r_high", "r_error", "spearman"]].isna().all(axis=None)
    assert (table.loc[table["intervention"] == "omit", "n"] == 18).all()


def test_a_study_in_which_everything_failed(study: Study) -> None:
    for position in range(18):
        study.fail("mine", position)
    table = study.tabulate()
    assert (table["n"] == 0).all() and table["r"].isna().all()
    checks = study.checks()
    assert checks.loc["psnr_unchanged_median", "n"] == 0 and np.isnan(checks.loc["psnr_unchanged_median", "value"])


def test_the_error_of_the_released_code_is_a_tenth(study: Study) -> None:
    plain = study.tabulate()
    released = study.tabulate(section=EditingSection(table=EditingTableSection(error="sd_over_10")))
    np.testing.assert_allclose(released["r_error"], plain["r_error"] / 10)
    pd.testing.assert_frame_equal(released.drop(columns="r_error"), plain.drop(columns="r_error"))


def test_the_paired_table(study: Study) -> None:
    study.overwrite("mine", 0, **{"predictor/attention": np.ones((GRID, GRID), dtype=np.float32)})
    table = study.tabulate()
    paired = study.read("editing_paired.csv")
    assert paired.columns.tolist() == PAIRED_COLUMNS
    assert len(paired) == 2 * 2 * 3 * 10
    pairs = paired[["predictor_a", "predictor_b"]].head(10).itertuples(index=False, name=None)
    assert list(pairs) == list(combinations([*PREDICTORS, "mask_area"], 2))
    keyed = paired.set_index(["level", "intervention", "change", "predictor_a", "predictor_b"])
    row = keyed.loc[("image", "swap", "pixel_l2", "cmi_o", "attention")]
    r = [row_of(table, "image", "swap", name, "pixel_l2")["r"] for name in ("cmi_o", "attention")]
    assert row["difference"] == pytest.approx(r[0] - r[1], abs=1e-5)
    assert row["low"] <= row["difference"] <= row["high"] and row["n"] == 12
    # On the cases that both have: the first has no attention at pixel level, so neither is averaged over it.
    row = keyed.loc[("pixel", "omit", "latent_l2", "cmi_o", "attention")]
    maps = [study.arrays("mine", position) for position in range(1, 18)]
    r_a, r_b = (
        np.mean([stats.pearsonr(m[f"predictor/{name}"].ravel(), m["change/latent_l2/omit"].ravel())[0] for m in maps])
        for name in ("cmi_o", "attention")
    )
    assert row["n"] == 17 and row["difference"] == pytest.approx(r_a - r_b, abs=1e-5)


def test_checks_of_the_edits(study: Study) -> None:
    study.tabulate("mine", "plain")
    found = study.read("editing_checks.csv")
    assert found.columns.tolist() == CHECK_COLUMNS
    reconstruction = ["psnr_unchanged_median", "psnr_decoded_median", "psnr_autoencoder_median"]
    reconstruction += ["latent_error_median", "noise_variance_median"]
    swaps = ["swap_changes_object_more", "swap_change_inside_over_outside"]
    preferences = ["swap_preferred", "swap_flips_preference"]
    judged = ["swap_recognised", "unchanged_recognised"]
    assert found.loc[found["dataset"] == "mine", "check"].tolist() == [*reconstruction, *swaps, *preferences, *judged]
    assert found.loc[found["dataset"] == "plain", "check"].tolist() == [*reconstruction, *preferences]
    checks = found[found["dataset"] == "mine"].set_index("check")
    assert checks.loc["psnr_unchanged_median", ["value", "n"]].tolist() == [27.5, 18]
    assert checks.loc["psnr_autoencoder_median", "value"] == 48.5
    assert checks.loc["latent_error_median", "value"] == pytest.approx(0.85)
    assert checks.loc["noise_variance_median", "value"] == 9.5
    assert checks.loc["swap_changes_object_more", ["value", "n"]].tolist() == [1.0, 12]
    swapped = [position for position in range(18) if position % 3]
    ratios = []
    for position in swapped:
        change, mask = study.arrays("mine", position)["change/latent_l2/swap"], study.mask(WORDS[position % 2])
        ratios.append(change[mask].mean() / change[~mask].mean())
    assert checks.loc["swap_change_inside_over_outside", "value"] == pytest.approx(np.median(ratios), rel=1e-5)
    # Twelve swaps, of which one was not judged and the partner is missing in three.
    assert checks.loc["swap_recognised", ["value", "n"]].tolist() == [pytest.approx(8 / 11, abs=1e-5), 11]
    assert checks.loc["unchanged_recognised", ["value", "n"]].tolist() == [pytest.approx(17 / 18, abs=1e-5), 18]
    assert ((checks["low"] <= checks["value"]) & (checks["value"] <= checks["high"])).all()


def test_change_inside_over_outside() -> None:
    change, mask = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([[True, False], [False, True]])
    assert inside_over_outside(change, mask) == 2.5
    assert inside_over_outside(np.where(mask, change, 0.0), mask) == np.inf
    assert np.isnan(inside_over_outside(np.zeros((2, 2)), mask))
    assert np.isnan(inside_over_outside(change, np.ones((2, 2), dtype=bool)))
    assert np.isnan(inside_over_outside(change, np.zeros((2, 2), dtype=bool)))


def test_the_table_for_people(study: Study) -> None:
    table = study.tabulate()
    text = (study.folder / "tables" / "editing.md").read_text(encoding="utf-8")
    warning, caption, correlations, check_caption, checks, flagged, context_caption, contexts = text.split("\n\n")
    assert warning.startswith("NUMBERS WITHOUT MEANING")  # of the embedded model on other pictures
    for words in ("omit", "swap", "200 resamples", "bootstrap_sd", "below 20 dB", "mask_area", "editing_paired.csv"):
        assert words in caption
    assert "95 %" in check_caption
    lines = correlations.splitlines()
    assert len(lines) == 2 + len(table)
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    first = table.iloc[0]
    assert cells[:6] == ["mine", "image", "omit", "latent_l2", "cmi_s", f"{first['r']:.3f}"]
    assert cells[6] == f"{first['r_low']:.3f} to {first['r_high']:.3f}" and cells[9:] == ["18", "0", "1"]
    assert checks.splitlines()[2].startswith("| mine | PSNR of the unchanged picture, median (dB) | 27.50 |")
    assert "| mine | the partner is recognised after a swap (%) | 72.7 |" in checks
    assert flagged.endswith("below 20 dB: mine 1. They are listed in editing_flagged.csv.")
    assert "editing_by_word.csv" in context_caption and "95 % interval" in context_caption
    implied = study.read("editing_implied.csv")
    assert [line.split(" | ")[1:4] for line in contexts.splitlines()[2:]] == [
        [words, intervention, str(n)]
        for (words, intervention), n in zip(
            [(words, one) for words in ("all", "implied", "others") for one in ("omit", "swap")],
            implied["n"],
            strict=True,
        )
    ]
    assert f"| {implied['latent_l2'][0]:.2f} | {implied['latent_l2_low'][0]:.2f} to " in contexts.splitlines()[2]
    study.fail("mine", 0)
    released = EditingSection(table=EditingTableSection(error="sd_over_10"))
    study.tabulate(section=released, statistics=StatisticsSection(bootstrap=200, confidence=0.9))
    text = (study.folder / "tables" / "editing.md").read_text(encoding="utf-8")
    assert "divided by 10" in text and "90 % percentile bootstrap" in text


def test_the_record_names_settings_and_inputs(study: Study) -> None:
    study.tabulate()
    record = json.loads((study.folder / "tables" / "editing.provenance.json").read_text())
    assert record["stage"] == "tabulate_editing"
    assert record["section"]["statistics"]["bootstrap"] == 200
    assert record["section"]["datasets"]["mine"]["kind"] == "custom"
    names = [Path(name).name for name in record["inputs"]]
    tables = ["cases.parquet", "judgements.parquet", "shard-0.parquet", "shard-1.parquet"]
    assert sorted(name for name in names if name.endswith(".parquet")) == tables
    assert any(name.endswith(".npz") for name in names)
    assert record["extra"] == {"seed": 0, "resize": "squeeze"}


def test_the_order_of_rows_does_not_matter(study: Study) -> None:
    names = ["editing.csv", "editing.parquet", "editing.md"]
    names += [f"editing_{name}.csv" for name in ("paired", "checks", "flagged", "by_word", "implied")]
    study.tabulate()
    first = [(study.folder / "tables" / name).read_bytes() for name in names]
    study.edits["mine"] = study.edits["mine"].sample(frac=1, random_state=1)
    study.judgements = study.judgements.sample(frac=1, random_state=1)
    study.tabulate()
    assert [(study.folder / "tables" / name).read_bytes() for name in names] == first


def test_a_dataset_is_as_it_is_beside_others(study: Study) -> None:
    together = study.tabulate("plain", "mine")
    alone = study.tabulate("mine")
    pd.testing.assert_frame_equal(together[together["dataset"] == "mine"].reset_index(drop=True), alone)


def refusals(study: Study, capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    capsys.readouterr()
    assert study.run(*names) == 1
    return capsys.readouterr().err.removeprefix("error: ").splitlines()


def test_faulty_rows_of_all_datasets_are_told_at_once(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    mine, plain = study.edits["mine"], study.edits["plain"]
    mine.loc[2, "case_id"] = "0" * 16
    mine.loc[4, "case_id"] = mine["case_id"][6]
    mine.loc[8, "cmi_s"] = np.nan
    mine.loc[9, "cmi_swap_o"] = np.nan  # has no swap: nothing to tell
    study.judgements.loc[0, "intervention"] = "blur"
    study.judgements.loc[1, "case_id"] = "f" * 16
    study.edits["plain"] = plain.drop(index=[5, 7])
    told = refusals(study, capsys, "mine", "plain")
    cases = {name: frame["case_id"] for name, frame in study.cases.items()}
    shard = study.path("mine", "shard-0.parquet")  # rows 16, 14, …, 0
    expected = [
        f"{shard}, row 7: `case_id` is '0000000000000000'; allowed are the ids in the cases table.",
        f"{shard}, row 6: case {cases['mine'][6]} has a row already; expected one.",
        f"{shard}, row 4: `cmi_s` of the finished case {cases['mine'][8]} is nan; expected a finite number.",
        f": case {cases['mine'][2]} (and 1 more) has no row; expected one for every case; run edit_images again.",
        "judgements.parquet, row 0: `intervention` is 'blur'; allowed are unchanged, omit and swap.",
        "judgements.parquet, row 1: `case_id` is 'ffffffffffffffff'; allowed are the ids in the cases table.",
        f": case {cases['plain'][5]} (and 1 more) has no row; expected one for every case; run edit_images again.",
    ]
    assert len(told) == len(expected)
    for sentence, end in zip(told, expected, strict=True):
        assert sentence.endswith(end), sentence


def test_faulty_maps_are_told_at_once(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.file("mine", 0).unlink()
    study.overwrite("mine", 1, **{"change/ssim/swap": None, "predictor/mi_o": None})
    study.overwrite("mine", 2, **{"predictor/cmi_swap_s": np.zeros((GRID, 2 * GRID), dtype=np.float32)})
    small = {key: array[:4, :4] for key, array in study.arrays("mine", 4).items() if key != "key"}
    study.overwrite("mine", 4, **small)
    study.file("plain", 3).write_bytes(b"no npz")
    told = refusals(study, capsys, "mine", "plain")
    assert [sentence.partition(":")[0] for sentence in told] == [
        str(study.file(name, position))
        for name, position in (("mine", 0), ("mine", 1), ("mine", 2), ("mine", 4), ("plain", 3))
    ]
    for sentence, words in zip(
        told,
        (
            "no such file",
            "the maps change/ssim/swap, predictor/mi_o are missing",
            "(8, 16)",
            "(4, 4)",
            "not a readable",
        ),
        strict=True,
    ):
        assert words in sentence


def test_a_folder_without_maps_is_told_in_a_few_sentences(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(study.path("mine", "edits"))
    told = refusals(study, capsys, "mine")
    assert len(told) == 11 and told[-1] == f"{study.path('mine', 'edits')}: 8 more files with faults."


def test_names_that_do_not_agree_are_refused(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    def error(*arguments: str) -> list[str]:
        read = settings("tabulate_editing", datasets={"b": study.sections["mine"]})
        common = ["--seed", "0", "--output-dir", str(study.folder), "--settings", read]
        assert main(["tabulate_editing", *common, *arguments]) == 1
        return capsys.readouterr().err.removeprefix("error: ").splitlines()

    paths = ["--cases", "a=1", "b=2", "--edits", "b=3", "c=4", "--maps", "a=5", "b=6", "--judgements", "d=7"]
    assert error(*paths) == [
        "--settings lacks the dataset a, which --cases names.",
        "--edits lacks the dataset a, which --cases names.",
        "--cases lacks the dataset c, which --edits names.",
        "--cases lacks the dataset d, which --judgements names.",
    ]
    one = ["--cases", "b=1", "--edits", "b=1"]
    assert "--maps names b 2 times" in error(*one, "--maps", "b=1", "b=2")[0]
    for text in ("{", "[]"):
        assert error(*one, "--maps", "b=1", "--settings", text)[0].startswith("TabulateEditing: ")


def test_the_stage_does_without_torch() -> None:
    code = "import sys, infodecomp.stages.tabulate_editing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
