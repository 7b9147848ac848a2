"""Tables and figures of partial information, from estimates and edits that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import (
    CustomDataset,
    FiguresSection,
    PairsSection,
    StatisticsSection,
)
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.datasets.word_pairs import PAIR_COLUMNS, pairs_by_class, pairs_table
from infodecomp.editing.edits import CHANGES, EDIT_COLUMNS, NUMBERS, QUANTITIES
from infodecomp.metrics.partial_information import ATOMS
from infodecomp.pairs.decomposition import DECOMPOSITION_COLUMNS
from infodecomp.pairs.estimates import CONDITIONS, ESTIMATORS, INFORMATION, SHARD_COLUMNS
from infodecomp.pairs.map_rows import at_even_ranks
from infodecomp.pairs.matrices import caption_matrices
from infodecomp.runs.storage import read_table, write_arrays, write_table
from tests.stage_settings import settings

IMAGES = 6
WORDS = ("dog", "bed", "sky")

FEW = StatisticsSection(bootstrap=100)


class PairStudy:
    """Six images with three nouns each; the dog's redundancy with the bed falls as its omission changes more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = np.random.default_rng(0)
        rows = []
        for number in range(IMAGES):
            same = {"dataset": "d", "image_id": str(number), "image_path": f"{number}.png"}
            rows += [make_case(**same, caption="a dog on a bed in the sky", word=word, label=word) for word in WORDS]
            Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(folder / f"{number}.png")
        self.cases = cases_table(rows)
        write_cases(folder / "cases.parquet", self.cases)
        made = pairs_by_class("d", self.cases, kinds=("noun+noun",), tagger=None, join="and")
        self.pairs = pairs_table(made)
        write_table(folder / "pairs.parquet", self.pairs, PAIR_COLUMNS)
        shards = []
        for row in self.pairs.to_dict("records"):
            image = int(row["image_id"])
            lost = row["image_id"] == "5" and row["second"] == "sky" and row["first"] == "dog"
            told = {"first": 3.0, "second": 2.0, "both": 5.0 - (IMAGES - image) / 4}
            arrays = {
                f"{condition}/{estimator}/{words}": (told[words] / 16 + 0.01 * rng.normal(size=(3, 4, 4))).astype(
                    np.float32
                )
                for condition in CONDITIONS
                for estimator in ESTIMATORS
                for words in INFORMATION
            }
            write_arrays(folder / "maps" / f"{row['case_id']}.npz", arrays)
            number = float("nan") if lost else 1.0
            shards.append(
                {
                    **{name: number for name, kind in SHARD_COLUMNS.items() if kind == "float64"},
                    **{"case_id": row["case_id"], "key": "k", "draws": 12, "evaluations": 96},
                    **{"status": "non_finite" if lost else "ok", "reason": "a map is not finite" if lost else ""},
                }
            )
        write_table(folder / "shard.parquet", pd.DataFrame(shards)[list(SHARD_COLUMNS)], SHARD_COLUMNS)

    def write_edits(self) -> None:
        rows = []
        for case in self.cases.to_dict("records"):
            heat = np.full((4, 4), float(case["image_id"]), dtype=np.float32)
            arrays = {f"change/{change}/omit": heat for change in CHANGES}
            arrays |= {f"predictor/{name}": heat for name in QUANTITIES if "swap" not in name}
            arrays["inside"] = np.ones((4, 4), dtype=bool)
            write_arrays(self.folder / "edits" / f"{case['case_id']}.npz", arrays)
            rows.append(
                {
                    **dict.fromkeys(NUMBERS, 1.0),
                    **{"case_id": case["case_id"], "status": "ok", "reason": "", "key": "k", "evaluations": 1},
                    **{"swap_status": "no_partner", "swap_reason": "none", "prompt_unchanged": "", "prompt_omit": ""},
                    **{"prompt_swap": "", "cmi_o": 1.0 + int(case["image_id"])},
                }
            )
        write_table(self.folder / "edits.parquet", pd.DataFrame(rows)[list(EDIT_COLUMNS)], EDIT_COLUMNS)

    def tabulate(self, edited: bool = True, **section: object) -> int:
        where = {"cases": "cases.parquet", "pairs": "pairs.parquet", "maps": "maps", "estimates": "shard.parquet"}
        if edited:
            self.write_edits()
            where |= {"edits": "edits.parquet", "edit-maps": "edits"}
        return main(
            [
                "tabulate_partial_information",
                *(text for name, file in where.items() for text in (f"--{name}", f"d={self.folder / file}")),
                *(
                    "--settings",
                    settings("tabulate_partial_information", pairs=PairsSection(**section), statistics=FEW),
                ),
                *("--seed", "0", "--output-dir", str(self.folder / "tables")),
            ]
        )

    def plot(self) -> int:
        dataset = CustomDataset(list="x.csv", root=str(self.folder))
        drawn = {"datasets": {"d": dataset}, "figures": FiguresSection(panels=6), "statistics": FEW}
        where = {"cases": "cases.parquet", "pairs": "pairs.parquet", "maps": "maps"}
        return main(
            [
                "plot_partial_information",
                *(text for name, file in where.items() for text in (f"--{name}", f"d={self.folder / file}")),
                *("--settings", settings("plot_partial_information", **drawn)),
                *("--table", str(self.folder / "tables/partial_information.parquet")),
                *("--omitted", str(self.folder / "tables/partial_information_omitted.csv")),
                *("--seed", "0", "--output-dir", str(self.folder / "figures")),
            ]
        )


