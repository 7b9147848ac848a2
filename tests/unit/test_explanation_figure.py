"""Pictures of an explanation: the figure of all words, and the overlay of one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.offsetbox import TextArea
from PIL import Image

from infodecomp.explaining.explanation import Explanation
from infodecomp.explaining.figure import explanation_figure
from infodecomp.explaining.kinds import kinds_of
from infodecomp.explaining.overlay import OPACITY, word_overlay
from infodecomp.figures.style import colour_map
from infodecomp.runs.errors import InputError
from tests.unit.explained import CAPTION, explained


def titles(figure: Figure) -> list[str]:
    return [title for axes in figure.axes if (title := axes.get_title())]


def written(figure: Figure) -> list[str]:
    """Words and numbers of the caption."""
    return [area.get_text() for area in figure.findobj(TextArea)]


def field(figure: Figure, text: str) -> str:
    """Colour of the field of a word in the caption."""
    area = next(area for area in figure.findobj(TextArea) if area.get_text() == text)
    return to_hex(area.get_children()[0].get_bbox_patch().get_facecolor())


def maps(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images and axes.get_title()]


def test_every_word_is_coloured_and_mapped_on_one_scale() -> None:
    explanation = explained()
    figure = explanation_figure(explanation)
    assert titles(figure) == ["a", "blue", "dog", "below", "a (2)", "brown", "robot"]
    assert [text for text in written(figure) if text in CAPTION.split()] == CAPTION.split()
    assert "3.0 ± 0.3" in written(figure), "the number of the dog"
    assert field(figure, "robot") == to_hex(colour_map("cividis")(1.0))
    assert {axes.images[0].norm.vmax for axes in figure.axes if axes.get_title()} == {
        max(word.cmi.map.max() for word in explanation.words)
    }
    (shown,) = (heat for heat, title in zip(maps(figure), titles(figure), strict=True) if title == "dog")
    assert shown.shape == (32, 32) and np.unravel_index(shown.argmax(), shown.shape) == (25, 5)


def test_chosen_words_and_other_methods() -> None:
    explanation = explained()
    attention = explanation_figure(explanation, words=["dog", ("a", 1)], method="attention")
    assert titles(attention) == ["dog", "a (2)"] and "3.0 ± 0.3" in written(attention), "the caption keeps its CMI"
    signed = explanation_figure(explanation, method="mi", estimator="standard")
    assert field(signed, "robot") == to_hex(colour_map("PuOr_r")(1.0))
    bounds = signed.axes[-1].get_ylim()
    assert bounds[0] == -bounds[1], "zero is in the middle"


def test_words_that_failed_have_no_panel_and_warnings_are_in_the_note() -> None:
    figure = explanation_figure(explained(failed=["dog", "robot"], warnings=["only four draws"]))
    assert titles(figure) == ["a", "blue", "below", "a (2)", "brown"]
    assert written(figure).count("not measured") == 2
    assert "Warning: only four draws" in " ".join(text.get_text() for text in figure.texts)


def test_of_words_that_overlap_the_longer_is_in_the_caption_and_both_have_maps() -> None:
    figure = explanation_figure(explained("a teddy bear sits", ["bear", "teddy bear"]))
    assert titles(figure) == ["bear", "teddy bear"]
    assert [text for text in written(figure) if "±" not in text and text.strip()] == ["a", "teddy bear", "sits"]


def test_a_word_that_carries_nothing_is_drawn() -> None:
    explanation = explained("dog")
    nothing = replace(explanation.words[0].cmi, total=0.0, map=np.zeros((8, 8), np.float32))
    word = replace(explanation.words[0], quantities={("cmi", "orthogonal"): nothing})
    empty = replace(explanation, words=(word,))
    assert titles(explanation_figure(empty)) == ["dog"]
    assert np.array_equal(np.asarray(word_overlay(empty, "dog")), enlarged(empty))


def test_everything_is_within_the_figure_and_a_notebook_shows_it() -> None:
    figure = explanation_figure(explained("a photograph of a very large dog in an orange armchair beside a small lamp"))
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 >= 0 and drawn.x1 <= width and drawn.y0 >= 0 and drawn.y1 <= height
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_letters_that_no_font_has_are_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    explanation_figure(explained("狗 dog"))
    assert "has no glyph for 狗, drawn as boxes; name a font that has them as font=." in capsys.readouterr().out


def enlarged(explanation: Explanation) -> np.ndarray:
    return explanation.picture.repeat(16, 0).repeat(16, 1)


def test_cold_areas_stay_the_pictures_and_the_hottest_is_coloured() -> None:
    explanation = explained()
    drawn, before = np.asarray(word_overlay(explanation, "dog", own_scale=True)), enlarged(explanation)
    assert drawn.shape == (512, 512, 3)
    heat = explanation["dog"].cmi.map
    row, column = (64 * int(place) + 32 for place in np.unravel_index(heat.argmax(), heat.shape))
    hot = 255 * OPACITY * np.array(colour_map("plasma")(1.0)[:3]) + (1 - OPACITY) * before[row, column]
    assert np.abs(drawn[row, column] - hot).max() < 6
    cold = np.abs(drawn.astype(int) - before)[:64, 448:]
    assert cold.max() <= 1, "far from the dog"


def test_an_overlay_has_the_size_of_a_large_picture() -> None:
    assert word_overlay(replace(explained(), picture=np.zeros((600, 400, 3), np.uint8)), "dog").size == (400, 600)


def test_negative_cells_have_a_colour_of_their_own() -> None:
    explanation = replace(explained("dog"), picture=np.full((512, 512, 3), 255, np.uint8))
    quantity = replace(explanation["dog"].cmi, map=np.array([[1.0, 0.0], [0.0, -1.0]], np.float32))
    word = replace(explanation["dog"], quantities={("cmi", "standard"): quantity})
    drawn = word_overlay(replace(explanation, words=(word,)), "dog", estimator="standard", opacity=1.0)
    orange, purple = drawn.getpixel((5, 5)), drawn.getpixel((506, 506))
    assert orange[0] > orange[2] and purple[2] > purple[1] and purple != orange  # type: ignore[index]
    assert drawn.getpixel((506, 5)) == (255, 255, 255)


def test_a_weak_word_is_faint_unless_it_has_its_own_scale() -> None:
    explanation = explained()

    def change(image: Image.Image) -> float:
        return float(np.abs(np.asarray(image).astype(int) - enlarged(explanation)).mean())

    assert change(word_overlay(explanation, "blue")) < change(word_overlay(explanation, "blue", own_scale=True))
    assert change(word_overlay(explanation, "dog", opacity=0.2)) < change(word_overlay(explanation, "dog"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"word": "cat"}, r"no word 'cat'; its words are 'a', 'blue', 'dog', 'below', \('a', 1\), 'brown', 'robot'"),
        ({"word": ("dog", 1)}, r"no word \('dog', 1\)"),
        ({"method": "gradient"}, r"no map of the method 'gradient'; it has 'cmi' \(orthogonal\)"),
        ({"estimator": "best"}, r"no map of the method 'cmi' \(best\)"),
        ({"palette": "sunset"}, "'sunset'; it must be a Matplotlib colour map"),
        ({"opacity": 55}, "opacity is 55; it must be from 0"),
        ({"word": "robot"}, "the word 'robot' has no map of CMI: it stands beyond the 77 tokens"),
    ],
)
def test_what_is_not_there_is_one_sentence(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        word_overlay(explained(failed=["robot"]), **{"word": "dog", **options})  # type: ignore[arg-type]


def test_quantities_come_before_other_methods() -> None:
    labels = [kind.label for kind in kinds_of(explained())]
    assert labels == ["CMI", "MI", "CMI, signed", "MI, signed", "attention"]


def test_drawing_and_saving_import_no_torch() -> None:
    names = ("explanation", "figure", "overlay", "html", "archive")
    code = f"import sys, importlib\nfor name in {names!r}: importlib.import_module('infodecomp.explaining.' + name)\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "assert 'torch' not in sys.modules"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
