"""The page in a real Chromium, opened from disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from infodecomp.report.pictures import THUMBNAIL
from tests.unit.report_study import CAPTIONS, FALSE, HOSTILE, ReportStudy

api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

VIEWS = ("overview", "explorer", "edits", "codes", "captions")
OPENED = "#viewer[open] .stage[data-map]:not([data-map=''])"
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReportStudy:
    study = ReportStudy(tmp_path_factory.mktemp("report"))
    assert study.write() == 0
    return study


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
def open_page(chromium: Any, study: ReportStudy) -> Iterator[Open]:
    """Open a part of the page; at the end nothing may have gone wrong in it or been asked of another computer."""
    contexts, wrong = [], []

    def opened(part: str = "overview", *, folder: Any = None, **context: Any) -> Any:
        contexts.append(chromium.new_context(**{"viewport": {"width": 1200, "height": 800}, **context}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if _outside(request.url) else None)
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.goto(f"{((folder or study.page) / 'index.html').as_uri()}#{part}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def _outside(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:"))


def heat(page: Any, side: int = 0) -> str:
    """What the canvas over the image shows."""
    return str(page.locator(".heat").nth(side).evaluate("(canvas) => canvas.toDataURL()"))


def shown(page: Any) -> list[str]:
    return list(page.locator("#grid .card").evaluate_all("(cards) => cards.map((card) => card.dataset.id)"))


def chooser(page: Any, name: str) -> Any:
    """The list of choices of that name in the part that is shown."""
    return page.locator(f".view:not([hidden]) select[name={name}]")


def test_every_part_opens_and_texts_stay_texts(open_page: Open) -> None:
    page = open_page()
    for view in VIEWS:
        page.locator(f".top nav a[href='#{view}']").click()
        page.locator(f"#view-{view}").wait_for()
        assert [other for other in VIEWS if page.locator(f"#view-{other}").is_visible()] == [view]
    page.locator("#choice-grid .choice").first.wait_for()
    assert page.locator("#choice-grid .option").first.text_content() == HOSTILE + "true"
    assert page.locator("#choice-grid .option").nth(1).text_content() == FALSE
    page.goto(page.url.partition("#")[0] + "#explorer")
    assert page.locator("#grid .text").first.text_content() == HOSTILE
    page.locator("#grid .card").first.click()
    page.locator(OPENED).first.wait_for()
    assert page.locator("#viewer-captions .caption").text_content() == HOSTILE
    assert page.locator("#viewer img").first.get_attribute("alt") == HOSTILE
    assert page.evaluate("globalThis.stolen") is None


def test_a_word_under_the_pointer_shows_its_map_and_legend(open_page: Open) -> None:
    page = open_page("explorer/mine-00001")
    page.locator(OPENED).first.wait_for()
    dog, value = heat(page), page.locator(".value").first
    assert value.text_content() == "“dog” 3 ± 0.25 nats in total"
    assert page.locator(".pane .ends").first.inner_text().split() == ["0", "nats", "per", "cell", "1"]
    bed = page.get_by_role("button", name="bed", exact=True)
    bed.hover()
    assert heat(page) != dog and value.text_content() == "“bed” 4 ± 0.25 nats in total"
    page.mouse.move(5, 5)
    assert heat(page) == dog, "a word that was not chosen goes when the pointer goes"
    bed.click()
    page.mouse.move(5, 5)
    assert heat(page) != dog


def test_maps_that_no_word_has_are_not_offered(open_page: Open, study: ReportStudy, tmp_path: Path) -> None:
    shutil.copytree(study.page, tmp_path / "report")
    index = tmp_path / "report" / "data" / "images.js"
    forget = "for (const { words } of REPORT.images) for (const word of words) word.totals[4] = null;"
    index.write_text(f"{index.read_text(encoding='utf-8')}\n{forget}\n", encoding="utf-8")
    page = open_page("explorer/mine-00001", folder=tmp_path / "report")
    page.locator(OPENED).first.wait_for()
    buttons = "[...document.querySelectorAll('.pane:first-child .methods button')]"
    hidden = page.evaluate(f"{buttons}.map((button) => button.hidden)")
    assert hidden == [index == 4 for index in range(len(hidden))]


def test_both_maps_tell_the_value_under_the_pointer(open_page: Open) -> None:
    page = open_page("explorer/mine-00001")
    page.locator(OPENED).first.wait_for()
    page.keyboard.press("Shift+a")
    box = page.locator(".stage").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 8, box["y"] + 3 * box["height"] / 8)
    page.locator(".cross").first.wait_for()
    told = [page.locator(".value").nth(side).text_content() for side in (0, 1)]
    assert told == ["1 nats · row 2, column 1", "1 attention · row 2, column 1"]
    assert page.locator(".cross:visible").count() == 2
    page.mouse.move(5, 5)
    assert page.locator(".cross:visible").count() == 0


def test_controls_change_what_is_drawn(open_page: Open) -> None:
    page = open_page("explorer/mine-00001")
    page.locator(OPENED).first.wait_for()
    outline = page.locator(".outline").first
    drawn = outline.evaluate("(canvas) => canvas.toDataURL()")
    page.locator("#outline").uncheck()
    assert outline.evaluate("(canvas) => canvas.toDataURL()") != drawn
    page.locator("#opacity").fill("20")
    assert page.locator(".heat").first.evaluate("(canvas) => canvas.style.opacity") == "0.2"


def test_the_keyboard_alone_is_enough(open_page: Open) -> None:
    page = open_page("explorer")
    page.locator("#grid .card").first.focus()
    page.keyboard.press("Enter")
    page.locator(OPENED).first.wait_for()
    stages = page.locator(".stage")
    assert [stages.nth(side).get_attribute("data-map") for side in (0, 1)] == ["dog/cmi", "dog/mi"]
    page.keyboard.press("s")
    page.keyboard.press("Shift+o")
    assert [stages.nth(side).get_attribute("data-map") for side in (0, 1)] == ["dog/mi_standard", "dog/omit"]
    assert page.locator(".pane .ends").first.inner_text().split()[0] == "−1"
    page.keyboard.press("ArrowDown")
    assert stages.first.get_attribute("data-map") == "bed/mi_standard"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("location.hash === '#explorer/mine-00001'")
    assert page.locator("#viewer-captions .caption").text_content() == CAPTIONS[1]
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("location.hash === '#explorer/mine-00000'")
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()


def test_filters_and_order(open_page: Open) -> None:
    page = open_page("explorer")
    every = [f"mine-{number:05d}" for number in range(3)]
    assert shown(page) == every and page.locator("#found").text_content() == "3 images"
    chooser(page, "type").select_option("verb")
    assert shown(page) == every[2:] and page.locator("#found").text_content() == "1 of 3 images"
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("document.querySelectorAll('#grid .card').length === 3")
    chooser(page, "score").select_option("total")
    assert shown(page) == every[::-1]
    chooser(page, "direction").select_option("1")
    assert shown(page) == every
    chooser(page, "label").select_option("dog")
    chooser(page, "second").select_option(label="attention")
    chooser(page, "agreement").select_option("disagree")
    assert shown(page) == []
    chooser(page, "label").select_option("bed")
    assert shown(page) == every


def test_edits_have_a_slider_between_before_and_after(open_page: Open) -> None:
    page = open_page("edits")
    first = page.locator(".edit").first
    before = first.locator(".after").evaluate("(image) => getComputedStyle(image).clipPath")
    first.get_by_role("slider").fill("10")
    assert first.locator(".after").evaluate("(image) => getComputedStyle(image).clipPath") != before
    assert page.locator(".edit").count() == 6
    chooser(page, "label").select_option("dog")
    assert page.locator(".edit").count() == 3


def test_the_way_to_an_edit_moves_until_it_is_stopped(open_page: Open) -> None:
    page = open_page("edits")
    way = page.locator(".way")
    assert way.count() == 1 and page.locator(".edit").count() == 6, "of the first case only"
    picture = way.locator("img")
    assert picture.get_attribute("loading") == "lazy" and "“a cat”" in picture.get_attribute("alt")
    moving = picture.get_attribute("src")
    assert len(_frames(picture)) > 1
    way.get_by_role("button", name="Stop the transition: dog").click()
    assert picture.get_attribute("src") == page.locator(".edit .after").first.get_attribute("src") != moving
    assert len(_frames(picture)) == 1
    way.get_by_role("button", name="Play the transition: dog").click()
    assert picture.get_attribute("src") == moving
    page.get_by_role("button", name="Stop all motion").click()
    assert picture.get_attribute("src") != moving
    chooser(page, "kind").select_option("omit")
    assert len(_frames(picture)) == 1, "what was stopped stays so"


def _frames(picture: Any) -> set[bytes]:
    """What a picture shows within some seconds, at moments that no rhythm of its frames can meet alike."""
    picture.evaluate("(image) => image.decode()")
    shots = set()
    for milliseconds in (230, 90, 310, 150, 410, 70, 270, 190):
        shots.add(picture.screenshot())
        if len(shots) > 1:
            break
        picture.page.wait_for_timeout(milliseconds)
    return shots


def test_nothing_moves_where_less_motion_is_wanted(open_page: Open) -> None:
    page = open_page("edits", reduced_motion="reduce")
    picture = page.locator(".way img")
    assert len(_frames(picture)) == 1
    page.get_by_role("button", name="Play all").click()
    assert len(_frames(picture)) > 1
    page.emulate_media(reduced_motion="no-preference")
    # The page hears of a change when it is drawn next; two in between are none.
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Play all").wait_for()
    assert len(_frames(picture)) == 1


def test_captions_are_ranked_by_the_score_that_is_chosen(open_page: Open) -> None:
    page = open_page("captions")
    page.locator(".choice").first.wait_for()
    assert page.locator(".choice").count() == 2
    assert page.locator(".choice").nth(1).locator(".option").first.text_content() == FALSE
    chooser(page, "outcome").select_option("wrong")
    assert page.locator(".choice").count() == 1 and page.locator(".whisker").count() == 2
    chooser(page, "method").select_option("clip")
    assert page.locator(".choice").count() == 0


def test_captions_run_in_the_direction_of_their_letters(open_page: Open) -> None:
    page = open_page()
    for place in ("#explorer .text", "#explorer .caption", "#captions .option", "#edits .from", "#edits .to"):
        view, _, kind = place.partition(" ")
        page.goto(page.url.partition("#")[0] + view)
        if kind == ".caption":
            page.locator("#grid .card").first.click()
            page.locator(OPENED).first.wait_for()
        shown = page.locator({"#explorer": kind, "#captions": kind, "#edits": f".edit {kind}"}[view]).first
        shown.wait_for()
        for text, direction in (("כלב לבן", "rtl"), ("a dog", "ltr")):
            written = "(element, text) => { element.textContent = text; return getComputedStyle(element).direction; }"
            assert shown.evaluate(written, text) == direction, place


def code_maps(page: Any) -> list[str]:
    """The part and column of each map over the image of the part on codes, once they are drawn."""
    page.locator("#code-panes .stage[data-map]:not([data-map=''])").first.wait_for()
    stages = page.locator("#code-panes .stage")
    return [str(name) for name in stages.evaluate_all("(all) => all.map((stage) => stage.dataset.map)")]


def test_a_dimension_under_the_pointer_shows_its_pixels(open_page: Open) -> None:
    page = open_page("codes")
    assert code_maps(page) == [f"tint/{column}" for column in range(4)], "exact maps beside the decoder's"
    canvases = page.locator("#code-panes .heat")
    drawn = "(all) => all.map((canvas) => canvas.toDataURL())"
    tint, value = canvases.evaluate_all(drawn), page.locator("#code-panes .value").first
    assert len(set(tint)) == 4 and value.text_content() == "tint 3.50 ± 0.13 nats in total"
    place = page.get_by_role("button", name="place", exact=True)
    place.hover()
    assert code_maps(page)[0] == "place/0" and canvases.evaluate_all(drawn)[0] != tint[0]
    assert page.locator("#code-totals tr.shown th").text_content() == "place"
    page.mouse.move(5, 5)
    assert canvases.evaluate_all(drawn) == tint, "a part that was not chosen goes when the pointer goes"
    box = page.locator("#code-panes .stage").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 8, box["y"] + box["height"] / 8)
    assert value.text_content() == "2 nats · row 1, column 1"


def test_the_dimensions_of_a_code_name_their_factors(open_page: Open) -> None:
    page = open_page("codes")
    chooser(page, "model").select_option("code")
    assert code_maps(page) == ["z0/0", "z0/1"], "by the exact denoiser alone"
    note = page.locator("#code-note")
    assert note.text_content().endswith("over all images: tint 1.50 of 1.79, place 0.75 of 1.61 nats.")
    page.get_by_role("button", name="z2", exact=True).click()
    assert note.text_content().endswith("less than 0.05 nats each.")


def test_codes_by_the_keyboard_alone(open_page: Open) -> None:
    page = open_page("codes")
    code_maps(page)
    images = page.locator("#code-images button")
    images.first.focus()
    page.keyboard.press("ArrowRight")
    assert [images.nth(k).get_attribute("aria-pressed") for k in range(2)] == ["false", "true"]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Image 2 of 2"
    page.keyboard.press("ArrowDown")
    assert code_maps(page)[0] == "place/0"
    assert page.locator("#code-panes .value").first.text_content() == "place 4.75 ± 0.13 nats in total"
    page.locator("#code-parts button").first.focus()
    page.keyboard.press("ArrowUp")
    assert code_maps(page)[0] == "tint/0" and page.evaluate("document.activeElement.textContent") == "tint"


def test_phone_width(open_page: Open) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme="dark")
    for view in VIEWS:
        page.goto(page.url.partition("#")[0] + f"#{view}")
        page.locator(f"#view-{view}").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
    page.goto(page.url.partition("#")[0] + "#explorer/mine-00001")
    page.locator(OPENED).first.wait_for()
    assert page.locator("#viewer").evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
    page.get_by_role("button", name="bed", exact=True).tap()
    assert page.locator("#panes .stage").first.get_attribute("data-map") == "bed/cmi"
    page.goto(page.url.partition("#")[0] + "#codes")
    page.get_by_role("button", name="place", exact=True).tap()
    assert code_maps(page)[0] == "place/0"


@pytest.fixture(scope="module")
def thousand(study: ReportStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with a thousand images, each with a thumbnail of its own."""
    folder = tmp_path_factory.mktemp("large") / "report"
    shutil.copytree(study.page, folder)
    report = study.constant("images")
    generator = np.random.default_rng(0)
    for number in range(1000):
        coarse = Image.fromarray(generator.integers(0, 255, (12, 12, 3), dtype=np.uint8))
        coarse.resize((THUMBNAIL, THUMBNAIL)).save(folder / f"pictures/{number}.webp", quality=60, method=0)
    report["images"] = [
        {**report["images"][number % 3], "id": f"mine-{number:05d}", "thumbnail": f"pictures/{number}.webp"}
        for number in range(1000)
    ]
    (folder / "data" / "images.js").write_text(f"const REPORT = {json.dumps(report)};", encoding="ascii")
    return folder


