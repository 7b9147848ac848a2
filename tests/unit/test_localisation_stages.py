"""From maps and masks to scores, tables and figures, on a small data set of the user's own kind."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from localisation_study import LOCALISATION, SIZE, Study
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import JudgingSection, ThresholdsSection
from infodecomp.datasets.cases import write_cases
from infodecomp.faithfulness.judged_maps import judged_settings, maps_digest
from infodecomp.localisation.shown_cases import best_iou, pick_cases
from infodecomp.localisation.tables import TABLE_COLUMNS
from infodecomp.maps.outcomes import read_statuses
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.heatmaps import geometric_mean, min_max, upsample_bilinear
from infodecomp.metrics.localisation import SCORE_COLUMNS, score_map, threshold_grid
from infodecomp.pairs.parts import PARTS_COLUMNS
from infodecomp.runs.storage import read_arrays, read_table, write_arrays, write_table


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def rows_of(scores: pd.DataFrame, method: str, steps: int, estimator: str | None = None) -> pd.DataFrame:
    chosen = scores[(scores["method"] == method) & (scores["steps"] == steps)]
    return chosen if estimator is None else chosen[chosen["estimator"] == estimator]


def test_every_case_is_scored_with_every_method(study: Study) -> None:
    scores = study.score()
    settings = set(scores[["method", "estimator", "steps"]].itertuples(index=False, name=None))
    assert settings == {
        ("whole_image", "-", 0),
        ("attention", "-", 4),
        ("gradient", "-", 6),
        ("attention_information", "-", 4),
        ("cmi_times_attention", "orthogonal", 4),
        *((method, "orthogonal", steps) for method in ("shuffled", "saliency") for steps in (2, 4)),
        *((m, e, steps) for m in ("mi", "cmi") for e in ("orthogonal", "standard") for steps in (2, 4)),
    }
    assert len(scores) == len(settings) * len(study.cases)
    # The order is that of the cases.
    assert scores["case_id"].drop_duplicates().tolist() == study.cases["case_id"].tolist()
    # The image with one word has no other word.
    failed = scores[scores["status"] != "ok"]
    assert set(failed["method"]) == {"saliency"}
    assert set(failed["status"]) == {"no_other_word"}
    assert set(failed["image_id"]) == {"7.png"}


def test_scores_are_those_of_the_metrics(study: Study) -> None:
    scores = study.score()
    first = rows_of(scores, "cmi", 4, "orthogonal").iloc[0]
    scaled = min_max(upsample_bilinear(study.stored(0, "cmi/orthogonal/4"), (SIZE, SIZE)))
    expected = score_map(scaled, study.mask("dog"), [study.mask("bed")], threshold_grid(0.1, 0.5, 50))
    np.testing.assert_array_equal(first["iou"], expected.iou)
    assert first["average_precision"] == expected.average_precision
    assert first["pointing_game"] == expected.pointing_game
    assert first["named_hotter"] == expected.named_hotter
    # An image with one object cannot say which of two is hotter.
    assert rows_of(scores, "cmi", 4)["named_hotter"].isna().sum() == 2  # two estimators of its one case


def test_a_gradient_counts_what_its_passes_cost(study: Study) -> None:
    study.score()
    table = study.tabulate()
    rows = table[table["method"] == "gradient"]
    assert rows["evaluations_per_image"].tolist() == [3 * 6, 3 * 6] and (rows["n"] == len(study.cases)).all()


def test_unique_is_scored_where_the_word_is_in_a_pair(study: Study) -> None:
    """With four evaluations a draw of each of its pairs; other words count as failed."""
    paired = [str(case) for case in study.cases["case_id"][:4]]
    for case in paired:
        heat = study.heat(study.cases.set_index("case_id").loc[case, "label"])
        write_arrays(study.folder / "pairs" / f"{case}.npz", {"unique/orthogonal/8": heat, "pair_draws": np.array(16)})
    rows = [
        {"case_id": case, "status": "ok" if case in paired else "no_pair", "reason": "", "pairs": []}
        for case in study.cases["case_id"]
    ]
    write_table(study.folder / "words.parquet", pd.DataFrame(rows), PARTS_COLUMNS)
    study.localisation = LOCALISATION.model_copy(update={"methods": ("cmi", "unique")})
    output = study.folder / "scores.parquet"
    arguments = [
        *study.arguments("cases", "estimates", "attention", "maps-information", "maps-attention"),
        *("--pairs", str(study.folder / "words.parquet"), "--maps-pairs", str(study.folder / "pairs")),
        *("--settings", study.settings("score_localisation"), "--seed", "0"),
    ]
    assert main(["score_localisation", *arguments, "--output", str(output)]) == 0
    tables = [
        "--scores",
        f"mine={output}",
        "--settings",
        study.settings("tabulate_localisation"),
        "--seed",
        "0",
        "--output-dir",
        str(study.folder),
    ]
    assert main(["tabulate_localisation", *tables]) == 0
    table = read_table(study.folder / "localisation.parquet", TABLE_COLUMNS)
    row = table[(table["method"] == "unique") & (table["threshold_mode"] == "oracle")].iloc[0]
    assert (row["n"], row["n_failed"], row["steps"]) == (4, len(study.cases) - 4, 8)
    assert row["evaluations_per_image"] == 4 * 16 and row["average_precision"] > 0.5


def test_gradients_without_their_folder(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["cases", "gradients", "maps-information", "maps-attention", "seed"]
    given = ["--settings", study.settings("score_localisation")]
    assert (
        main(["score_localisation", *study.arguments(*names), *given, "--output", str(study.folder / "s.parquet")]) == 1
    )
    assert "--maps-gradients is missing" in capsys.readouterr().err


def test_scoring_twice_gives_the_same_bytes(study: Study) -> None:
    study.score()
    first = (study.folder / "scores.parquet").read_bytes()
    study.score()
    assert (study.folder / "scores.parquet").read_bytes() == first


def test_shuffled_takes_the_cmi_map_of_another_image(study: Study) -> None:
    maps = study.reader()
    stored = {case: study.stored(number, "cmi/orthogonal/4") for number, case in enumerate(study.cases["case_id"])}
    image = dict(zip(study.cases["case_id"], study.cases["image_id"], strict=True))
    donors = {}
    for case in study.cases["case_id"]:
        heat = maps.heat(case, Setting("shuffled", "orthogonal", 4))
        assert isinstance(heat, np.ndarray)
        donors[case] = next(other for other, known in stored.items() if np.array_equal(heat, known))
    pairs = {(image[case], image[donor]) for case, donor in donors.items()}
    assert all(taker != giver for taker, giver in pairs)
    assert len(pairs) == len({taker for taker, _ in pairs}) == len({giver for _, giver in pairs}) == 8


def test_saliency_is_the_mean_of_the_other_words(study: Study) -> None:
    heat = study.reader().heat(study.cases["case_id"][0], Setting("saliency", "orthogonal", 4))
    np.testing.assert_allclose(heat, min_max(study.stored(1, "mi/orthogonal/4")))


def test_ours_is_the_geometric_mean_of_cmi_and_attention(study: Study) -> None:
    heat = study.reader().heat(study.cases["case_id"][2], Setting("cmi_times_attention", "orthogonal", 4))
    expected = geometric_mean(study.stored(2, "cmi/orthogonal/4"), study.stored(2, "attention_information/-/4"))
    np.testing.assert_array_equal(heat, expected)


def test_failures_stay_with_their_status(study: Study) -> None:
    broken = study.cases.iloc[4]["case_id"]
    path = study.maps["information"] / f"{broken}.npz"
    with np.load(path) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays["cmi/orthogonal/4"] = np.full((8, 8), 0.25, dtype=np.float32)
    arrays["mi/standard/4"] = np.full((8, 8), np.nan, dtype=np.float32)
    del arrays["cmi/standard/2"]
    write_arrays(path, arrays)
    study.write_statuses({"0": ("attention", "word_truncated"), "2": ("information", "image_unreadable")})
    scores = study.score()
    statuses = {
        (row.method, row.estimator, row.steps): row.status
        for row in scores[scores["case_id"] == broken].itertuples()
        if row.status != "ok"
    }
    assert statuses == {
        ("cmi", "orthogonal", 4): "constant_map",
        ("shuffled", "orthogonal", 4): "constant_map",
        ("cmi_times_attention", "orthogonal", 4): "constant_map",
        ("mi", "standard", 4): "non_finite_map",
        ("cmi", "standard", 2): "map_missing",
    }
    assert rows_of(scores, "attention", 4)["status"].iloc[0] == "word_truncated"
    assert rows_of(scores, "attention_information", 4)["status"].iloc[0] == "ok"
    assert set(rows_of(scores, "mi", 4)["status"].iloc[4:6]) == {"image_unreadable"}
    table = study.tabulate()
    assert (table["n"] + table["n_failed"] == len(study.cases)).all()
    assert set(table.loc[table["method"] == "attention", "n_failed"]) == {1}


def test_masks_that_cannot_be_scored_are_failures(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.zeros((SIZE, SIZE), dtype=np.uint8)).save(study.folder / "0-dog.png")
    (study.folder / "1-dog.png").unlink()
    cases = study.cases.copy()
    cases.loc[4, "mask"] = ""
    cases.loc[5, ["status", "reason"]] = ["image_missing", "the image is missing."]
    write_cases(study.folder / "cases.parquet", cases)
    study.score(status=1)
    assert "2 of 13 cases have no score, more than max_failed_fraction allows (0.05)" in capsys.readouterr().err
    study.max_failed_fraction = 0.2
    whole = rows_of(study.score(), "whole_image", 0)
    found = whole[whole["status"] != "ok"]["status"].tolist()
    assert found == ["empty_mask", "mask_unreadable", "no_mask", "image_missing"]


@pytest.mark.parametrize("count", [1, 15])
def test_a_study_without_any_score_fails(study: Study, capsys: pytest.CaptureFixture[str], count: int) -> None:
    """A table of dashes is no result, whatever share of failures is allowed."""
    study.cases = study.cases.head(count)
    write_cases(study.folder / "cases.parquet", study.cases)
    study.max_failed_fraction = 1.0
    for path in study.folder.glob("*-*.png"):
        Image.fromarray(np.zeros((SIZE, SIZE), dtype=np.uint8)).save(path)
    study.score(status=1)
    assert "no case could be scored, the first because the object covers no pixel of 16²" in capsys.readouterr().err


def test_cases_scored_against_filled_boxes_are_marked(study: Study) -> None:
    study.score()
    study.tabulate()
    page = (study.folder / "tables" / "localisation.md").read_text(encoding="utf-8")
    assert "filled boxes" not in page.lower()
    path = study.folder / "scores.parquet"
    scores = read_table(path, SCORE_COLUMNS)
    assert not scores["boxed"].any()
    first = study.cases["case_id"].head(3)
    (study.folder / "scores.provenance.json").unlink()  # the table is another from here on
    write_table(path, scores.assign(boxed=scores["case_id"].isin(first)), SCORE_COLUMNS)
    assert set(study.tabulate()["n_boxed"]) == {3}
    page = (study.folder / "tables" / "localisation.md").read_text(encoding="utf-8")
    assert "| filled boxes |" in page and "Filled boxes: cases whose mask is made of boxes" in page


def test_a_method_without_any_map_is_counted_as_failed(study: Study) -> None:
    for path in study.maps["attention"].iterdir():
        path.unlink()
    scores = study.score()
    assert set(rows_of(scores, "attention", 0)["status"]) == {"map_missing"}
    row = study.tabulate().set_index("method").loc["attention"].iloc[0]
    assert (row["n"], row["n_failed"], row["evaluations_per_image"]) == (0, len(study.cases), 0)
    assert np.isnan([row["miou"], row["miou_low"], row["threshold"]]).all()


def test_table(study: Study) -> None:
    scores = study.score()
    table = study.tabulate()
    assert table.columns.tolist() == list(TABLE_COLUMNS)
    assert table["method"].drop_duplicates().tolist() == list(LOCALISATION.methods)
    assert set(table["threshold_mode"]) == {"oracle", "held_out"}
    known = table[table["n"] > 0]
    oracle, held_out = (known[known["threshold_mode"] == mode].reset_index() for mode in ("oracle", "held_out"))
    assert (held_out["miou"] <= oracle["miou"] + 1e-12).all()
    assert ((known["miou_low"] <= known["miou"]) & (known["miou"] <= known["miou_high"])).all()
    iou = np.stack(rows_of(scores, "cmi", 4, "orthogonal")["iou"].tolist())
    cmi = oracle[(oracle["method"] == "cmi") & (oracle["steps"] == 4) & (oracle["estimator"] == "orthogonal")].iloc[0]
    assert cmi["miou"] == pytest.approx(iou.mean(axis=0).max())
    assert cmi["threshold"] == pytest.approx(threshold_grid(0.1, 0.5, 50)[iou.mean(axis=0).argmax()])
    shuffled = oracle[(oracle["method"] == "shuffled") & (oracle["steps"] == 4)].iloc[0]
    assert cmi["miou"] > shuffled["miou"]
    evaluations = oracle.groupby(["method", "steps"])["evaluations_per_image"].first().to_dict()
    assert evaluations[("whole_image", 0)] == 0
    assert (evaluations[("mi", 2)], evaluations[("cmi", 4)], evaluations[("attention", 4)]) == (4, 8, 8)
    assert evaluations[("attention_information", 4)] == 4


def test_cases_that_ended_early_cost_less(study: Study) -> None:
    for case_id in study.cases["case_id"][1:]:
        path = study.maps["information"] / f"{case_id}.npz"
        write_arrays(path, {**read_arrays(path), "draws": np.array(2)})
    scores = study.score()
    assert sorted(rows_of(scores, "cmi", 4, "orthogonal")["draws"]) == [2] * 14 + [4]
    assert set(rows_of(scores, "attention", 4)["draws"]) == {4}
    table = study.tabulate().set_index(["method", "steps"])["evaluations_per_image"]
    assert set(table["cmi", 4]) == {round(2 * 32 / 15)} and set(table["cmi", 2]) == {4}


def test_the_other_tables(study: Study) -> None:
    scores = study.score()
    study.tabulate()
    tables = study.folder / "tables"
    with (tables / "localisation.csv").open(newline="") as handle:
        assert next(csv.reader(handle)) == list(TABLE_COLUMNS)
    curves = pd.read_csv(tables / "localisation_curves.csv")
    cmi = rows_of(curves, "cmi", 4, "orthogonal")
    iou = np.stack(rows_of(scores, "cmi", 4, "orthogonal")["iou"].tolist())
    np.testing.assert_allclose(cmi["miou"], iou.mean(axis=0), atol=1e-6)
    by_label = pd.read_csv(tables / "localisation_by_label.csv")
    cmi = rows_of(by_label[by_label["threshold_mode"] == "oracle"], "cmi", 4, "orthogonal").set_index("label")
    assert cmi["n"].to_dict() == {"bed": 7, "dog": 8}
    best = iou.mean(axis=0).argmax()
    dogs = (study.cases["label"] == "dog").to_numpy()
    assert cmi.loc["dog", "miou"] == pytest.approx(iou[dogs, best].mean(), abs=1e-6)
    text = (tables / "localisation.md").read_text()
    warning, caption, body = text.split("\n\n", 2)
    assert warning.startswith("NUMBERS WITHOUT MEANING")  # of the embedded model on other pictures
    assert len(caption.splitlines()) == 2
    assert len(body.splitlines()) == 2 + len(pd.read_csv(tables / "localisation.csv"))
    provenance = json.loads((tables / "localisation.provenance.json").read_text())
    assert provenance["section"]["localisation"] == LOCALISATION.model_dump(mode="json")


def test_tables_do_not_depend_on_how_many_rows_are_read_at_once(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.score()
    study.tabulate()
    names = [f"localisation{end}" for end in (".csv", ".parquet", ".md", "_by_label.csv", "_curves.csv")]
    whole = {name: (study.folder / "tables" / name).read_bytes() for name in names}
    monkeypatch.setattr("infodecomp.localisation.scores._ROWS_AT_ONCE", 7)
    monkeypatch.setattr("infodecomp.metrics.bootstrap._RESAMPLES_AT_ONCE", 48)
    study.tabulate()
    assert {name: (study.folder / "tables" / name).read_bytes() for name in names} == whole


def test_scores_of_another_configuration_are_refused(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.score()
    study.localisation = LOCALISATION.model_copy(update={"thresholds": ThresholdsSection(count=9)})
    settings = study.settings("tabulate_localisation")
    arguments = ["--scores", f"mine={study.folder / 'scores.parquet'}", "--settings", settings]
    assert main(["tabulate_localisation", *arguments, "--seed", "0", "--output-dir", str(study.folder)]) == 1
    assert "`iou` has 50 values, but localisation → thresholds → count is 9" in capsys.readouterr().err
    assert (
        main(
            [
                "tabulate_localisation",
                "--scores",
                "mine",
                "--settings",
                settings,
                *study.arguments("seed"),
                "--output-dir",
                ".",
            ]
        )
        == 1
    )
    assert "expected DATASET=PATH" in capsys.readouterr().err


def test_figures_of_a_dataset_with_masks(study: Study) -> None:
    study.score()
    study.tabulate()
    curves = study.folder / "tables" / "localisation_curves.csv"
    panels = study.arguments("cases", "maps-information", "maps-attention")
    scores = ["--scores", str(study.folder / "scores.parquet")]
    assert study.plot("--curves", str(curves)) == 0
    assert study.plot(*panels, *scores) == 0
    figures = study.folder / "figures"
    for stem in ("threshold_curves", "panels-mine"):
        assert (figures / f"{stem}.png").stat().st_size > 10_000
        assert (figures / f"{stem}.svg").read_text().rstrip().endswith("</svg>")
    assert "IoU" in (figures / "panels-mine.svg").read_text()


def test_figures_of_a_dataset_without_masks(study: Study) -> None:
    assert study.plot(*study.arguments("cases", "maps-information", "maps-attention")) == 0
    drawn = (study.folder / "figures" / "panels-mine.svg").read_text()
    text = re.sub(r'"data:image[^"]*"', "", drawn)  # pixels in base64 hold any three letters
    assert "nats" in text and "IoU" not in text and "mask" not in text.partition("<image")[2]


def test_nothing_to_draw_is_an_error(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert study.plot() == 1
    assert "there is nothing to plot" in capsys.readouterr().err
    for folder in study.maps.values():
        for path in folder.iterdir():
            path.unlink()
    assert study.plot(*study.arguments("cases", "maps-information", "maps-attention")) == 1
    assert "no case has a map" in capsys.readouterr().err


def test_panels_show_good_and_bad_cases_of_all_labels(study: Study) -> None:
    quality = {case: 1 - rank / len(study.cases) for rank, case in enumerate(study.cases["case_id"])}
    chosen = pick_cases(study.cases, quality, 4)
    ranks = chosen["position"].tolist()  # the cases stand in the order of their quality
    assert [rank // 4 for rank in ranks] == [0, 1, 2, 3]
    assert chosen["label"].value_counts().to_dict() == {"dog": 2, "bed": 2}
    assert chosen["image_id"].is_unique
    mixed = study.cases.sample(frac=1, random_state=1)
    assert pick_cases(mixed, quality, 4)["case_id"].tolist() == chosen["case_id"].tolist()
    assert len(pick_cases(study.cases, {}, 99)) == len(study.cases)
    assert pick_cases(study.cases.head(0), {}, 4).empty


def test_the_quality_of_a_case_is_its_iou_at_the_common_best_threshold(study: Study) -> None:
    scores = study.score()
    iou = np.stack(rows_of(scores, "cmi", 4, "orthogonal")["iou"].tolist())
    quality = best_iou(scores)
    assert list(quality) == study.cases["case_id"].tolist()
    assert list(quality.values()) == iou[:, iou.mean(axis=0).argmax()].tolist()
    assert best_iou(scores[scores["method"] == "mi"]) == {}


def test_the_digest_of_a_case_is_that_of_its_maps(study: Study) -> None:
    """A rerun of what judges maps computes a case again when one of its maps is another, also through other cases."""
    section = JudgingSection(judged="last")
    methods = [method for method in LOCALISATION.methods if method != "whole_image"]

    def digests() -> list[str]:
        maps = study.reader()
        settings = judged_settings(maps, methods, section)
        assert {str(one) for one in settings} >= {"cmi/orthogonal/4", "saliency/orthogonal/4", "attention/-/4"}
        assert not {"cmi/orthogonal/2", "cmi/standard/4"} & {str(one) for one in settings}
        return [maps_digest(maps, settings, case_id) for case_id in study.cases["case_id"]]

    before = digests()
    assert digests() == before and len(set(before)) == len(before)
    path = study.maps["information"] / f"{study.cases['case_id'][0]}.npz"
    write_arrays(path, {**read_arrays(path), "cmi/standard/2": np.eye(8, dtype=np.float32)})
    assert digests() == before
    write_arrays(path, {**read_arrays(path), "mi/orthogonal/4": np.eye(8, dtype=np.float32)})
    # Its own MI, and the saliency of the other word of its image.
    assert [number for number, pair in enumerate(zip(digests(), before, strict=True)) if pair[0] != pair[1]] == [0, 1]


def test_maps_under_a_prefix_are_read_as_maps(study: Study) -> None:
    for path in study.maps["information"].glob("*.npz"):
        arrays = read_arrays(path)
        heat = arrays["cmi/orthogonal/4"]
        write_arrays(path, {**arrays, "seed/cmi/orthogonal/4": heat.T.copy(), "seed/mi/orthogonal/4": heat})
    statuses = {source: read_statuses([study.folder / source / "shard-0000.parquet"]) for source in study.maps}
    maps = Maps(study.cases, statuses, study.maps, seed=0, part="seed/")
    assert [str(one) for one in maps.settings(["mi", "cmi", "attention"], ["orthogonal"])] == [
        *("mi/orthogonal/4", "cmi/orthogonal/4", "attention/-/0")
    ]
    found = maps.heat(study.cases["case_id"][3], Setting("cmi", "orthogonal", 4))
    np.testing.assert_array_equal(found, study.stored(3, "cmi/orthogonal/4").T)