@pytest.fixture
def study(tmp_path: Path) -> PairStudy:
    return PairStudy(tmp_path)


@pytest.mark.parametrize("measure", ["ppid", "min", "ccs"])
def test_the_parts_of_every_row_make_up_the_whole(study: PairStudy, measure: str) -> None:
    assert study.tabulate(edited=False, redundancy=measure) == 0
    table = read_table(study.folder / "tables/partial_information.parquet", DECOMPOSITION_COLUMNS)
    assert len(table) == len(study.pairs) * 8 and set(table["measure"]) == {measure}
    lost = table[table["status"] != "ok"]
    assert len(lost) == 8 and lost["redundancy"].isna().all() and set(lost["reason"]) == {"a map is not finite"}
    found = table[table["status"] == "ok"]
    whole = found[list(ATOMS)].sum(axis=1)
    np.testing.assert_allclose(whole, found["information_both"], atol=1e-9)
    for word in ("first", "second"):
        told = found["redundancy"] + found[f"unique_{word}"]
        np.testing.assert_allclose(told, found[f"information_{word}"], atol=1e-9)
    errors = found[[f"{name}_error" for name in ATOMS]].to_numpy()
    assert np.isfinite(errors).all() and (errors >= 0).all() and errors.max() < 1.0


def test_redundancy_is_set_beside_the_omission(study: PairStudy) -> None:
    """Both tell the less together, the more they share: i₁₂ grows with the image's number as the change does."""
    assert study.tabulate(redundancy="ccs") == 0
    words = pd.read_csv(study.folder / "tables/partial_information_omitted.csv", dtype={"image_id": str})
    assert len(words) == 2 * (len(study.pairs) - 1)
    assert words["change"].tolist() == [16.0 * int(image) for image in words["image_id"]]
    np.testing.assert_allclose(words["share"] + words["unique"] * words["share"] / words["redundancy"], 1.0, atol=1e-4)
    table = pd.read_csv(study.folder / "tables/partial_information_correlations.csv")
    every = table[table["kind"] == "all"].set_index("predictor")
    assert every.loc["redundancy", "r"] < -0.7 and every.loc["unique", "r"] > 0.3
    assert every.loc["cmi", "r"] == pytest.approx(1.0, abs=1e-5)
    assert (
        (every["r_low"] <= every["r"] + 1e-6).all()
        and (every["n"] == len(words)).all()
        and (every["images"] == 6).all()
    )
    text = (study.folder / "tables/partial_information.md").read_text(encoding="utf-8")
    assert (
        "common change in surprisal (`redundancy: ccs`)" in text and "| d | noun+noun | alone | iᵒ | 17 | 1 |" in text
    )


def test_without_edits_there_is_nothing_to_foretell(study: PairStudy) -> None:
    assert study.tabulate(edited=False) == 0
    text = (study.folder / "tables/partial_information.md").read_text(encoding="utf-8")
    assert "No word of a pair has been left out" in text
    assert study.plot() == 0
    for name in ("pair_maps-d", "pair_matrices-d", "omissions"):
        assert (study.folder / "figures" / f"{name}.png").stat().st_size > 3000


def test_figures_are_drawn_and_are_equal_from_run_to_run(study: PairStudy) -> None:
    assert study.tabulate() == 0
    contents = []
    for _ in range(2):
        assert study.plot() == 0
        contents.append([path.read_bytes() for path in sorted((study.folder / "figures").glob("*.p[dn][fg]"))])
    assert contents[0] == contents[1] and len(contents[0]) == 3 * 2


def test_missing_maps_and_unnamed_datasets_are_one_sentence(
    study: PairStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    next((study.folder / "maps").glob("*.npz")).unlink()
    assert study.tabulate(edited=False) == 1
    assert "no such file; expected an npz file" in capsys.readouterr().err


def test_pairs_are_shown_at_even_ranks_and_captions_by_their_words() -> None:
    table = pd.DataFrame(
        {
            "case_id": list("abcde"),
            "image_id": "1",
            "caption": ["a dog on a bed in the sky"] * 3 + ["a cat on a mat"] + ["a dog"],
            "first": ["dog", "dog", "bed", "cat", "a"],
            "second": ["bed", "sky", "sky", "mat", "dog"],
            "redundancy": [5.0, 4.0, 3.0, 2.0, 1.0],
            "synergy": [0.1, 0.2, 0.3, 0.4, 0.5],
            "information_first": [1.0, 1.0, 2.0, 4.0, 5.0],
            "information_second": [2.0, 3.0, 3.0, 4.0, 5.0],
            "information_both": 10.0,
        }
    )
    assert at_even_ranks(table, 3) == ["e", "c", "a"] and at_even_ranks(table, 9) == list("edcba")
    first, *others = caption_matrices(table, 2)
    assert len(others) == 1 and list(first.words) == ["dog", "bed", "sky"]
    assert first.shown[1, 0] == 5.0 and first.shown[0, 1] == 0.1 and np.isnan(first.shown[0, 0])
    assert first.total.tolist() == [1.0, 2.0, 3.0]
