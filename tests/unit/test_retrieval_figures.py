"""The retrieval figures: what they show, with and without methods, groups and numbers, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from infodecomp.config import FiguresSection
from infodecomp.figures import retrieval_accuracy, retrieval_budget, retrieval_relations
from infodecomp.figures.style import METHOD_STYLES, balanced_columns, dataset_title, panel_figure, shorten
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import job_ledger
from infodecomp.stages import plot_retrieval
from infodecomp.tables.checked_csv import read_checked_csv
from tests.stage_settings import settings

METHODS = ("i_o", "i_s", "neg_nll", "diffitm", "clip", "hardneg_diffitm", "text_only")
SETS = (
    *("scenes_vg_relation", "scenes_vg_attribution", "scenes_noun_swap", "scenes_coco_order"),
    *("scenes_flickr30k_order", "vg_relation", "vg_attribution", "coco_order", "flickr30k_order"),
)
NAN = float("nan")


def table(datasets: tuple[str, ...] = SETS[:2], methods: tuple[str, ...] = METHODS) -> pd.DataFrame:
    """Accuracies 0.40, 0.45, … in the order of the methods; order sets have no macro accuracy."""
    rows = []
    for dataset in datasets:
        order = dataset.endswith("order")
        for number, method in enumerate(methods):
            micro = 0.4 + 0.05 * number
            macro = (NAN, NAN, NAN) if order else (micro - 0.02, micro - 0.2, micro + 0.2)
            evaluations = {"clip": 0, "text_only": 0, "diffitm": 20, "hardneg_diffitm": 20}.get(method, 150)
            rows.append(
                {
                    **{"dataset": dataset, "method": method, "n": 100, "n_failed": 0, "ties": 0},
                    **{"micro": micro, "micro_low": micro - 0.1, "micro_high": micro + 0.1},
                    **dict(zip(("macro", "macro_low", "macro_high"), macro, strict=True)),
                    "macro_asymmetric": macro[0],
                    "evaluations_per_case": evaluations,
                    "chance": 0.2 if order else 0.5,
                }
            )
    return pd.DataFrame(rows)


def by_group(
    accuracies: dict[str, dict[str, float]], dataset: str = "vg_relation", symmetric: tuple[str, ...] = ()
) -> pd.DataFrame:
    """One row a group and method; group number k has 10 + k cases."""
    rows = [
        {
            **{"dataset": dataset, "group": group, "symmetric": group in symmetric, "method": method},
            **{"n": 10 + number, "n_failed": 0, "accuracy": accuracy, "low": accuracy, "high": accuracy},
            "change": accuracy - methods["clip"] if "clip" in methods and method != "clip" else NAN,
            "mark": "▲" if "clip" in methods and accuracy - methods["clip"] > 0.3 else "",
        }
        for number, (group, methods) in enumerate(accuracies.items())
        for method, accuracy in methods.items()
    ]
    columns = ["dataset", "group", "symmetric", "method", "n", "n_failed"]
    frame = pd.DataFrame(rows, columns=[*columns, "accuracy", "low", "high", "change", "mark"])
    return frame.astype({"accuracy": "float64", "change": "float64"})


GROUPS = {
    "on": {"clip": 0.5, "i_s": 0.6, "i_o": 0.45},
    "under": {"clip": 0.4, "i_s": 0.9, "i_o": 0.5},
    "near": {"clip": 0.7, "i_s": 0.5, "i_o": 0.5},
}


def words(parent: Figure | Axes) -> list[str]:
    """What is written in a figure or a panel."""
    return [text.get_text() for text in parent.findobj(Text) if text.get_text()]


def rows_of(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip()
    ]
    return [
        (first, second)
        for index, (first, box) in enumerate(boxes)
        for second, other in boxes[index + 1 :]
        if box.x0 < other.x1 and other.x0 < box.x1 and box.y0 + 1 < other.y1 and other.y0 + 1 < box.y1
    ]


# --- Accuracy -------------------------------------------------------------------------------------------------------


def test_accuracy_has_a_panel_a_dataset_and_the_methods_in_the_order_of_the_table() -> None:
    methods = ("clip", "i_s", "text_only")
    figure = retrieval_accuracy.draw(table(methods=methods))
    first, second = figure.axes
    assert rows_of(first) == [METHOD_STYLES[method].label for method in methods]
    assert first.get_ylim()[0] > first.get_ylim()[1]  # the first method is at the top
    assert rows_of(second) == ["", "", ""]  # the names stand once a row of panels
    assert {"What is where?", "scenes: objects swapped · 100 cases", "chance 50 %"} <= set(words(first))
    assert retrieval_accuracy.HEADING in words(figure)


def test_accuracy_shows_dots_with_intervals_and_diamonds_for_the_mean_over_groups() -> None:
    (axes,) = retrieval_accuracy.draw(table(SETS[:1], ("i_s",))).axes
    chance, interval, dot, macro_interval, diamond = axes.lines
    assert chance.get_xdata() == pytest.approx([50, 50])
    assert interval.get_xdata() == pytest.approx([30, 50])
    assert (dot.get_marker(), dot.get_xdata()[0]) == ("o", pytest.approx(40))
    assert macro_interval.get_xdata() == pytest.approx([20, 60])
    assert (diamond.get_marker(), diamond.get_xdata()[0]) == ("D", pytest.approx(38))
    assert {"40.0", "38.0"} <= set(words(axes))


def test_without_groups_the_accuracy_figure_has_no_diamonds() -> None:
    figure = retrieval_accuracy.draw(table(("coco_order",)))
    assert not [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert not [text for text in words(figure) if text.startswith("mean over groups")]
    assert "chance 20 %" in words(figure.axes[0])


def test_missing_methods_scores_and_chances_are_said_or_left_out() -> None:
    rows = table(("mine", "yours"), ("i_s", "clip"))
    rows = rows[(rows["dataset"] == "mine") | (rows["method"] == "i_s")].reset_index(drop=True)
    rows.loc[0, ["micro", "micro_low", "micro_high", "macro", "macro_low", "macro_high"]] = NAN
    rows.loc[0, ["n", "n_failed"]] = [0, 1100]
    rows["chance"] = NAN
    mine, yours = retrieval_accuracy.draw(rows).axes
    assert "no score" in words(mine) and "without a score: iˢ (likelihood ratio) 1,100" in words(mine)
    assert "–" in words(yours)
    assert not [text for text in words(mine) if "chance" in text]


def test_cases_that_no_method_scored_are_counted_once() -> None:
    rows = table(SETS[:1])
    assert retrieval_accuracy.failures(rows) == []
    assert retrieval_accuracy.failures(rows.assign(n_failed=2)) == ["without any score: 2"]


# --- Relations ------------------------------------------------------------------------------------------------------


def test_groups_are_sorted_by_change_with_their_number_of_cases() -> None:
    (axes,) = retrieval_relations.draw(by_group(GROUPS, symmetric=("near",)), {"vg_relation": 0.5}).axes
    assert rows_of(axes) == ["under", "on", "near ↔"]
    assert [text.get_text() for text in axes.texts[:6]] == ["+50", "11", "+10", "10", "−20", "12"]
    assert [label.get_fontweight() for label in axes.get_yticklabels()] == ["bold", "normal", "normal"]
    (chance,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert chance.get_xdata() == pytest.approx([50, 50])
    markers = {(line.get_marker(), round(line.get_xdata()[0])) for line in axes.lines if line.get_ydata()[0] == 0}
    assert {("o", 40), ("o", 90), ("D", 50)} <= markers


def test_a_line_has_the_colour_of_the_better_method() -> None:
    (axes,) = retrieval_relations.draw(by_group(GROUPS), {}).axes
    colours = {line.get_ydata()[0]: line.get_color() for line in axes.lines if len(line.get_xdata()) == 2}
    ours, clip = METHOD_STYLES["i_s"].colour, METHOD_STYLES["clip"].colour
    assert colours == {0: ours, 1: ours, 2: clip}


def test_of_many_groups_the_largest_are_shown_and_it_is_said() -> None:
    many = {f"relation {number}": {"clip": 0.5, "i_s": 0.5 + number / 200} for number in range(60)}
    figure = retrieval_relations.draw(by_group(many), {})
    (axes,) = figure.axes
    shown = rows_of(axes)
    assert len(shown) == retrieval_relations.MOST_GROUPS
    assert shown[0] == "relation 59" and shown[-1] == "relation 20"  # group number k has 10 + k cases
    assert "VG-Relation: objects swapped · 40 of 60 groups" in words(axes)
    assert "those with the most cases" in " ".join(words(figure))


def test_datasets_without_groups_have_no_panel() -> None:
    none = by_group({"": {"clip": 0.5, "i_s": 0.6}}, "coco_order")
    figure = retrieval_relations.draw(pd.concat([none, by_group(GROUPS)]), {})
    assert len(figure.axes) == 1
    for empty in (none, by_group({}), by_group({"on": {"diffitm": 0.5}}), by_group({"on": {"i_s": NAN}})):
        nothing = retrieval_relations.draw(empty, {})
        assert not nothing.axes
        assert "there is nothing to compare." in " ".join(words(nothing)).replace("\n", " ")


def test_without_clip_groups_are_sorted_by_accuracy() -> None:
    alone = {name: {"i_s": methods["i_s"]} for name, methods in GROUPS.items()}
    figure = retrieval_relations.draw(by_group(alone), {})
    assert rows_of(figure.axes[0]) == ["under", "on", "near"]
    assert retrieval_relations.HEADING_ALONE in words(figure)
    assert "change" not in words(figure) and METHOD_STYLES["clip"].label not in words(figure)


def test_without_the_standard_score_the_dot_is_the_orthogonal_one() -> None:
    known = {name: {"clip": methods["clip"], "i_o": methods["i_o"]} for name, methods in GROUPS.items()}
    figure = retrieval_relations.draw(by_group(known), {})
    assert rows_of(figure.axes[0]) == ["under", "on", "near"]
    assert METHOD_STYLES["i_o"].label in words(figure) and METHOD_STYLES["i_s"].label not in words(figure)


def test_changes_are_written_with_a_minus_sign_and_without_a_signed_zero() -> None:
    changes = [0.124, -0.03, 0.001, -0.004, NAN]
    assert [retrieval_relations.percentage_points(change) for change in changes] == ["+12", "−3", "0", "0", ""]


# --- Budget ---------------------------------------------------------------------------------------------------------


def test_budget_sets_scores_of_the_same_cost_side_by_side() -> None:
    assert retrieval_budget.side_by_side(pd.Series([150.0, 20.0, 160.0])) == [-4.0, 0.0, 4.0]
    assert retrieval_budget.side_by_side(pd.Series([], dtype=float)) == []


def test_budget_is_read_at_round_numbers() -> None:
    assert retrieval_budget.round_numbers(10, 300) == [10, 20, 50, 100, 200]
    assert retrieval_budget.round_numbers(8, 5000) == [10, 100, 1000]
    assert retrieval_budget.round_numbers(0.6, 2.4) == [1, 2]


def test_budget_has_a_logarithmic_axis_and_lines_for_methods_without_denoiser() -> None:
    figure = retrieval_budget.draw(table(SETS[:1]))
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_xlim() == pytest.approx((10, 300))
    across = {round(line.get_ydata()[0], 6): line.get_color() for line in axes.lines if line.get_xdata()[0] == 0}
    styles = METHOD_STYLES
    assert across == {50.0: "#333333", 60.0: styles["clip"].colour, 70.0: styles["text_only"].colour}
    points = {line.get_color(): line.get_xdata()[0] for line in axes.lines if line.get_marker() in "oD^sp"}
    assert points == {
        styles[method].colour: cost
        for method, cost in {"i_o": 150, "i_s": 150, "neg_nll": 150, "diffitm": 20, "hardneg_diffitm": 20}.items()
    }
    assert "chance\n50 %" in words(axes)


def test_budget_without_any_denoiser_says_so() -> None:
    rows = table(SETS[:1], ("clip", "text_only"))
    (axes,) = retrieval_budget.draw(rows.assign(evaluations_per_case=NAN, chance=NAN)).axes
    assert axes.get_xlabel() == "no score here runs the denoiser"
    assert len(axes.lines) == 4  # two lines and their intervals
    (empty,) = retrieval_budget.draw(rows.assign(micro=NAN)).axes
    assert "scenes: objects swapped · no score" in words(empty)


# --- Layout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 4, 5, 9])
def test_no_text_covers_another(count: int) -> None:
    rows = table(SETS[:count])
    groups = pd.concat([by_group(GROUPS, dataset) for dataset in SETS[:count]])
    chances = dict.fromkeys(SETS, 0.5)
    for figure in (
        retrieval_accuracy.draw(rows.assign(n=23937, n_failed=range(len(rows)))),
        retrieval_relations.draw(groups, chances),
        retrieval_budget.draw(rows.assign(n=23937)),
    ):
        assert overlaps(figure) == []


def test_panels_stand_in_balanced_rows_or_under_the_shortest_column() -> None:
    assert [balanced_columns(count, 3) for count in (1, 2, 3, 4, 5, 7, 9)] == [1, 2, 3, 2, 3, 3, 3]

    def places(heights: list[float]) -> list[tuple[float, float]]:
        room = {"left": 0.5, "right": 0.5, "above": 0.5, "below": 0.5}
        figure, panels = panel_figure(heights, columns=2, width=2.0, **room, heading="?", note="")
        size = figure.get_size_inches()
        boxes = [panel.get_position() for panel in panels]
        assert [box.height * size[1] for box in boxes] == pytest.approx(heights)
        return [(round(box.x0 * size[0], 6), round((boxes[0].y1 - box.y1) * size[1], 6)) for box in boxes]

    assert places([1.0, 1.0, 1.0]) == [(0.5, 0.0), (3.5, 0.0), (0.5, 2.0)]
    assert places([4.0, 1.0, 1.0]) == [(0.5, 0.0), (3.5, 0.0), (3.5, 2.0)]


def test_names_have_a_fallback_and_are_cut() -> None:
    assert dataset_title("vg_relation").source == "VG-Relation: objects swapped"
    assert dataset_title("my_own_set") == ("my own set", "")
    assert shorten("a long name", 11) == "a long name"
    assert shorten("a long name", 8) == "a long…"


# --- Stage ----------------------------------------------------------------------------------------------------------

Plot = Callable[[pd.DataFrame | str, pd.DataFrame | str], Path]


@pytest.fixture
def plot(tmp_path: Path) -> Plot:
    """Write two tables and plot them; returns the folder of the figures."""

    def run(first: pd.DataFrame | str, second: pd.DataFrame | str, name: str = "figures") -> Path:
        for file, content in (("retrieval.csv", first), ("retrieval_by_group.csv", second)):
            text = content if isinstance(content, str) else content.to_csv(index=False)
            (tmp_path / file).write_text(text, encoding="utf-8")
        arguments = ["--table", str(tmp_path / "retrieval.csv"), "--by-group", str(tmp_path / "retrieval_by_group.csv")]
        arguments += [
            "--settings",
            settings("plot_retrieval", figures=FiguresSection(format="svg")),
            "--output-dir",
            str(tmp_path / name),
        ]
        parser = plot_retrieval.argparse.ArgumentParser()
        plot_retrieval.add_arguments(parser)
        with job_ledger({}):
            plot_retrieval.run(parser.parse_args(arguments))
        return tmp_path / name

    return run


def test_the_stage_writes_three_figures_with_provenance_and_equal_bytes(plot: Plot) -> None:
    tables = table(), by_group({**GROUPS, "NA": {"clip": 0.5, "i_s": 0.6}})
    folder = plot(*tables)
    first = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".png", ".svg")}
    assert sorted(first) == sorted(
        f"{name}.{end}" for name in ("accuracy", "relations", "budget") for end in ("png", "svg")
    )
    plot(*tables)
    assert first == {name: (folder / name).read_bytes() for name in first}
    assert "<!-- NA -->" in first["relations.svg"].decode()  # a group's name, not a missing one
    record = json.loads((folder / "relations.provenance.json").read_text())
    assert record["stage"] == "plot_retrieval"
    names = [Path(name).name for name in record["inputs"]]
    assert names == ["retrieval.csv", "retrieval_by_group.csv", "style.mplstyle"]


def test_the_stage_draws_without_groups(plot: Plot) -> None:
    folder = plot(table(("coco_order",)), by_group({}))
    assert "there is nothing to compare" in (folder / "relations.svg").read_text().replace("\n", " ")


def test_wrong_tables_are_refused_with_file_row_and_column(plot: Plot) -> None:
    with pytest.raises(InputError, match=r"retrieval\.csv: missing columns: `micro_low`, `chance`"):
        plot(table().drop(columns=["micro_low", "chance"]), by_group({}))
    wrong = table().astype({"micro": object, "n": object})
    wrong.loc[1, "micro"], wrong.loc[2, "micro"], wrong.loc[3, "n"] = "high", 56.1, -1
    with pytest.raises(InputError) as caught:
        plot(pd.concat([wrong, wrong.head(1)]), by_group({}))
    sentences = str(caught.value).splitlines()
    assert [sentence.partition("retrieval.csv: ")[2] for sentence in sentences] == [
        "row 4, `n` is '-1'; allowed is a number that is not negative, or empty.",
        "row 2, `micro` is 'high'; allowed is a number from 0 to 1, or empty.",
        "row 3, `micro` is '56.1'; allowed is a number from 0 to 1, or empty.",
        "row 15 has the same dataset, method as an earlier row.",
    ]
    with pytest.raises(InputError, match=r"retrieval_by_group\.csv: row 1, `symmetric` is 'perhaps'"):
        plot(table(), by_group(GROUPS).assign(symmetric="perhaps"))


@pytest.mark.parametrize("text", ["", "a,b\n1,2,3\n1,2,3,4\n"])
def test_unreadable_tables_are_refused(plot: Plot, text: str) -> None:
    with pytest.raises(InputError, match=r"retrieval\.csv: not a readable CSV file"):
        plot(text, by_group({}))


def test_a_table_without_rows_or_a_missing_file_is_refused(plot: Plot, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"retrieval\.csv: the table has no rows"):
        plot(table().head(0), by_group({}))
    with pytest.raises(InputError, match=r"none\.csv: not a readable CSV file"):
        read_checked_csv(tmp_path / "none.csv", {"n": "count"}, ["n"])


def test_empty_cells_are_unknown_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,n,flag,x\nnan,,TRUE,0.5\nb,nan,,-0.1\n", encoding="utf-8")
    columns = {"name": "text", "n": "count", "flag": "flag", "x": "change"}
    frame = read_checked_csv(tmp_path / "a.csv", columns, ["name"])
    assert frame["name"].tolist() == ["nan", "b"] and frame["flag"].tolist() == [True, False]
    assert np.isnan(frame["n"]).all() and frame["x"].tolist() == [0.5, -0.1]
