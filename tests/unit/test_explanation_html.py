"""An explanation as HTML, in a real Chromium."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbconvert
import nbformat
import numpy as np
import pytest
from PIL import Image

from infodecomp.explaining.explanation import Explanation
from infodecomp.explaining.html import explanation_html, explanation_page, write_explanation_page
from infodecomp.runs.seeds import generator
from tests.unit.explained import HOSTILE, explained

api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium on the PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a page from disk; nothing may go wrong in it, and it may ask for no other file."""
    contexts, wrong = [], []

    def opened(text: str, **context: Any) -> Any:
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        contexts.append(chromium.new_context(**{"viewport": {"width": 1200, "height": 800}, **context}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        address = (tmp_path / "page.html").as_uri()
        page.on("request", lambda request: wrong.append(request.url) if _further(request.url, address) else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def _further(url: str, address: str) -> bool:
    """Whether something is loaded that is not in the page."""
    return url != address and not url.startswith("data:")


def readout(page: Any, number: int = 0) -> str:
    """What is said of the word that is shown in one of the explanations of a page."""
    texts = (
        page.locator("form")
        .nth(number)
        .locator(".idc-readout")
        .evaluate_all(
            "(all) => all.filter((one) => getComputedStyle(one).visibility === 'visible').map((one) => one.innerText)"
        )
    )
    assert len(texts) == 1, texts
    return " ".join(texts[0].split())


def heats(page: Any, number: int = 0) -> list[str]:
    """The maps that are over the picture."""
    return list(
        page.locator("form")
        .nth(number)
        .locator(".idc-stage .idc-of img")
        .evaluate_all(
            "(all) => all.filter((one) => one.checkVisibility({ visibilityProperty: true })).map((one) => one.alt + one.src)"
        )
    )


def word(page: Any, text: str, number: int = 0) -> Any:
    return page.locator("form").nth(number).locator(".idc-word", has_text=text).first


def test_a_word_under_the_pointer_shows_its_map_and_nats(open_page: Open) -> None:
    page = open_page(explanation_page(explained()))
    assert readout(page).startswith("robot CMI 7.0 ± 0.7 nats, 95 % interval 5.6 to 8.4"), "the most informative first"
    (robot,) = heats(page)
    word(page, "dog").hover()
    assert readout(page).startswith("dog CMI 3.0 ± 0.3 nats, 95 % interval 2.4 to 3.6")
    (dog,) = heats(page)
    assert dog.startswith("CMI map of dog") and dog != robot
    page.mouse.move(5, 5)
    assert heats(page) == [robot], "a word that was not chosen goes when the pointer goes"
    word(page, "dog").click()
    page.mouse.move(5, 5)
    assert heats(page) == [dog]


def test_the_map_is_where_the_word_is(open_page: Open) -> None:
    explanation = replace(explained(), picture=np.full((256, 256, 3), 128, np.uint8))
    page = open_page(explanation_page(explanation))
    word(page, "dog").hover()
    box = page.locator(".idc-stage").bounding_box()
    shot = page.locator(".idc-stage").screenshot()
    changed = np.abs(np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int) - 128).sum(axis=2)
    changed[:10] = changed[-10:] = changed[:, :10] = changed[:, -10:] = 0  # the stage has round corners
    row, column = np.unravel_index(changed.argmax(), changed.shape)
    heat = explanation["dog"].cmi.map
    down, right = np.unravel_index(heat.argmax(), heat.shape)
    assert abs(row / box["height"] - (down + 0.5) / 8) < 0.13 and abs(column / box["width"] - (right + 0.5) / 8) < 0.13
    assert changed[20:60, -60:-20].max() <= 6, "cold areas stay the picture's"


def test_the_keyboard_alone_is_enough(open_page: Open) -> None:
    page = open_page(explanation_page(explained()))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert readout(page).startswith("brown")
    ring = word(page, "brown").locator("span").evaluate("(one) => getComputedStyle(one).outlineStyle")
    assert ring == "solid"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert readout(page).startswith("a CMI 1.0"), "from the last to the first"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert readout(page).startswith("a MI 2.0 ± 0.2 nats") and heats(page)[0].startswith("MI map of a")
    address = page.url
    page.keyboard.press("Enter")
    page.wait_for_timeout(50)
    assert page.url == address, "Enter sends no form"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator(".idc-single input").is_checked()


def test_controls_change_what_is_drawn(open_page: Open) -> None:
    page = open_page(explanation_page(explained()))
    word(page, "blue").click()
    page.mouse.move(5, 5)
    shared = heats(page)
    page.get_by_label("each word on its own scale").check()
    own = heats(page)
    assert len(own) == 1 and shared != own
    page.locator(".idc-kind", has_text="CMI, signed").click()
    assert readout(page).split(" by the standard")[0].startswith("blue CMI, signed 1.0 ± 0.4 nats")
    assert "−" in readout(page), "the scale begins below zero"
    page.locator(".idc-kind", has_text="attention").click()
    assert heats(page)[0].startswith("attention map of blue") and "nats" not in readout(page)
    page.get_by_label("picture without map").check()
    assert heats(page) == []


def test_two_explanations_in_one_page_do_not_disturb_each_other_or_the_page(open_page: Open) -> None:
    first, second = explained(), explained("a cat on a mat", ["cat", "mat"])
    around = "<style>.caption{color:red}</style><p id='text'>text</p><table><tr><td id='cell'>1</td></tr></table>"
    plain = open_page(around)
    look = "(one) => JSON.stringify([...getComputedStyle(one)].map((name) => getComputedStyle(one)[name]))"
    before = [plain.locator(f"#{name}").evaluate(look) for name in ("text", "cell")]
    page = open_page(around + "".join(map(explanation_html, (first, second, first))))
    assert [page.locator(f"#{name}").evaluate(look) for name in ("text", "cell")] == before
    word(page, "cat", 1).click()
    word(page, "dog", 0).click()
    page.mouse.move(5, 5)
    assert [readout(page, number).split()[0] for number in range(3)] == ["dog", "cat", "robot"]
    page.locator("form").nth(2).locator(".idc-kind", has_text="attention").click()
    assert [heats(page, number)[0].partition(" map")[0] for number in range(3)] == ["CMI", "CMI", "attention"]


class Names(HTMLParser):
    """The names of a page's elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_texts_stay_texts_and_nothing_runs(open_page: Open) -> None:
    explanation = replace(
        explained(HOSTILE, ['"dog"', "bed"], warnings=[HOSTILE]), settings={"model": HOSTILE, "draws": [1, HOSTILE]}
    )
    text = explanation_page(explanation)
    parser = Names()
    parser.feed(text)
    assert not parser.names & {"script", "iframe"} and not any(name.startswith("on") for name in parser.attributes)
    page = open_page(text)
    caption = page.locator(".idc-caption").first.text_content()
    assert "<script>globalThis.stolen = 1</script> 'on' a " in caption and " 🐕 <b>naïve</b> </style>" in caption
    assert page.locator("img").first.get_attribute("alt") == HOSTILE and page.title().startswith('a "dog" &')
    assert page.evaluate("globalThis.stolen") is None


def test_words_without_maps_say_why(open_page: Open) -> None:
    page = open_page(explanation_page(explained(failed=["below"], warnings=["only four draws"])))
    word(page, "below").click()
    assert readout(page) == "below it stands beyond the 77 tokens that the model reads" and heats(page) == []
    assert page.get_by_role("note").inner_text() == "Warning. only four draws"
    row = page.locator("tbody tr").nth(3)
    assert row.inner_text().split("\t") == ["below", "it stands beyond the 77 tokens that the model reads"]
    assert page.locator("tbody tr").nth(4).inner_text().startswith("a (2)\t5.0 ± 0.5\t4.0 to 6.0")


def test_an_explanation_without_any_map_is_shown(open_page: Open) -> None:
    nothing = explained("a dog", failed=["a", "dog"])
    page = open_page(explanation_page(replace(nothing, caption_nats={}, settings={})))
    assert "77 tokens" in readout(page)


def test_too_few_draws_for_an_error_are_said(open_page: Open) -> None:
    explanation = explained("dog")
    unknown = replace(explanation["dog"].cmi, error=float("nan"))
    dog = replace(explanation["dog"], quantities={("cmi", "orthogonal"): unknown})
    page = open_page(explanation_page(replace(explanation, words=(dog,))))
    assert readout(page).startswith("dog CMI 1.0 nats; too few draws for an interval")
    assert "nan" not in page.locator("body").inner_text()


def test_captions_run_in_the_direction_of_their_letters(open_page: Open) -> None:
    page = open_page(explanation_page(explained("ילד רוכב")))
    boxes = [word(page, text).bounding_box()["x"] for text in ("ילד", "רוכב")]
    assert boxes[0] > boxes[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_can_be_read_on_light_and_dark_paper(open_page: Open, scheme: str) -> None:
    page = open_page(explanation_page(explained(failed=["below"], warnings=["few draws"])), color_scheme=scheme)
    paper = luminance(page.locator("form").evaluate("(one) => getComputedStyle(one).backgroundColor"))
    assert (paper > 0.5) == (scheme == "light")
    for place in (
        "form",
        ".idc-hint, legend",
        ".idc-word small",
        ".idc-text, .idc-word > span",
        "summary",
        ".idc-table td",
    ):
        ink = luminance(page.locator(place).first.evaluate("(one) => getComputedStyle(one).color"))
        behind = luminance(page.locator(place).first.evaluate(BACKGROUND))
        assert contrast(ink, behind) >= 4.5, place


def test_a_notebooks_own_theme_wins(open_page: Open) -> None:
    fragment = explanation_html(explained("dog"))
    page = open_page(f"<body data-jp-theme-light='true'>{fragment}", color_scheme="dark")
    assert luminance(page.locator("form").evaluate("(one) => getComputedStyle(one).backgroundColor")) > 0.5
    page = open_page(f"<body data-jp-theme-light='false'>{fragment}", color_scheme="light")
    assert luminance(page.locator("form").evaluate("(one) => getComputedStyle(one).backgroundColor")) < 0.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_explanations_show_in_the_cells_of_a_notebook(chromium: Any, tmp_path: Path, theme: str) -> None:
    """As JupyterLab shows them: beside each other, in its theme, and without its own looks of tables."""
    path = tmp_path / "notebook.html"
    path.write_text(notebook([explained(), explained("a cat on a mat", ["cat", "mat"])], theme), encoding="utf-8")
    with closing(chromium.new_context(color_scheme="dark" if theme == "light" else "light")) as context:
        page = context.new_page()
        page.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith(("file", "data")) else route.abort()
        )
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        assert page.locator(".jp-OutputArea-output form").count() == 2
        paper = luminance(page.locator("form").first.evaluate("(one) => getComputedStyle(one).backgroundColor"))
        assert (paper > 0.5) == (theme == "light"), "the notebook's theme, whatever the system prefers"
        word(page, "dog", 0).click()
        word(page, "cat", 1).click()
        page.mouse.move(5, 5)
        assert [readout(page, number).split()[0] for number in range(2)] == ["dog", "cat"]
        assert all(len(heats(page, number)) == 1 for number in range(2))
        page.locator("form summary").first.click()
        look = "(all) => [...new Set(all.map((one) => getComputedStyle(one).backgroundColor))]"
        assert page.locator("form tbody tr").evaluate_all(look) == ["rgba(0, 0, 0, 0)"]
        assert page.locator("form img").first.bounding_box()["width"] > 200


def notebook(explanations: Sequence[Explanation], theme: str) -> str:
    """The page of a notebook whose cells show explanations."""
    cells = [
        nbformat.v4.new_code_cell(
            "e",
            outputs=[nbformat.v4.new_output("display_data", {"text/html": explanation._repr_html_()})],
        )
        for explanation in explanations
    ]
    exporter = nbconvert.HTMLExporter(theme=theme)
    return str(exporter.from_notebook_node(nbformat.v4.new_notebook(cells=cells))[0])


BACKGROUND = """(one) => {
  while (getComputedStyle(one).backgroundColor === "rgba(0, 0, 0, 0)") one = one.parentElement;
  return getComputedStyle(one).backgroundColor;
}"""


def luminance(colour: str) -> float:
    """Relative luminance of WCAG."""
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_phone_width(open_page: Open) -> None:
    caption = "a pneumonoultramicroscopicsilicovolcanoconiosis and a dog in a very large room beside a window"
    page = open_page(
        explanation_page(explained(caption)),
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    word(page, "dog").tap()
    assert readout(page).startswith("dog") and heats(page)[0].startswith("CMI map of dog")
    assert page.locator(".idc-stage").bounding_box()["width"] > 300


def test_twelve_words_of_a_photograph_stay_below_two_megabytes(tmp_path: Path) -> None:
    text = "a photograph of one old dog and two young cats in boxes"
    explanation = noisy(explained(text, grid=64))
    assert len(explanation) == 12
    write_explanation_page(tmp_path / "explanation.html", explanation)
    assert (tmp_path / "explanation.html").stat().st_size < 2e6


def noisy(explanation: Explanation) -> Explanation:
    """With the picture, 512 x 512, and the maps as hard to compress as any."""
    picture = generator(0, "noise").integers(0, 255, (512, 512, 3), dtype=np.uint8)
    words = []
    for each in explanation.words:
        noise = generator(0, each.span.text).random((64, 64)).astype(np.float32)
        quantities = {key: replace(quantity, map=noise) for key, quantity in each.quantities.items()}
        words.append(replace(each, quantities=quantities))
    return replace(explanation, picture=picture, words=tuple(words))
