"""From cases and scores to the tables of the retrieval study."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from infodecomp.config import (
    OrderRetrievalDataset,
    PairRetrievalDataset,
    RetrievalDatasetSection,
    RetrievalSection,
    RetrievalTableSection,
    StatisticsSection,
)
from infodecomp.datasets.retrieval_cases import make_retrieval_case, retrieval_cases_table, write_retrieval_cases
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.retrieval.tables import GROUP_COLUMNS, PAIR_COLUMNS, TABLE_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import job_ledger
from infodecomp.runs.storage import read_table, write_table
from infodecomp.stages import tabulate_retrieval
from tests.stage_settings import settings

METHODS = ("i_o", "i_s", "clip")
EVALUATIONS = {"i_o": 150, "i_s": 150, "clip": 0}

# Outcomes of (i_o, i_s, clip), one letter a case: 1 right, 0 wrong, = same score as another option, x failed.
RELATIONS: dict[str, tuple[str, str, str]] = {
    "left of": ("1100", "1111", "0000"),
    "next to": ("0000", "1100", "1110"),
    "on": ("11", "1=", "01"),
    "wearing": ("1", "x", "1"),
}
ORDER = ("10=01", "11110", "1=0x1")


class Study:
    """A folder with a relation set of eleven cases (two options, truth last) and an order set of five (truth first)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cases: dict[str, pd.DataFrame] = {}
        self.scores: dict[str, dict[str, pd.DataFrame]] = {}
        self.datasets = {
            "relations": PairRetrievalDataset(kind="vg_relation", file="a.json", images="a"),
            "order": OrderRetrievalDataset(kind="coco_order", file="b.json", images="b", tagger="scenes"),
        }
        (folder / "symmetric.txt").write_text("# both ways\nnext to\nnear\n", encoding="utf-8")
        relations = [name for name, outcomes in RELATIONS.items() for _ in outcomes[0]]
        self.add("relations", relations, ["".join(row) for row in zip(*RELATIONS.values(), strict=True)], 2, 1)
        self.add("order", [""] * 5, ORDER, 5, 0)

    def add(self, name: str, groups: Sequence[str], outcomes: Sequence[str], options: int, truth: int) -> None:
        texts = [[f"caption {number} of {row}" for number in range(options)] for row in range(len(groups))]
        self.cases[name] = retrieval_cases_table(
            [
                make_retrieval_case(dataset=name, image_path=f"{row}.png", options=texts[row], truth=truth, group=group)
                for row, group in enumerate(groups)
            ]
        )
        self.scores[name] = {
            method: self.score_rows(name, method, outcome, truth)
            for method, outcome in zip(METHODS, outcomes, strict=True)
        }

    def score_rows(self, name: str, method: str, outcomes: str, truth: int) -> pd.DataFrame:
        """Rows in which the true option scores 2 (right, tied) or 0 (wrong), the next option 2 in a tie, others 1."""
        rows = []
        for case, outcome in zip(self.cases[name].itertuples(), outcomes, strict=True):
            for option in range(len(case.options)):
                value = {"1": 2.0, "=": 2.0, "0": 0.0, "x": np.nan}[outcome] if option == truth else 1.0
                value = 2.0 if outcome == "=" and option == (truth + 1) % len(case.options) else value
                failed = outcome == "x"
                rows.append(
                    {
                        "case_id": case.case_id,
                        "option": option,
                        "score": method,
                        "value": np.nan if failed else value,
                        "error": np.nan,
                        "evaluations": 0 if failed else EVALUATIONS[method] * (len(case.options) + 1),
                        "status": "non_finite" if failed else "ok",
                        "reason": "the score is not finite." if failed else "",
                    }
                )
        return pd.DataFrame(rows)

    def lose(self, name: str, row: int) -> None:
        """A case whose box is bad: no method can score it."""
        self.cases[name].loc[row, ["status", "reason"]] = ["bad_box", "the box has no area."]
        case = self.cases[name].loc[row, "case_id"]
        for table in self.scores[name].values():
            table.loc[table["case_id"] == case, ["value", "status"]] = [np.nan, "bad_box"]

    def rewrite_option(self, name: str, row: int, option: int, text: str) -> None:
        options = list(self.cases[name].loc[row, "options"])
        options[option] = text
        self.cases[name].at[row, "options"] = tuple(options)

    def tabulate(self, *, datasets: dict[str, RetrievalDatasetSection] | None = None, **section: Any) -> pd.DataFrame:
        """Write cases and scores, the information methods in two shards together, and run the stage."""
        cases, scores = [], []
        for name, frame in self.cases.items():
            write_retrieval_cases(self.folder / name / "cases.parquet", frame)
            cases.append(f"{name}={self.folder / name / 'cases.parquet'}")
            tables = self.scores[name]
            model = pd.concat([table for method, table in tables.items() if method != "clip"])
            first = model["case_id"].isin(frame["case_id"][::2])
            files = {"shard-0": model[first], "shard-1": model[~first]}
            if "clip" in tables:
                files["clip"] = tables["clip"]
            for stem, table in files.items():
                write_table(self.folder / name / f"{stem}.parquet", table, RETRIEVAL_SCORE_COLUMNS)
                scores.append(f"{name}={self.folder / name / f'{stem}.parquet'}")
        table = {"symmetric_relations": str(self.folder / "symmetric.txt"), **section}
        methods, few = table.pop("methods", METHODS), table.pop("bootstrap", 200)
        read = settings(
            "tabulate_retrieval",
            datasets={},
            retrieval_datasets=datasets or self.datasets,
            retrieval=RetrievalSection(methods=methods, table=RetrievalTableSection(**table)),
            statistics=StatisticsSection(bootstrap=few),
        )
        run(
            *("--cases", *cases, "--scores", *scores, "--settings", read, "--seed", "0"),
            *("--output-dir", str(self.folder / "tables")),
        )
        return read_table(self.folder / "tables" / "retrieval.parquet", TABLE_COLUMNS)

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "tables" / name, keep_default_na=False, na_values=[""])


