"""The figures of one caption, of information, of the localisation table and of Table 4: what they show."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from infodecomp.figures import (
    denoising_strip,
    editing_correlations,
    information_scatter,
    integrand_curves,
    localisation_scores,
    teaser,
)
from infodecomp.figures.coloured_caption import caption_pieces
from infodecomp.figures.denoising_strip import StripWord
from infodecomp.figures.integrand_curves import CaseCurves, band
from infodecomp.figures.style import COLUMN, PAGE, STYLE_FILE, colour_map, figure_style, save_figure
from infodecomp.figures.teaser import TeaserWord, most_nats
from infodecomp.information.scatter_panels import scatter_panels
from infodecomp.runs.seeds import generator
from infodecomp.stages.plot_integrand_curves import first_of_each_label

NAN = float("nan")


def words(figure: Figure) -> list[str]:
    """What is written in a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


# --- Style ----------------------------------------------------------------------------------------------------------


def test_one_file_has_the_settings_and_they_end_with_the_block() -> None:
    import matplotlib as mpl

    before = mpl.rcParams["pdf.fonttype"]
    with figure_style():
        assert mpl.rcParams["pdf.fonttype"] == 42 and mpl.rcParams["svg.fonttype"] == "path"
        assert mpl.rcParams["image.cmap"] == "cividis"
    assert mpl.rcParams["pdf.fonttype"] == before
    assert STYLE_FILE.suffix == ".mplstyle" and (COLUMN, PAGE) == (3.25, 6.75)


def test_jet_is_drawn_only_when_asked_for_by_the_name_of_the_paper() -> None:
    assert colour_map("paper").name == "jet"
    assert colour_map("magma").name == "magma"


# --- One caption ----------------------------------------------------------------------------------------------------

CAPTION = "a dog below a $5 cat"


def teaser_words() -> list[TeaserWord]:
    nats = {"a": 0.1, "dog": 9.5, "below": 3.0, "5": 2.0, "cat": 4.0}
    return [
        TeaserWord(text, [(at, at + len(text)) for at in places(text)], value, 0.25, np.full((8, 8), value / 64))
        for text, value in nats.items()
    ]


def places(word: str) -> list[int]:
    return [
        at
        for at in range(len(CAPTION))
        if CAPTION[at:].startswith(word)
        and (at == 0 or CAPTION[at - 1] in " $")
        and (at + len(word) == len(CAPTION) or CAPTION[at + len(word)] == " ")
    ]


def test_teaser_colours_every_word_and_maps_the_three_that_tell_most() -> None:
    figure = teaser.draw(np.zeros((8, 8, 3), np.uint8), CAPTION, teaser_words(), "cividis", draws=50)
    written = words(figure)
    assert {"dog", "below", "cat", "9.5 ± 0.2", "0.1 ± 0.2"} <= set(written)
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["dog", "below", "cat"]
    assert written.count("0.1 ± 0.2") == 1  # the second "a" repeats no number
    fields = {text.get_text(): text.get_bbox_patch() for text in figure.findobj(Text) if text.get_bbox_patch()}
    assert fields["dog"].get_facecolor() == colour_map("cividis")(1.0)
    assert figure.get_figwidth() == pytest.approx(PAGE)


def test_captions_become_words_and_what_stands_between_them() -> None:
    (line,) = caption_pieces(CAPTION, teaser_words())
    assert [piece.text for piece in line] == ["a", "dog", "below", "a", "$", "5", "cat"]
    assert [piece.counted for piece in line if piece.text == "a"] == [True, False]
    assert len(caption_pieces(CAPTION, teaser_words(), characters=8)) > 1
    assert [word.text for word in most_nats(teaser_words(), 2)] == ["dog", "cat"]


