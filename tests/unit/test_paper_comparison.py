"""The published numbers beside ours: which row answers which, what is not run, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.study.paper_comparison import DATASETS, Tables, compare
from infodecomp.study.paper_markdown import paper_markdown, reason
from infodecomp.study.paper_tables import read_published

NAN = float("nan")


@pytest.fixture
def published(repository: Path) -> pd.DataFrame:
    return read_published(repository / "data" / "reference" / "paper_tables.csv")


@pytest.fixture
def ours() -> Tables:
    localisation = pd.DataFrame(
        [
            ("COCO-IT", "whole_image", "-", 0, "oracle", 6927, 0.15, 0.14, 0.16),
            ("COCO-IT", "cmi", "orthogonal", 50, "oracle", 6927, 0.31, 0.30, 0.32),
            ("COCO-IT", "cmi", "orthogonal", 50, "held_out", 6927, 0.30, 0.29, 0.31),
            ("COCO-IT", "cmi", "standard", 50, "oracle", 6927, 0.11, 0.10, 0.12),
            ("scenes", "cmi", "orthogonal", 50, "oracle", 100, 0.57, 0.54, 0.60),
        ],
        columns=["dataset", "method", "estimator", "steps", "threshold_mode", "n", "miou", "miou_low", "miou_high"],
    )
    retrieval = pd.DataFrame(
        [
            ("vg_relation", "i_o", 23937, 0.6, 0.59, 0.61, 0.7, 0.65, 0.75),
            ("coco_order", "i_o", 25010, 0.4, 0.39, 0.41, NAN, NAN, NAN),
        ],
        columns=["dataset", "method", "n", "micro", "micro_low", "micro_high", "macro", "macro_low", "macro_high"],
    )
    editing = pd.DataFrame(
        [
            ("COCO100-IT", level, intervention, predictor, "latent_l2", 100, r, r - 0.1, r + 0.1)
            for level, intervention, predictor, r in (
                ("image", "omit", "cmi_s", 0.3),
                ("image", "omit", "cmi_o", 0.9),
                ("image", "swap", "cmi_s", 0.8),
                ("pixel", "omit", "cmi_o", 0.2),
            )
        ],
        columns=["dataset", "level", "intervention", "predictor", "change", "n", "r", "r_low", "r_high"],
    )
    return Tables(localisation, retrieval, editing)


def row(rows: pd.DataFrame, **where: object) -> dict[str, object]:
    for name, value in where.items():
        rows = rows[rows[name] == value]
    (found,) = rows.to_dict("records")
    return found


def test_each_number_is_answered_by_its_own_row(published: pd.DataFrame, ours: Tables) -> None:
    table = compare(published, ours, Tables(), reason)
    assert len(table) == len(published) == 32
    whole = table[(table["method"] == "whole image")]
    assert whole["ours"].tolist() == pytest.approx([15.0] * 3)  # one number for all steps
    cmi = row(table, table=3, method="CMI", setting="50 steps")
    assert (cmi["ours"], cmi["ours_low"], cmi["ours_high"]) == pytest.approx((31.0, 30.0, 32.0))
    assert (cmi["stand_in"], cmi["stand_in_dataset"]) == (pytest.approx(57.0), "scenes")
    assert row(table, dataset="vg_relation", method="Info (logistic)")["ours"] == pytest.approx(70.0)  # over groups
    assert row(table, dataset="coco_order", method="Info (logistic)")["ours"] == pytest.approx(40.0)  # over cases
    assert row(table, method="CMI", setting="image level")["ours"] == pytest.approx(0.3)
    assert row(table, method="CMI", setting="pixel level")["ours"] == pytest.approx(0.2)
    assert table["ours"].notna().sum() == 8


def test_what_has_not_run_is_said(published: pd.DataFrame, ours: Tables) -> None:
    released = Tables(localisation=ours.localisation)
    text = paper_markdown(compare(published, Tables(), released, reason), "demo", 0.95)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| coco")]
    assert {cells[4] for cells in rows} == {"not run"}
    assert "31.0 (30.0 to 32.0)" in {cells[5] for cells in rows}
    assert "0.34 ± 0.010" in text and "| 14.94 |" in text


def test_every_row_says_what_may_differ(published: pd.DataFrame) -> None:
    assert all(reason(int(one.table), one.dataset, one.method) for one in published.itertuples())
    assert set(published["dataset"]) == set(DATASETS)
    assert (published["source"] != "").all()


def test_wrong_numbers_are_refused_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "paper_tables.csv"
    path.write_text(
        "table,dataset,method,setting,metric,value,error,source\n"
        "3,coco_it,CMI,50 steps,miou_percent,much,,x\n"
        "2,cocoit,CMI,50 steps,miou_percent,1.0,,x\n",
        encoding="utf-8",
    )
    arguments = ["--published", str(path), "--study", "x", "--confidence", "0.95", "--output-dir", str(tmp_path)]
    assert main(["tabulate_paper", *arguments]) == 1
    told = capsys.readouterr().err
    assert "line 2: value is 'much'; allowed is a number." in told
    assert "line 3: table is '2'" in told and "line 3: dataset is 'cocoit'" in told


def test_the_stage_writes_both_tables(repository: Path, tmp_path: Path, ours: Tables) -> None:
    for name, table in ours._asdict().items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    published = str(repository / "data" / "reference" / "paper_tables.csv")
    tables = [str(tmp_path / f"{name}.parquet") for name in ("localisation", "retrieval", "editing")]
    arguments = ["--published", published, "--ours", *tables, "--released", "--study", "x", "--confidence", "0.9"]
    assert main(["tabulate_paper", *arguments, "--output-dir", str(tmp_path / "out")]) == 0
    frame = pd.read_csv(tmp_path / "out" / "paper_comparison.csv")
    assert frame["ours"].notna().sum() == 8 and frame["released"].isna().all()
    assert "90 % intervals" in (tmp_path / "out" / "paper_comparison.md").read_text(encoding="utf-8")
