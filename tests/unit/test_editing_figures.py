"""The editing figures: struck captions, chosen cases, scales, regression, and what the stage writes and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.offsetbox import TextArea
from matplotlib.text import Text
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import FiguresSection, StatisticsSection
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.editing.edits import CHANGES, EDIT_COLUMNS, NUMBERS, read_edits
from infodecomp.editing.points import edit_points
from infodecomp.editing.strips import choose_edits
from infodecomp.figures import editing_scatter, editing_sheet, editing_strips
from infodecomp.figures.edited_caption import NEW, OLD, StruckText, Word, caption_lines, edited_words
from infodecomp.figures.editing_layout import Strip, lines_of_rows, number, scale_tops
from infodecomp.figures.editing_strips import scale_labels
from infodecomp.figures.style import PAGE, save_figure, sentence_figure
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.runs.seeds import generator as generator_of
from infodecomp.runs.storage import write_arrays, write_table
from infodecomp.stages import plot_edit_correlations
from tests.stage_settings import settings

GRID = 8
NAN = float("nan")


def strip(seed: int = 0, before: str = "a brown dog on a bed", after: str = "a brown _ on a bed") -> Strip:
    generator = np.random.default_rng(seed)
    pictures = generator.integers(0, 255, (3, 16, 16, 3), dtype=np.uint8)
    change, cmi, mi, attention = generator.random((4, 16, 16))
    return Strip(before, after, *pictures, 9 * change, cmi, 2 * mi, attention + 0.5, 123.4, 12.3, 0.5, 0.456)


def strips(count: int) -> list[Strip]:
    return [strip(seed) for seed in range(count)]


def words(figure: Figure) -> list[str]:
    """What is written in a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    axis_ticks = [
        (tick, axis.get_view_interval())
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
    ]
    beyond = {id(tick.label1) for tick, (low, high) in axis_ticks if not low <= tick.get_loc() <= high}  # not drawn
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond
    ]
    return [
        (first, second)
        for index, (first, box) in enumerate(boxes)
        for second, other in boxes[index + 1 :]
        if box.x0 < other.x1 and other.x0 < box.x1 and box.y0 + 1 < other.y1 and other.y0 + 1 < box.y1
    ]


# --- Captions -------------------------------------------------------------------------------------------------------


def told(before: str, after: str) -> str:
    """Edited words as text: −taken out, +put in."""
    marks = {"same": "", "old": "−", "new": "+"}
    return "".join(" " * word.apart + marks[word.kind] + word.text for word in edited_words(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a brown dog.", "a brown _.", "a brown −dog."),
        ("a brown dog.", "a brown .", "a brown −dog."),
        ("dog and dog", "_ and _", "−dog and −dog"),
        ("A bear, a dog", "An elephant, a dog", "−A −bear +An +elephant, a dog"),
        ("a teddy bear here", "a robot here", "a −teddy −bear +robot here"),
        ("a busy bus", "a y ", "a −busy −bus +y"),
        ("the same", "the same", "the same"),
    ],
)
def test_words_taken_out_and_put_in(before: str, after: str, expected: str) -> None:
    assert told(before, after) == expected


def test_long_captions_are_cut_but_keep_the_edit() -> None:
    def lines(late: int) -> list[str]:
        text = " ".join(f"word{number}" for number in range(60))
        found = caption_lines(edited_words(text, text.replace(f"word{late}", "_")), 40, 2)
        assert len(found) == 2
        return ["".join(" " * word.apart + word.text for word in line).strip() for line in found]

    early, late = lines(2), lines(40)
    assert early[0].startswith("word0 ") and early[1].endswith("…")
    assert late[0].startswith("… ") and "word40" in " ".join(late)
    assert all(len(line) <= 42 for line in (*early, *late))
    assert caption_lines([Word("a", "same", False), Word(".", "same", False)], 1, 1) == [
        [Word("a", "same", False), Word(".", "same", False)]
    ]