def test_strip_has_a_picture_and_two_maps_at_each_level_on_one_scale() -> None:
    levels = np.linspace(0, 1, 3)[:, None, None] * np.ones((3, 4, 4))
    word = StripWord("dog", levels, 2 * levels, np.full((4, 4), 0.5), np.full((4, 4), 0.25))
    figure = denoising_strip.draw(
        np.zeros((3, 8, 8, 3), np.uint8),
        np.array([-4.0, 1.0, 6.0]),
        np.zeros((8, 8, 3), np.uint8),
        [word],
        "cividis",
        "n",
    )
    assert {"α = −4.0", "α = 6.0", "no noise", "integral", "dog", "8.00 nats", "4.00 nats"} <= set(words(figure))
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images and axes.images[0].get_array().ndim == 2]
    assert limits == [(0, 2)] * 3 + [(0, 0.5)] + [(0, 2)] * 3 + [(0, 0.5)]
    bars = {axes.get_ylabel(): axes.get_ylim() for axes in figure.axes if axes.get_ylabel()}
    assert bars == {"nats per unit of α": (0, 2), "nats": (0, 0.5)}


# --- Information ----------------------------------------------------------------------------------------------------


def test_bands_average_pairs_first_and_give_the_standard_error_of_the_mean() -> None:
    logsnr = np.repeat(np.arange(6.0), 2)
    values = np.array([0, 2, 2, 2, 2, 4, 10, 10, 10, 10, 10, 10], dtype=float)
    found = band(logsnr, values, points=2)
    assert found.logsnr.tolist() == [1.0, 4.0]
    assert found.mean.tolist() == [2.0, 10.0]
    assert found.error.tolist() == pytest.approx([1 / np.sqrt(3), 0.0])
    assert len(band(np.arange(4.0), np.ones(4), points=14).mean) == 1


def curves(label: str) -> CaseCurves:
    logsnr = np.linspace(-4, 6, 60)
    keys = [(method, estimator) for method in ("mi", "cmi") for estimator in ("standard", "orthogonal")]
    return CaseCurves(label, logsnr, {key: np.exp(-(logsnr**2)) for key in keys})


def test_curves_have_a_panel_a_case_with_four_lines_and_bands() -> None:
    figure = integrand_curves.draw([curves(f"thing {k}") for k in range(7)], "scenes")
    assert len(figure.axes) == 7 and all(len(axes.collections) == 4 for axes in figure.axes)
    assert all(len(axes.lines) == 5 for axes in figure.axes)  # with the line at zero
    assert any("7 cases of scenes" in text for text in words(figure))