def run(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    tabulate_retrieval.add_arguments(parser)
    with job_ledger({}):
        tabulate_retrieval.run(parser.parse_args(arguments))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def row_of(table: pd.DataFrame, dataset: str, method: str) -> pd.Series:
    return table[(table["dataset"] == dataset) & (table["method"] == method)].iloc[0]


def test_rows_come_in_the_order_of_datasets_and_methods(study: Study) -> None:
    table = study.tabulate(methods=("clip", "i_s", "i_o"))
    assert list(zip(table["dataset"], table["method"], strict=True)) == [
        (dataset, method) for dataset in ("relations", "order") for method in ("clip", "i_s", "i_o")
    ]
    assert table.columns.tolist() == list(TABLE_COLUMNS)


def test_accuracies_of_relations(study: Study) -> None:
    table = study.tabulate()
    i_o, i_s, clip = (row_of(table, "relations", method) for method in METHODS)
    assert (i_o["n"], i_o["n_failed"], i_o["ties"], i_o["micro"]) == (11, 0, 0, pytest.approx(5 / 11))
    assert (i_s["n"], i_s["n_failed"], i_s["ties"], i_s["micro"]) == (10, 1, 1, pytest.approx(7.5 / 10))
    assert clip["micro"] == pytest.approx(5 / 11)
    expected = binomtest(5, 11).proportion_ci(0.95, method="wilson")
    assert (i_o["micro_low"], i_o["micro_high"]) == pytest.approx((expected.low, expected.high))
    assert i_s["micro_low"] < 0.75 < i_s["micro_high"]
    assert i_o["macro"] == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    assert i_o["macro_asymmetric"] == pytest.approx((0.5 + 1 + 1) / 3)
    # The only case of `wearing` failed for i_s: three groups are left.
    assert i_s["macro"] == pytest.approx((1 + 0.5 + 0.75) / 3)
    assert i_s["macro_asymmetric"] == pytest.approx((1 + 0.75) / 2)
    assert 0 <= i_o["macro_low"] < i_o["macro"] < i_o["macro_high"] <= 1
    assert set(table.loc[table["dataset"] == "relations", "chance"]) == {0.5}


def test_accuracies_of_a_set_without_groups(study: Study) -> None:
    table = study.tabulate()
    order = table[table["dataset"] == "order"].set_index("method")
    assert order["micro"].to_dict() == pytest.approx({"i_o": 2.5 / 5, "i_s": 4 / 5, "clip": 2.5 / 4})
    assert order["n_failed"].to_dict() == {"i_o": 0, "i_s": 0, "clip": 1}
    assert order[["macro", "macro_low", "macro_high", "macro_asymmetric"]].isna().all(axis=None)
    assert set(order["chance"]) == {0.2}
    assert order["evaluations_per_case"].to_dict() == {"i_o": 900, "i_s": 900, "clip": 0}


def test_failed_cases_take_no_part_in_the_evaluations(study: Study) -> None:
    assert row_of(study.tabulate(), "relations", "i_s")["evaluations_per_case"] == 450


@pytest.mark.parametrize(
    ("policy", "n", "right"), [("half", 10, 7.5), ("wrong", 10, 7), ("right", 10, 8), ("drop", 9, 7)]
)
def test_ties_by_score(study: Study, policy: str, n: int, right: float) -> None:
    row = row_of(study.tabulate(ties=policy), "relations", "i_s")
    assert (row["n"], row["n_failed"], row["ties"]) == (n, 1, 1)
    assert row["micro"] == pytest.approx(right / n)


@pytest.mark.parametrize(
    ("policy", "n", "right"), [("half", 5, 3 + 1 / 2), ("wrong", 5, 3), ("right", 5, 4), ("drop", 3, 3)]
)
def test_ties_by_text(study: Study, policy: str, n: int, right: float) -> None:
    for row in (0, 4):  # i_s has the first right and the last wrong
        study.rewrite_option("order", row, 2, f"caption 0 of {row}")
    for table in study.scores["order"].values():
        for row in (0, 4):
            of_case = table["case_id"] == study.cases["order"].loc[row, "case_id"]
            true = table.loc[of_case & (table["option"] == 0), "value"].iloc[0]
            table.loc[of_case & (table["option"] == 2), "value"] = true
    row = row_of(study.tabulate(ties=policy), "order", "i_s")
    assert (row["n"], row["ties"], row["micro"]) == (n, 2, pytest.approx(right / n))


def test_cases_that_no_method_can_score_are_failed_for_all(study: Study) -> None:
    before = study.tabulate().set_index(["dataset", "method"])
    study.lose("relations", 0)
    after = study.tabulate().set_index(["dataset", "method"])
    assert (after["n_failed"] - before["n_failed"])["relations"].tolist() == [1, 1, 1]
    assert after.loc[("relations", "i_o"), "micro"] == pytest.approx(4 / 10)
    assert (after.loc["relations", "n"] + after.loc["relations", "n_failed"] == 11).all()


def test_lost_cases_need_no_scores(study: Study) -> None:
    study.lose("relations", 3)
    with_rows = study.tabulate()
    case = study.cases["relations"].loc[3, "case_id"]
    for method, table in study.scores["relations"].items():
        study.scores["relations"][method] = table[table["case_id"] != case]
    pd.testing.assert_frame_equal(study.tabulate(), with_rows)


def test_a_method_without_any_score(study: Study) -> None:
    for row in range(5):
        study.lose("order", row)
    order = study.tabulate().set_index("dataset").loc["order"]
    assert (order["n"] == 0).all() and (order["n_failed"] == 5).all()
    assert order[["micro", "micro_low", "chance", "evaluations_per_case"]].isna().all(axis=None)
    paired = study.read("retrieval_paired.csv").set_index("dataset").loc["order"]
    assert (paired["n"] == 0).all() and paired["p"].isna().all()


def test_small_groups_do_not_count_in_macro(study: Study) -> None:
    sections = dict(study.datasets)
    sections["relations"] = PairRetrievalDataset(kind="vg_relation", file="a.json", images="a", minimum_group=3)
    i_o = row_of(study.tabulate(datasets=sections), "relations", "i_o")
    assert i_o["macro"] == pytest.approx((0.5 + 0) / 2)
    assert i_o["macro_asymmetric"] == 0.5
    assert i_o["micro"] == pytest.approx(5 / 11)
    assert set(study.read("retrieval_by_group.csv")["group"]) == set(RELATIONS)
    # A failed case still makes its group as large as it is for the other methods.
    study.lose("relations", 0)
    sections["relations"] = PairRetrievalDataset(kind="vg_relation", file="a.json", images="a", minimum_group=4)
    assert row_of(study.tabulate(datasets=sections), "relations", "i_o")["macro"] == pytest.approx((1 / 3 + 0) / 2)


def test_only_relations_can_be_symmetric(study: Study) -> None:
    sections = dict(study.datasets)
    sections["relations"] = PairRetrievalDataset(kind="vg_attribution", file="a.json", images="a")
    row = row_of(study.tabulate(datasets=sections), "relations", "i_o")
    assert np.isfinite(row["macro"]) and np.isnan(row["macro_asymmetric"])
    assert not study.read("retrieval_by_group.csv")["symmetric"].any()


def test_the_table_by_group(study: Study) -> None:
    study.tabulate()
    table = study.read("retrieval_by_group.csv")
    assert table.columns.tolist() == GROUP_COLUMNS
    assert set(table["dataset"]) == {"relations"}
    assert list(zip(table["group"], table["method"], strict=True)) == [
        (group, method) for group in sorted(RELATIONS) for method in METHODS
    ]
    assert table["symmetric"].dtype == bool
    assert set(table.loc[table["symmetric"], "group"]) == {"next to"}
    rows = table.set_index(["group", "method"])
    left = rows.loc["left of"]
    assert left["accuracy"].to_dict() == {"i_o": 0.5, "i_s": 1.0, "clip": 0.0}
    expected = binomtest(2, 4).proportion_ci(0.95, method="wilson")
    assert (left.loc["i_o", "low"], left.loc["i_o", "high"]) == pytest.approx((expected.low, expected.high), abs=1e-5)
    changes = left["change"]
    assert (changes["i_o"], changes["i_s"]) == (0.5, 1.0) and np.isnan(changes["clip"])
    assert rows.loc[("next to", "i_o"), ["n", "change", "mark"]].tolist() == [4, -0.75, "▼"]
    assert rows.loc[("next to", "i_s"), "change"] == -0.25
    assert rows.loc[("left of", "i_s"), "mark"] == "▲"
    assert rows.loc[[("next to", "i_s"), ("on", "i_s"), ("on", "clip")], "mark"].isna().all()
    assert rows.loc[("wearing", "i_s"), ["n", "n_failed"]].tolist() == [0, 1]
    assert rows.loc[("wearing", "i_s"), ["accuracy", "low", "high", "change"]].isna().all()


def test_a_change_of_just_the_limit_is_not_marked(study: Study) -> None:
    study.tabulate(mark_change=0.75)
    rows = study.read("retrieval_by_group.csv").set_index(["group", "method"])
    assert pd.isna(rows.loc[("next to", "i_o"), "mark"])
    assert rows.loc[("left of", "i_s"), "mark"] == "▲"


def test_without_clip_there_is_no_change(study: Study) -> None:
    for tables in study.scores.values():
        del tables["clip"]
    study.tabulate(methods=("i_o", "i_s"))
    assert study.read("retrieval_by_group.csv")[["change", "mark"]].isna().all(axis=None)


def test_the_paired_table(study: Study) -> None:
    study.tabulate()
    table = study.read("retrieval_paired.csv")
    assert table.columns.tolist() == PAIR_COLUMNS
    pairs = [("i_o", "i_s"), ("i_o", "clip"), ("i_s", "clip")]
    assert list(zip(table["dataset"], table["method_a"], table["method_b"], strict=True)) == [
        (dataset, *pair) for dataset in ("relations", "order") for pair in pairs
    ]
    row = table.iloc[0]  # i_o and i_s on the relations: one shared point, one case that failed
    assert row[["n", "both", "only_a", "only_b", "neither", "undecided"]].tolist() == [9, 3, 0, 4, 2, 1]
    assert (row["accuracy_a"], row["accuracy_b"]) == pytest.approx((3 / 9, 7 / 9), abs=1e-5)
    assert row["p"] == pytest.approx(binomtest(0, 4).pvalue)
    assert (table["n"] == table[["both", "only_a", "only_b", "neither"]].sum(axis=1)).all()


def test_the_table_for_people(study: Study) -> None:
    table = study.tabulate()
    text = (study.folder / "tables" / "retrieval.md").read_text(encoding="utf-8")
    warning, caption, body = text.split("\n\n", 2)
    assert warning.startswith("NUMBERS WITHOUT MEANING")  # of the embedded model on other pictures
    assert len(caption.splitlines()) == 4
    for word in ("n:", "failed:", "ties:", "1/(1 + k)", "Micro:", "Wilson", "chance:", "relations 1", "200 resamples"):
        assert word in caption
    assert "Macro asymmetric:" in caption and "Evaluations per case:" in caption
    assert len(body.splitlines()) == 2 + len(table)
    cells = [cell.strip() for cell in body.splitlines()[2].strip("|").split("|")]
    assert cells[:6] == ["relations", "i_o", "11", "0", "0", "45.5"]
    assert cells[6] == "21.3–72.0" and cells[7] == "62.5" and cells[9] == "83.3"
    assert cells[10:] == ["50.0", "450.0"]
    order = [cell.strip() for cell in body.splitlines()[5].strip("|").split("|")]
    assert order[7:10] == ["–", "–", "–"]


def test_the_record_names_settings_and_inputs(study: Study) -> None:
    study.tabulate()
    record = json.loads((study.folder / "tables" / "retrieval.provenance.json").read_text())
    assert record["stage"] == "tabulate_retrieval"
    assert record["section"]["table"]["ties"] == "half"
    assert record["section"]["retrieval_datasets"]["relations"]["kind"] == "vg_relation"
    names = sorted(Path(name).name for name in record["inputs"])
    assert names == [name for stem in ("cases", "clip", "shard-0", "shard-1") for name in [f"{stem}.parquet"] * 2] + [
        "symmetric.txt"
    ]
    assert record["extra"] == {"seed": 0}


def test_the_same_inputs_give_the_same_bytes(study: Study) -> None:
    names = ["retrieval.csv", "retrieval.parquet", "retrieval_by_group.csv", "retrieval_paired.csv"]
    study.tabulate()
    first = [(study.folder / "tables" / name).read_bytes() for name in names]
    study.tabulate()
    assert [(study.folder / "tables" / name).read_bytes() for name in names] == first


def test_the_order_of_rows_and_other_scores_do_not_matter(study: Study) -> None:
    expected = study.tabulate()
    for tables in study.scores.values():
        for method, table in tables.items():
            tables[method] = table.sample(frac=1, random_state=1)
        tables["neg_nll"] = tables["i_s"].assign(score="neg_nll")
    pd.testing.assert_frame_equal(study.tabulate(), expected)


def test_missing_rows_are_refused(study: Study) -> None:
    cases = {name: frame["case_id"] for name, frame in study.cases.items()}
    i_s = study.scores["relations"]["i_s"]
    missing = (i_s["case_id"] == cases["relations"][2]) & (i_s["option"] == 1)
    study.scores["relations"]["i_s"] = i_s[~missing]
    clip = study.scores["order"]["clip"]
    study.scores["order"]["clip"] = clip[~clip["case_id"].isin(cases["order"][1:3])]
    with pytest.raises(InputError) as raised:
        study.tabulate()
    assert [sentence.partition(";")[0] for sentence in str(raised.value).splitlines()] == [
        f"relations: i_s has no score for option 1 of case {cases['relations'][2]}",
        f"order: clip has no score for option 0 of case {cases['order'][1]} (and 1 more case)",
    ]


def test_faults_of_all_datasets_are_told_at_once(study: Study) -> None:
    study.scores["relations"]["i_o"].loc[0, "case_id"] = "0" * 16
    study.scores["order"]["clip"].loc[0, "option"] = 5
    with pytest.raises(InputError) as raised:
        study.tabulate()
    assert len(str(raised.value).splitlines()) == 2
    assert "`case_id` is '0000000000000000'" in str(raised.value)
    assert "`option` is 5" in str(raised.value)


def test_names_that_do_not_agree_are_refused(study: Study) -> None:
    study.tabulate()
    table = RetrievalTableSection(symmetric_relations=str(study.folder / "symmetric.txt"))
    sets = {"b": study.datasets["order"]}
    read = settings("tabulate_retrieval", retrieval=RetrievalSection(table=table), retrieval_datasets=sets)
    common = ["--settings", read, "--seed", "0", "--output-dir", str(study.folder)]
    with pytest.raises(InputError, match="--cases names a 2 times; expected once"):
        run("--cases", "a=1", "a=2", "--scores", "a=1", *common)
    with pytest.raises(InputError) as raised:
        paths = ["--cases", "a=1", "b=3", "--scores", "b=4", "c=5"]
        run(*paths, *common)
    assert str(raised.value).splitlines() == [
        "--settings lacks a, which --cases names.",
        "--scores lacks a, which --cases names.",
        "--cases lacks c, which --scores names.",
    ]
    with pytest.raises(InputError, match="expected DATASET=PATH"):
        run("--cases", "a", "--scores", "a=1", *common)
    for text in ("{", "[]"):
        with pytest.raises(InputError, match="TabulateRetrieval: "):
            run("--cases", "a=1", "--scores", "a=1", *common, "--settings", text)


def test_the_stage_does_without_torch() -> None:
    code = "import sys, infodecomp.stages.tabulate_retrieval; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