def test_a_struck_word_has_a_line_through_it() -> None:
    figure = editing_strips.draw([strip(after="a brown cat on a bed")], [], "cividis", 40)
    areas = {area.get_children()[0].get_text(): area for area in figure.findobj(TextArea)}
    assert [type(areas[text]) for text in ("a brown", "dog", "cat", "on a bed")] == [
        TextArea,
        StruckText,
        TextArea,
        TextArea,
    ]
    colours = [areas[text].get_children()[0].get_color() for text in ("a brown", "dog", "cat")]
    assert colours == ["black", OLD, NEW]
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    box = areas["dog"].get_children()[0].get_window_extent(renderer)
    pixels = np.asarray(renderer.buffer_rgba())[::-1]
    row = pixels[round((box.y0 + box.y1) / 2) - 3 : round((box.y0 + box.y1) / 2) + 3, round(box.x0) : round(box.x1), 1]
    # Some row of pixels is inked from the first letter to the last.
    assert (row < 200).all(axis=1).any()


# --- Strips and sheet -----------------------------------------------------------------------------------------------


def test_a_strip_shows_pictures_maps_totals_and_scales() -> None:
    one = strip()
    figure = editing_strips.draw([one], [], "cividis", 40)
    written = words(figure)
    assert set(editing_strips.HEADS) | {"Σ 123", "12.3 nats", "0.50 nats", "r = 0.46"} <= set(written)
    assert editing_strips.AGREEMENTS in written and editing_strips.MISSES not in written
    shown = [axes for axes in figure.axes[0].child_axes if axes.images]
    assert len(shown) == len(editing_strips.HEADS)
    np.testing.assert_array_equal(shown[2].images[0].get_array(), one.edited)
    limits = [axes.images[0].get_clim() for axes in shown[3:]]
    both = (0.0, max(one.cmi.max(), one.mi.max()))
    assert limits == [(0.0, one.change.max()), both, both, (one.attention.min(), one.attention.max())]
    assert written.count(number(both[1])) == 2


def test_many_strips_stand_under_each_other_and_no_texts_overlap() -> None:
    long = strip(before="A man " + "in a blue shirt with $5 " * 6 + "and a dog", after="A man and a")
    figure = editing_strips.draw([*strips(2), long], strips(2), "magma", 40)
    assert figure.get_figwidth() <= PAGE
    assert overlaps(figure) == []
    assert any(text.startswith("5 of 40 edits") for text in words(figure))
    assert words(figure).count("reconstruction") == 2
    assert sum(bool(axes.child_axes) for axes in figure.axes) == 5


def test_a_map_with_next_to_nothing_is_dark() -> None:
    assert scale_tops([10.0, 0.01, 4.0]) == [10.0, 0.5, 4.0]
    still = replace(strip(), change=np.zeros((16, 16)), attention=np.full((16, 16), 0.2))
    figure = editing_strips.draw([still], [], "cividis", 40)
    shown = figure.axes[0].child_axes
    assert shown[3].images[0].get_clim() == (0.0, 1.0)
    assert shown[6].images[0].norm(0.2) == 0.0


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0, 0.001234, 0.5, 1.0, 12.345, 99.5, 1234.5, -0.25)] == [
        *("0", "0.0012", "0.50", "1.00", "12.3", "99.5", "1,234", "−0.25")
    ]
    assert scale_labels(0.0, 2.0) == ("0", "2.00")
    assert scale_labels(0.00089, 0.15) == ("0.00", "0.15")


def test_a_row_is_as_high_as_its_longest_caption() -> None:
    assert lines_of_rows([0, 2, 1, None], [["a"], ["b"], ["c", "d"]], 2) == [2, 2, 1, 1]


def test_the_sheet_labels_both_groups_and_fills_no_empty_place() -> None:
    figure = editing_sheet.draw(strips(4), strips(2), "viridis", 40)
    written = words(figure)
    assert {editing_sheet.AGREEMENTS, editing_sheet.MISSES} <= set(written)
    assert written.count("unchanged") == 4  # over both strips of the first row of each group
    filled = [axes for axes in figure.axes if axes.child_axes]
    assert len(filled) == 6 and all(len(axes.child_axes) == 5 for axes in filled)
    assert overlaps(figure) == []