def test_a_thousand_images_open_at_once(open_page: Open, thousand: Path) -> None:
    times = []
    for _ in range(2):
        page = open_page("explorer", folder=thousand)
        page.wait_for_function("document.querySelectorAll('#grid .card').length === 1000")
        times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(times) < 2000
    loaded = page.locator("#grid img").evaluate_all("(images) => images.filter((image) => image.complete).length")
    assert loaded < 400, "pictures far below wait until they are needed"


# From top to bottom, a quarter of the window a frame. Only cards are asked where they are: asking what is inside one that
# the browser skips would make it lay that out.
SCROLL = """async () => {
  const page = document.documentElement;
  const cards = [...document.querySelectorAll("#grid .card")];
  const within = ({ top, bottom }) => bottom > 0 && top < innerHeight;
  const visible = () => cards.filter((card) => within(card.getBoundingClientRect()));
  const bare = () => visible().filter((card) => !card.querySelector("img").complete).length;
  const frame = () => new Promise(requestAnimationFrame);
  const found = { height: page.scrollHeight, frames: [], bare: 0, seen: 0 };
  let last = await frame();
  while (scrollY < page.scrollHeight - innerHeight - 1) {
    scrollBy({ top: innerHeight / 4, behavior: "instant" });
    const now = await frame();
    found.frames.push(now - last);
    last = now;
    if (found.frames.length % 10 === 0) {
      found.bare += bare();
      found.seen += visible().length;
    }
  }
  const stopped = performance.now();
  while (bare()) await frame();
  return { ...found, drawn: performance.now() - stopped, end: page.scrollHeight };
}"""


@pytest.mark.parametrize("width", [1200, 360], ids=["desktop", "phone"])
def test_a_thousand_images_scroll_smoothly(open_page: Open, thousand: Path, width: int) -> None:
    """With slack for a busy machine that draws without a GPU: alone it takes some 20 ms a frame."""
    page = open_page("explorer", folder=thousand, viewport={"width": width, "height": 800})
    page.wait_for_function("document.querySelectorAll('#grid .card').length === 1000")
    found = page.evaluate(SCROLL)
    frames = sorted(found["frames"])
    assert len(frames) > 100
    assert frames[len(frames) // 2] < 100, "half of the frames come within so many milliseconds"
    assert frames[-1] < 1000, "nothing holds the page up"
    assert found["bare"] <= 0.1 * found["seen"], "pictures are there before they are scrolled to"
    assert found["drawn"] < 1000, "and where the scrolling ends"
    assert found["end"] == pytest.approx(found["height"], rel=0.05), "the scroll bar stays where it is"
