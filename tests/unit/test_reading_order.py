"""Captions in figures: as written, in the order in which they are read, in fonts that have their letters."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from infodecomp.figures import pair_maps, teaser
from infodecomp.figures.reading_order import visual_order, visual_runs
from infodecomp.figures.style import figure_style, save_figure

DOLLARS = 'the "$1,000" bed; bear $20% off'
HEBREW = "כלב לבן על הדשא"
HEAT = np.linspace(0, 1, 16).reshape(4, 4)
PICTURE = np.full((4, 4, 3), 128, dtype=np.uint8)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["a ", "dog", " on grass"], [(0, "a "), (1, "dog"), (2, " on grass")]),
        (["כלב ", "לבן", " על"], [(2, " על"), (1, "לבן"), (0, "כלב ")]),
        (["a dog ", "אב", " גד b"], [(0, "a dog "), (2, " גד"), (1, "אב"), (2, " b")]),
        (["אב ", "dog cat", " גד"], [(2, " גד"), (1, "dog cat"), (0, "אב ")]),
        (["אב ", "12", " גד"], [(2, " גד"), (1, "12"), (0, "אב ")]),
        (["كلب ", "على"], [(1, "على"), (0, "كلب ")]),
        (["a ", "", "dog"], [(0, "a "), (1, ""), (2, "dog")]),
        ([], []),
    ],
)
def test_pieces_stand_as_they_are_read(pieces: list[str], expected: list[tuple[int, str]]) -> None:
    assert [(index, text.removeprefix("\u200f")) for index, text in visual_runs(pieces)] == expected


def test_whole_pieces_are_ordered() -> None:
    assert visual_order(["a", "dog"]) == [0, 1]
    assert visual_order(HEBREW.split()) == [3, 2, 1, 0]


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text()]


def test_dollars_are_dollars_in_every_figure(tmp_path: Path) -> None:
    atoms, totals = np.zeros((4, 4, 4)), np.ones((2, 4))
    row = pair_maps.Row(DOLLARS, "$1,000", "$20", PICTURE, atoms, atoms, totals, totals)
    word = teaser.TeaserWord("$1,000", [(5, 11)], 1.0, 0.1, HEAT)
    for name, figure in {
        "pairs": pair_maps.draw([row], "n"),
        "teaser": teaser.draw(PICTURE, DOLLARS, [word], "cividis", 4),
    }.items():
        assert any("$1,000" in text.get_text() for text in texts(figure))
        assert not any(text.get_parse_math() for text in texts(figure))
        assert save_figure(figure, tmp_path / name, "pdf")


def test_a_caption_of_the_teaser_runs_from_right_to_left() -> None:
    words, start = [], 0
    for text in HEBREW.split():
        words.append(teaser.TeaserWord(text, [(start, start + len(text))], 1.0, 0.1, HEAT))
        start += len(text) + 1
    figure = teaser.draw(PICTURE, HEBREW, words, "cividis", 4)
    figure.canvas.draw()
    places = {text.get_text(): text.get_window_extent().x0 for text in texts(figure) if text.get_fontsize() == 14}
    assert sorted(places, key=lambda word: places[word]) == HEBREW.split()[::-1]


def written(folder: Path, text: str, font: str | None) -> np.ndarray:
    """Pixels of a figure with one text."""
    with figure_style():
        figure = Figure(figsize=(2, 0.5))
        figure.text(0.1, 0.3, text, fontsize=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Matplotlib's of missing glyphs among them
        save_figure(figure, folder / "one", "png", font)
    with Image.open(folder / "one.png") as image:
        return np.asarray(image.convert("L"))


def test_letters_that_the_font_lacks_are_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, "किक 熊 dog é", None)
    told = capsys.readouterr().out
    assert told == (
        f"warning: {tmp_path / 'one'}: DejaVu Sans has no glyph for क ि 熊, drawn as boxes; name a font that has them as "
        "figures → font.\n"
    )
    written(tmp_path, f"é {HEBREW} \u200f – α", None)
    assert capsys.readouterr().out == ""


def test_a_font_that_does_not_exist_is_said_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for font in ("No Such Sans", str(tmp_path / "absent.ttf")):
        written(tmp_path, "熊", font)
        assert f"figures → font is {font!r}, which is neither an installed font nor a file" in capsys.readouterr().out


def test_a_named_font_draws_what_the_other_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = "\u210a"  # DejaVu Sans lacks it, STIX has it; both come with Matplotlib
    box = written(tmp_path, letter, None)
    assert "DejaVu Sans has no glyph" in capsys.readouterr().out
    by_name = written(tmp_path, letter, "STIXGeneral")
    by_file = written(tmp_path, letter, font_manager.findfont("STIXGeneral"))
    assert capsys.readouterr().out == ""
    assert (by_name == by_file).all() and (by_name < 128).any()
    assert by_name.shape != box.shape or (by_name != box).any()
    assert (written(tmp_path, "dog", "STIXGeneral") == written(tmp_path, "dog", None)).all()