def test_equal_figures_give_equal_files(tmp_path: Path) -> None:
    first, second = (
        save_figure(editing_strips.draw([], strips(1), "cividis", 40), tmp_path / name / "strips", "pdf")
        for name in "ab"
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


# --- Scatter --------------------------------------------------------------------------------------------------------


def points(count: int, interventions: tuple[str, ...] = ("omit", "swap")) -> pd.DataFrame:
    """Change = 3 · CMI + 1 exactly; attention says nothing of it."""
    generator = np.random.default_rng(1)
    cmi, attention = generator.random((2, count))
    one = pd.DataFrame(
        {
            "case_id": [f"c{k}" for k in range(count)],
            "image": [k // 2 for k in range(count)],
            "change": 3 * cmi + 1,
            "cmi": cmi,
            "attention": attention,
        }
    )
    return pd.concat([one.assign(intervention=name) for name in interventions], ignore_index=True)


def scatter(frame: pd.DataFrame, failed: int = 0, confidence: float = 0.95) -> Figure:
    images = int(frame["image"].max()) + 1 if len(frame) else 0
    return editing_scatter.draw(frame, failed, resample_weights(images, 300, np.random.default_rng(0)), confidence)


def test_scatter_has_a_panel_a_predictor_and_intervention_with_r_in_the_corner() -> None:
    figure = scatter(points(30))
    assert len(figure.axes) == 4
    cmi, attention = editing_scatter.PREDICTORS.values()
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels == [cmi, attention, editing_scatter.CMI_OF_SWAP, attention]
    assert "r = 1.00  [1.00, 1.00]" in [text.get_text() for text in figure.axes[0].texts]
    assert "word swapped · 30 cases of 15 images" in words(figure)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert overlaps(figure) == []


def test_regression_line_and_band() -> None:
    generator = np.random.default_rng(2)
    x = generator.random(200) * 40 + 7
    y = 2 * x - 5 + generator.normal(0, 3, 200)
    image = np.arange(200) // 2
    resamples = editing_scatter.Resamples(image, resample_weights(100, 500, generator), 0.95)
    fit = editing_scatter.regression(x, y, resamples)
    assert fit is not None
    slope, offset = np.polyfit(x, y, 1)
    np.testing.assert_allclose(fit.y, slope * fit.x + offset, rtol=1e-9)
    assert (fit.low <= fit.y).all() and (fit.y <= fit.high).all()
    # The half-width at the mean is near 1.96 standard errors of the mean, and larger at the ends.
    middle = np.abs(fit.x - x.mean()).argmin()
    half = (fit.high - fit.low) / 2
    assert half[middle] == pytest.approx(1.96 * 3 / np.sqrt(200), rel=0.25)
    assert half[0] > 1.3 * half[middle] and half[-1] > 1.3 * half[middle]
    few = editing_scatter.Resamples(image[:9], resample_weights(5, 10, generator), 0.95)
    assert editing_scatter.regression(np.ones(9), x[:9], few) is None
    narrow = editing_scatter.regression(x, y, resamples._replace(confidence=0.5))
    assert narrow is not None and (narrow.high - narrow.low < fit.high - fit.low).all()


def test_an_image_without_a_case_leaves_a_resample_without_a_line() -> None:
    x, image = np.arange(6.0), np.zeros(6, dtype=np.int64)
    weights = np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])  # in the first resample there is no case
    fit = editing_scatter.regression(x, 2 * x + 1, editing_scatter.Resamples(image, weights, 0.95))
    assert fit is not None
    np.testing.assert_allclose([fit.low, fit.high], [fit.y, fit.y])


def test_scatter_names_its_confidence_and_keeps_to_it() -> None:
    frame = points(60).assign(change=lambda table: table["change"] + np.random.default_rng(5).normal(0, 1, len(table)))

    def interval(confidence: float) -> tuple[float, float]:
        figure = scatter(frame, confidence=confidence)
        assert f"{100 * confidence:g} %" in " ".join(words(figure))
        text = next(text.get_text() for text in figure.axes[0].texts if text.get_text().startswith("r = "))
        low, high = text.replace("−", "-").partition("[")[2].rstrip("]").split(", ")
        return float(low), float(high)

    (low, high), (inner_low, inner_high) = interval(0.95), interval(0.5)
    assert low < inner_low < inner_high < high


def test_scatter_says_what_it_cannot_show() -> None:
    assert len(scatter(points(9, ("omit",))).axes) == 2
    assert "fewer than 3 cases" in words(scatter(points(2)))
    assert "word left out · 2 cases of 1 image" in words(scatter(points(2)))
    assert "no r: all values are equal" in words(scatter(points(9).assign(change=0.0)))
    assert editing_scatter.NOTHING in words(scatter(points(0)))
    assert any("could not be edited: 2." in text for text in words(scatter(points(9), failed=2)))