def estimates() -> pd.DataFrame:
    rows = [
        (f"c{k}", str(k // 2), label, kind, k * 1.0, 2.0 * k)
        for k, (label, kind) in enumerate(
            [("dog", "noun"), ("cat", "noun"), ("dog", "noun"), ("red", "adjective"), ("dog", "noun")]
        )
    ]
    frame = pd.DataFrame(rows, columns=["case_id", "image_id", "label", "word_type", "mi", "cmi"])
    return frame.assign(prompt_full="x", prompt_word=frame["label"])


def test_scatter_has_classes_kinds_and_r() -> None:
    panels = scatter_panels({"scenes": estimates(), "again": estimates().iloc[:1]})
    assert [title for title, _ in panels] == ["scenes, by class", "again, by class", "all words, by kind"]
    assert [len(rows) for _, rows in panels] == [4, 1, 5]  # a word of a caption counts once
    figure = information_scatter.draw(panels, generator(0, "x"), 100, 0.95)
    written = words(figure)
    assert {"dog (3)", "adjective (1)", "fewer than 3 cases"} <= set(written)
    assert any(text.startswith("r = 1.00  [") for text in written)


def test_curves_are_of_the_first_case_of_each_label() -> None:
    arrays = {f"curve_{m}_{e}": [np.ones(3)] * 5 for m in ("mi", "cmi") for e in ("standard", "orthogonal")}
    table = estimates().assign(curve_logsnr=[np.full(3, float(k)) for k in range(5)], **arrays)
    chosen = first_of_each_label(table, 2)
    assert [(case.label, case.logsnr[0]) for case in chosen] == [("cat", 1.0), ("dog", 0.0)]


# --- Tables as figures ----------------------------------------------------------------------------------------------


def test_scores_have_a_dot_a_ring_and_a_number_a_row() -> None:
    rows = [("scenes", "whole_image", "-", 0, mode, 100, 0.1, 0.09, 0.11) for mode in ("oracle", "held_out")] + [
        ("scenes", "cmi", "orthogonal", 100, "oracle", 100, 0.6, 0.5, 0.7),
        ("scenes", "cmi", "orthogonal", 100, "held_out", 100, 0.55, 0.45, 0.65),
        ("scenes", "attention", "-", 50, "oracle", 0, NAN, NAN, NAN),
    ]
    names = ["dataset", "method", "estimator", "steps", "threshold_mode", "n", "miou", "miou_low", "miou_high"]
    figure = localisation_scores.draw(pd.DataFrame(rows, columns=names), 0.9)
    (axes,) = figure.axes
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [round(float(mark.get_xdata()[0]), 6) for mark in marks] == [10, 10, 60, 55]
    written = words(figure)
    assert {"scenes · 100 cases", "55.0  (45.0–65.0)", "no score", "CMI iᵒ"} <= set(written)
    assert any("90 % bootstrap" in text for text in written)


def correlations() -> pd.DataFrame:
    rows = [
        (level, intervention, predictor, "latent_l2", 0.5, 0.4, 0.6, 99)
        for level in ("image", "pixel")
        for intervention in ("omit", "swap")
        for predictor in ("cmi_o", "mi_o", "unknown")
    ]
    return pd.DataFrame(rows, columns=["level", "intervention", "predictor", "change", "r", "r_low", "r_high", "n"])


def test_correlations_have_a_panel_a_level_and_intervention() -> None:
    figure = editing_correlations.draw(correlations(), 0.95)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"word {what}, {level} · n = 99" for what in ("left out", "swapped") for level in ("images", "pixels")
    ]
    assert words(figure).count("0.50 [0.40, 0.60]") == 8
    nothing = editing_correlations.draw(correlations().assign(r=NAN), 0.95)
    assert any("nothing to correlate" in text for text in words(nothing))


@pytest.mark.parametrize(("panels", "width"), [(1, COLUMN), (2, PAGE), (3, PAGE)])
def test_files_are_a_column_or_a_page_wide(tmp_path: Path, panels: int, width: float) -> None:
    frame = estimates()[["image_id", "mi", "cmi"]].assign(group="noun")
    figure = information_scatter.draw([("words", frame)] * panels, generator(0, "x"), 100, 0.95)
    save_figure(figure, tmp_path / "scatter", "pdf")
    with Image.open(tmp_path / "scatter.png") as picture:
        assert picture.width == round(300 * width)
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", (tmp_path / "scatter.pdf").read_bytes())
    assert box and float(box[1]) == pytest.approx(72 * width, abs=0.1)


def test_what_is_wider_than_a_page_is_not_cut(tmp_path: Path) -> None:
    with figure_style():
        figure = Figure(figsize=(2, 1))
        figure.text(0, 0.5, "wide " * 40)
    save_figure(figure, tmp_path / "wide", "png")
    with Image.open(tmp_path / "wide.png") as picture:
        assert picture.width > 300 * PAGE
        assert np.asarray(picture.convert("L"))[:, -3:].min() > 250


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_equal_figures_give_equal_files(tmp_path: Path, suffix: str) -> None:
    for name in "ab":
        save_figure(editing_correlations.draw(correlations(), 0.95), tmp_path / name / "correlations", suffix)
    for end in ("png", suffix):
        first, second = ((tmp_path / name / f"correlations.{end}").read_bytes() for name in "ab")
        assert first == second
    if suffix == "pdf":
        assert b"/Type3" not in (tmp_path / "a" / "correlations.pdf").read_bytes()
