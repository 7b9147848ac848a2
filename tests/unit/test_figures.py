"""The localisation figures: what they show, and that their files are reproducible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.offsetbox import AnnotationBbox, TextArea

from infodecomp.figures import localisation_panels, threshold_curves
from infodecomp.figures.localisation_panels import Panel, caption_lines, split_at
from infodecomp.figures.style import ACCENT, METHOD_STYLES, PAGE, method_style, save_figure
from infodecomp.runs.errors import InputError


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(0)
    mask = np.zeros((16, 16), dtype=bool)
    mask[4:9, 4:12] = True
    return Panel(
        image=generator.integers(0, 255, (16, 16, 3), dtype=np.uint8),
        caption="two dogs for $5 on a bed",
        word="dogs",
        note="dog",
        cmi=generator.random((16, 16)),
        mi=2 * generator.random((16, 16)),
        cmi_nats=12.345,
        mi_nats=0.5,
        attention=generator.random((16, 16)),
        mask=mask,
        iou=0.456,
    )


@pytest.fixture
def curves() -> pd.DataFrame:
    threshold = np.linspace(0.1, 0.5, 5)
    rows = [
        ("whole_image", "-", 0, 0.15 + 0 * threshold),
        ("cmi", "orthogonal", 50, 0.3 + 0 * threshold),
        ("cmi", "orthogonal", 100, 0.4 - (threshold - 0.3) ** 2),
        ("cmi", "standard", 100, 0.9 + 0 * threshold),
        ("attention", "-", 100, np.full(5, np.nan)),
    ]
    frames = [
        pd.DataFrame(
            {
                "dataset": "scenes",
                "method": method,
                "estimator": estimator,
                "steps": steps,
                "threshold": threshold,
                "n": 100,
                "miou": miou,
                "miou_low": miou - 0.05,
                "miou_high": miou + 0.05,
            }
        )
        for method, estimator, steps, miou in rows
    ]
    return pd.concat(frames)


def texts(figure: object) -> list[TextArea]:
    """The pieces of all captions of a figure."""
    boxes = figure.findobj(AnnotationBbox)  # type: ignore[attr-defined]
    return [piece for box in boxes for piece in box.findobj(TextArea)]


def test_curves_show_the_largest_steps_of_the_orthogonal_estimator_in_percent(curves: pd.DataFrame) -> None:
    axes = threshold_curves.draw(curves).axes[0]
    lines = {tuple(np.round(line.get_ydata(), 6)) for line in axes.lines if len(line.get_xdata()) == 5}
    expected = 40 - 100 * (np.linspace(0.1, 0.5, 5) - 0.3) ** 2
    assert lines == {(15.0,) * 5, tuple(np.round(expected, 6))}
    labels = [text.get_text() for text in axes.texts]
    assert labels == ["whole image", "CMI, 100", "method, steps"]


def test_curves_mark_the_oracle_threshold(curves: pd.DataFrame) -> None:
    (dot,) = [line for line in threshold_curves.draw(curves).axes[0].lines if len(line.get_xdata()) == 1]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (pytest.approx(0.3), pytest.approx(40.0))


def test_curves_have_one_panel_a_dataset(curves: pd.DataFrame) -> None:
    both = pd.concat([curves, curves.assign(dataset="mine")])
    assert [axes.get_title(loc="left") for axes in threshold_curves.draw(both).axes] == [
        "scenes · 100 cases",
        "mine · 100 cases",
    ]


def test_labels_are_moved_apart_within_the_axes() -> None:
    heights = threshold_curves.spread(np.array([1.0, 1.1, 1.2, 9.9]), gap=1.0, low=0.5, high=10.0)
    assert (np.diff(heights) >= 1.0 - 1e-12).all()
    assert heights.min() >= 0.5 and heights.max() <= 10.0
    crowded = threshold_curves.spread(np.array([9.0, 9.5, 10.0]), gap=1.0, low=0.0, high=10.0)
    assert crowded.tolist() == [8.0, 9.0, 10.0]


def test_every_method_has_its_own_colour() -> None:
    assert len({style.colour for style in METHOD_STYLES.values()}) == len(METHOD_STYLES)
    assert method_style("a_new_one").label == "a new one"


def test_panels_write_the_word_in_colour_and_the_totals(panel: Panel) -> None:
    figure = localisation_panels.draw([panel], "cividis")
    pieces = {piece.get_text(): piece._text for piece in texts(figure)}
    assert list(pieces) == ["two ", "dogs", " for $5 on a bed", "   dog"]
    assert pieces["dogs"].get_color() == ACCENT and pieces["dogs"].get_fontweight() == "bold"
    assert pieces["two "].get_fontweight() == "normal"
    titles = [axes.get_title() for axes in figure.axes]
    assert {"12.3 nats", "CMI IoU 46 %", "0.50 nats"} <= set(titles)


def test_cmi_and_mi_share_a_scale_and_attention_has_its_own(panel: Panel) -> None:
    figure = localisation_panels.draw([panel], "cividis")
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images][1:4]
    assert panel.mi is not None
    assert limits == [(0.0, panel.mi.max()), (0.0, panel.mi.max()), (0.0, 1.0)]


def test_without_masks_there_is_no_mask_column(panel: Panel) -> None:
    def heads(panels: list[Panel]) -> list[str]:
        figure = localisation_panels.draw(panels, "cividis", "attention")
        return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_fontweight() == "bold"]

    bare = replace(panel, mask=None, iou=None)
    assert heads([bare]) == ["image", "MI", "CMI", "attention"]
    assert heads([bare, panel]) == ["image", "MI", "CMI", "attention", "mask"]


def test_a_missing_map_is_said(panel: Panel) -> None:
    figure = localisation_panels.draw([replace(panel, mi=None, mi_nats=float("nan"))], "cividis")
    assert "no map" in [text.get_text() for axes in figure.axes for text in axes.texts]


def test_more_rows_than_one_column_holds_are_set_in_two(panel: Panel) -> None:
    one = localisation_panels.draw([panel] * localisation_panels.ROWS_OF_ONE_COLUMN, "cividis")
    two = localisation_panels.draw([panel] * (localisation_panels.ROWS_OF_ONE_COLUMN + 1), "cividis")
    assert one.get_figwidth() <= PAGE and two.get_figwidth() <= PAGE + 0.3
    assert two.get_figheight() < one.get_figheight()


def test_an_unknown_palette_is_refused(panel: Panel) -> None:
    with pytest.raises(InputError, match="the palette is 'sunset'"):
        localisation_panels.draw([panel], "sunset")


def test_long_captions_are_cut_but_keep_the_word() -> None:
    caption = " ".join(f"word{number}" for number in range(60))
    assert caption_lines("a  short\none", "one", 40, 2) == ["a short one"]
    early = caption_lines(caption, "word2", 40, 2)
    assert early[0].startswith("word0") and early[-1].endswith("…")
    late = caption_lines(caption, "word40", 40, 2)
    assert late[0].startswith("… ") and "word40" in " ".join(late)
    assert all(len(line) <= 40 and len(lines) <= 2 for lines in (early, late) for line in lines)


def test_a_word_that_is_broken_between_lines_is_marked_on_both() -> None:
    assert split_at("a traffic", [(2, 15)]) == [("a ", False), ("traffic", True)]
    assert split_at("light here", [(-8, 5)]) == [("light", True), (" here", False)]
    assert split_at("none", []) == [("none", False)]


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_equal_figures_give_equal_files(panel: Panel, tmp_path: Path, suffix: str) -> None:
    first = save_figure(localisation_panels.draw([panel], "cividis"), tmp_path / "a" / "panels", suffix)
    second = save_figure(localisation_panels.draw([panel], "cividis"), tmp_path / "b" / "panels", suffix)
    assert [path.name for path in first] == list(dict.fromkeys(["panels.png", f"panels.{suffix}"]))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