# --- Stage ----------------------------------------------------------------------------------------------------------


def ranked(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["case_id", "intervention", "r"])


def test_edits_are_chosen_by_rank_in_turns_and_once_a_case() -> None:
    table = ranked(
        *(("a", "omit", 0.9), ("a", "swap", 0.95), ("b", "omit", 0.8), ("c", "swap", -0.3), ("c", "omit", 0.1)),
        *(("d", "omit", 0.0), ("d", "swap", 0.2), ("e", "omit", NAN), ("f", "omit", 0.3)),
    )
    chosen = choose_edits(table, 4)
    # a is swapped best, so b's omission is next though a's is better; of what is left, c is swapped worst.
    assert [edit[:2] for edit in chosen.agreements] == [("a", "swap"), ("b", "omit")]
    assert [edit[:2] for edit in chosen.misses] == [("c", "swap"), ("d", "omit")]
    few = choose_edits(table[table["intervention"] == "omit"], 12)
    assert [edit.case_id for edit in few.agreements] == ["a", "b", "f"]
    assert [edit.case_id for edit in few.misses] == ["d", "c"]
    assert choose_edits(ranked(), 12) == ([], [])


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Six cases: the fifth failed, the last has no swap; CMI foretells the change of the first best."""
    cases = cases_table(
        [
            make_case(
                dataset="scenes",
                image_id=str(index // 2),
                image_path=f"{index // 2}.png",
                caption=f"a big dog near house {index}",
                word="dog",
                label="dog",
            )
            for index in range(6)
        ]
    )
    write_cases(tmp_path / "cases.parquet", cases)
    generator = np.random.default_rng(0)
    rows = []
    for index, case in enumerate(cases.itertuples(index=False)):
        swapped, ok = index != 5, index != 4
        names = ["mi_s", "mi_o", "cmi_s", "cmi_o", "attention", *(["cmi_swap_s", "cmi_swap_o"] if swapped else [])]
        maps = {name: generator.random((GRID, GRID)).astype(np.float32) for name in names}
        arrays = {f"predictor/{name}": heat for name, heat in maps.items()}
        arrays["inside"] = np.ones((GRID, GRID), dtype=bool)
        for change in CHANGES:
            for intervention, source in (("omit", "cmi_o"), *([("swap", "cmi_swap_o")] if swapped else [])):
                noise = index * generator.random((GRID, GRID)).astype(np.float32)
                arrays[f"change/{change}/{intervention}"] = maps[source] + noise
        numbers = {name: NAN for name in NUMBERS} | {"evaluations": 0}
        if ok:
            numbers |= {name: float(heat.sum()) for name, heat in maps.items()}
            numbers["preference_swap"] = 1.0 if swapped else NAN
            write_arrays(tmp_path / "edits" / f"{case.case_id}.npz", arrays)
            (tmp_path / "edits" / case.case_id).mkdir()
            for name in ("real", "unchanged", "omit", *(["swap"] if swapped else [])):
                pixels = generator.integers(0, 255, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "edits" / case.case_id / f"{name}.png")
        row = {
            **{"case_id": case.case_id, "status": "ok" if ok else "non_finite", "reason": "", "key": ""},
            **{"swap_status": "ok" if swapped else "no_partner", "swap_reason": ""},
            **{"prompt_unchanged": case.prompt_full, "prompt_omit": case.prompt_masked},
            "prompt_swap": case.prompt_full.replace("dog", "cat") if swapped else "",
        }
        rows.append(row | numbers)
    frame = pd.DataFrame(rows, columns=list(EDIT_COLUMNS))
    for shard, part in enumerate((frame[:3], frame[3:])):
        write_table(tmp_path / f"shard-{shard:04d}.parquet", part.reset_index(drop=True), EDIT_COLUMNS)
    correlations = {
        **{"dataset": "scenes", "level": "image", "intervention": "omit", "predictor": "cmi_o", "change": "latent_l2"},
        **{"r": 0.5, "r_low": 0.4, "r_high": 0.6, "n": 5},
    }
    pd.DataFrame([correlations]).to_parquet(tmp_path / "editing.parquet")
    return tmp_path


def strips_of(study: Path, panels: int = 8) -> int:
    """Draw strips and sheet; returns the stage's exit status."""
    return main(
        [
            "plot_edit_strips",
            *inputs(study),
            "--settings",
            settings("plot_edit_strips", figures=FiguresSection(panels=panels)),
        ]
    )


def correlations_of(study: Path) -> int:
    """Draw scatter and correlations; returns the stage's exit status."""
    statistics = StatisticsSection(bootstrap=200, confidence=0.9)
    decided = ["--settings", settings("plot_edit_correlations", statistics=statistics), "--seed", "3"]
    table = ["--table", str(study / "editing.parquet")]
    return main(["plot_edit_correlations", *inputs(study), *table, *decided])


def inputs(study: Path) -> list[str]:
    return [
        *("--cases", str(study / "cases.parquet"), "--edits"),
        *(str(study / f"shard-{shard:04d}.parquet") for shard in range(2)),
        *("--maps", str(study / "edits"), "--dataset", "scenes", "--output-dir", str(study / "figures")),
    ]


def test_points_hold_totals_and_the_correlation_of_the_maps(study: Path) -> None:
    cases = pd.read_parquet(study / "cases.parquet")
    edits = read_edits(sorted(study.glob("shard-*.parquet")), cases).assign(image=[0, 0, 1, 1, 2, 2])
    table = edit_points(edits, study / "edits")
    assert table["intervention"].value_counts().to_dict() == {"omit": 5, "swap": 4}
    first = table[table["case_id"] == cases["case_id"][0]]
    np.testing.assert_allclose(first["r"], 1.0, atol=1e-6)
    np.testing.assert_allclose(first["change"], first["cmi"], rtol=1e-5)
    swapped = edits.loc[0, "cmi_swap_o"]
    assert first.set_index("intervention")["cmi"]["swap"] == swapped


def test_the_stages_write_four_figures_and_say_what_they_chose(study: Path) -> None:
    assert strips_of(study) == correlations_of(study) == 0
    names = {path.name for path in (study / "figures").iterdir()}
    assert names == {
        f"{name}-scenes.{suffix}"
        for name in ("strips", "sheet", "scatter", "correlations")
        for suffix in ("png", "pdf", "provenance.json")
    }
    record = json.loads((study / "figures" / "strips-scenes.provenance.json").read_text())
    chosen = [edit for kind in ("agreements", "misses") for edit in record["extra"][kind]]
    assert len(chosen) == len({edit["case_id"] for edit in chosen}) == 4
    assert chosen[0]["r"] > 0.99
    assert [record["extra"][name] for name in ("cases", "failed", "swapped", "without_r")] == [6, 1, 4, 0]
    assert {"cases.parquet", "shard-0000.parquet", "style.mplstyle"} <= {Path(name).name for name in record["inputs"]}
    assert sorted(record["section"]) == ["font", "format", "palette", "panels"]
    scattered = json.loads((study / "figures" / "scatter-scenes.provenance.json").read_text())
    assert (
        scattered["section"]["statistics"] == {"bootstrap": 200, "confidence": 0.9} and scattered["extra"]["seed"] == 3
    )


def test_the_scatter_has_the_resamples_of_the_tables(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(
        plot_edit_correlations.editing_scatter,
        "draw",
        lambda *arguments: given.append(arguments) or sentence_figure("", ""),
    )
    assert correlations_of(study) == 0
    frame, failed, weights, confidence = given[0]
    np.testing.assert_array_equal(weights, resample_weights(3, 200, generator_of(3, "scenes", "bootstrap")))
    assert failed == 1 and confidence == 0.9 and frame["image"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2]


def test_missing_files_of_a_case_are_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = pd.read_parquet(study / "cases.parquet")["case_id"][0]
    (study / "edits" / case / "unchanged.png").unlink()
    assert strips_of(study) == 1
    assert f"{case}/unchanged.png: no such file" in capsys.readouterr().err
    (study / "edits" / f"{case}.npz").unlink()
    assert strips_of(study) == 1
    assert f"{case}.npz: no such file" in capsys.readouterr().err


def test_without_a_finished_case_the_figures_say_so(study: Path) -> None:
    for path in study.glob("shard-*.parquet"):
        write_table(path, pd.read_parquet(path).assign(status="non_finite"), EDIT_COLUMNS)
    assert strips_of(study) == correlations_of(study) == 0
    assert (study / "figures" / "strips-scenes.png").is_file()
    assert (study / "figures" / "scatter-scenes.pdf").is_file()
