"""The page's folder: its index, its maps in 8 bits, and that every text of a study is shown as text."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from PIL import Image

from infodecomp.report.captions import caption_parts
from infodecomp.report.cells import Heading, Number, Table, interval
from infodecomp.report.explorer import PAIRS
from infodecomp.report.layout import StudyFolder
from infodecomp.report.pictures import quantise, tile_sheet
from infodecomp.report.records import evaluations
from infodecomp.report.rendering import environment, render
from infodecomp.report.scripts import as_json
from infodecomp.report.shown_maps import SHOWN_MAPS
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_counts
from infodecomp.runs.storage import write_table
from tests.unit.described_study import DESCRIBED, heat
from tests.unit.report_study import FALSE, GRID, HOSTILE, ReportStudy

PLACE = {method.id: number for number, method in enumerate(SHOWN_MAPS)}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReportStudy:
    study = ReportStudy(tmp_path_factory.mktemp("report"))
    assert study.write() == 0
    return study


def test_letters_of_methods_are_one_each() -> None:
    letters = [method.letter for method in SHOWN_MAPS]
    assert len(set(letters)) == len(letters)


def test_a_caption_is_cut_at_its_words() -> None:
    assert caption_parts("a bear, a teddy bear", ["bear", "teddy bear"]) == [
        ("a ", -1),
        ("bear", 0),
        (", a ", -1),
        ("teddy bear", 1),
    ]
    assert caption_parts("", []) == [("", -1)]
    assert "".join(part for part, _ in caption_parts(HOSTILE, ["dog", "bed", "script"])) == HOSTILE


def test_html_is_escaped() -> None:
    hostile = '<i> & "'
    body = [[hostile, Number(hostile, hostile, interval(0.5, 0.4, 0.6, ends=(0, 1), mark=0.1)), None, 7]]
    table = Table([hostile, Heading("b", hostile), "c", "d"], body, words=1, caption=hostile)
    template = '{% from "tables.html" import table %}{{ table(content) }}'
    html = environment().from_string(template).render(content=table)
    assert html.count("&lt;i&gt; &amp; &#34;") == 6 and "<i>" not in html and 'class="interval"' in html
    assert '<td class="word">' in html and '<td class="number">7</td>' in html
    with pytest.raises(UndefinedError):
        render("index.html")


def test_json_is_ascii_with_short_numbers_and_nothing_that_is_not_finite() -> None:
    assert as_json({"a": [0.123456789, float("nan"), float("inf"), 3], "b": "🐕</script>"}) == (
        '{"a":[0.12346,null,null,3],"b":"\\ud83d\\udc15\\u003c/script>"}'
    )


def test_eight_bits_hold_a_map_to_half_a_step() -> None:
    heat = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    found = quantise(heat)
    assert found is not None
    tile, (low, high) = found
    again = low + tile / 255 * (high - low)
    assert np.abs(again - heat).max() <= (high - low) / 510 * 1.001
    assert quantise(np.array([[np.nan]])) is None
    constant = quantise(np.full((2, 2), 3.0))
    assert constant is not None and constant[0].max() == 0 and constant[1] == (3.0, 3.0)


def test_tiles_lie_in_rows_and_columns() -> None:
    first, second = np.full((2, 3), 7, dtype=np.uint8), np.full((2, 3), 9, dtype=np.uint8)
    sheet = _pixels(tile_sheet([[first, None], [None, second]]))
    assert sheet.shape == (4, 6)
    assert (sheet[:2, :3] == 7).all() and (sheet[2:, 3:] == 9).all() and sheet[:2, 3:].max() == 0


def test_the_index_has_every_image_and_word(study: ReportStudy) -> None:
    report = study.constant("images")
    images = report["images"]
    assert [image["image"] for image in images] == ["0.png", "1.png", "2.png"]
    assert [word["word"] for word in images[2]["words"]] == ["dog", "bed", "bus"]
    assert "".join(part for part, _ in images[0]["captions"][0]) == HOSTILE
    assert all((study.page / image["picture"]).is_file() for image in images)
    assert report["pairs"] == [list(pair) for pair in PAIRS]
    for palette in report["palettes"].values():
        assert len(palette) == 256 and all(re.fullmatch("[0-9a-f]{6}", colour) for colour in palette)


def test_words_have_totals_scores_and_agreement(study: ReportStudy) -> None:
    dog, bed, lost = study.constant("images")["images"][2]["words"]
    cmi, attention, signed, omit = (PLACE[name] for name in ("cmi", "attention", "mi_standard", "omit"))
    assert dog["totals"][cmi] == 5.0 and dog["errors"][cmi] == 0.25
    assert dog["totals"][omit] == pytest.approx(14 * 0.01 + 1.5, rel=1e-3) and dog["errors"][omit] is None
    # The largest number of steps, and the threshold that is best for all cases.
    assert dog["precision"][cmi] == pytest.approx(4 / 5 - 0.04) and dog["iou"][cmi] == pytest.approx(0.4)
    assert dog["precision"][attention] is None
    assert dog["agreement"][PAIRS.index((cmi, attention))] == 1.0
    assert dog["agreement"][PAIRS.index((cmi, signed))] == -1.0
    assert bed["agreement"][PAIRS.index((cmi, attention))] < 0.2
    assert lost["problem"] == "the word 'bus' is not in the caption."
    assert set(lost["totals"]) == {None} and set(lost["agreement"]) == {None}


def test_the_maps_of_an_image_come_back(study: ReportStudy) -> None:
    script = (study.page / "maps" / "mine-00001.js").read_text(encoding="ascii")
    maps = json.loads(script.removeprefix('receiveMaps("mine-00001",').removesuffix(");\n"))
    sheet = _pixels(maps["sheet"])
    assert maps["grid"] == [GRID, GRID] and sheet.shape == (2 * GRID, len(SHOWN_MAPS) * GRID)
    for word, label in enumerate(("dog", "bed")):
        for method in SHOWN_MAPS:
            column = PLACE[method.id]
            tile = sheet[word * GRID :, column * GRID :][:GRID, :GRID]
            low, high = maps["scales"][word][column]
            heat = study.heat(label, method.prefix)
            assert np.abs(low + tile / 255 * (high - low) - heat).max() < 0.003
    assert maps["masked"] == [True, True]
    mask = _pixels(maps["masks"])[: maps["maskGrid"]] > 127
    assert mask.mean() == pytest.approx(0.25)


def test_edits_and_choices_are_complete(study: ReportStudy) -> None:
    edits = study.constant("edits")
    assert [edit["word"] for edit in edits] == ["dog", "bed"] * 3
    assert all((study.page / path).is_file() for edit in edits for path in edit["pictures"].values())
    assert edits[0]["captions"]["unchanged"] == HOSTILE and edits[0]["change"]["swap"] == pytest.approx(1.64)
    retrieval = study.constant("retrieval")
    assert list(retrieval["methods"]) == ["i_s", "clip"]
    first = retrieval["choices"][0]
    assert first["options"] == [FALSE, HOSTILE] and first["truth"] == 1
    assert first["scores"] == {"i_s": [[1.0, 0.5], [3.0, 0.5]], "clip": [[0.2, None], [0.3, None]]}


class _Reader(HTMLParser):
    """Elements and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_overview_shows_results_failures_and_provenance(study: ReportStudy) -> None:
    reader = _Reader()
    reader.feed((study.page / "index.html").read_text(encoding="utf-8"))
    assert "CMI iᵒ61.251.2–71.2" in reader.text
    assert reader.text.index("61.2") < reader.text.index("40.0"), "the best method comes first"
    assert "word_not_in_caption" in reader.text and "'bus'" in reader.text
    assert "5ha256" in reader.text and "2026-01-02T03:04:05+00:00" in reader.text
    # Three cases: 6 estimates of 40, 6 edits of 60, 2 images of 10 by one score.
    assert f"{6 * 40 + 6 * 60 + 2 * 10}, if every case ran alone" in reader.text
    assert "100 steps46.6not run61.251.2 to 71.2" in reader.text
    assert (
        "CMI iᵒ12.512.4 to 12.623.523.4 to 23.61.51.4 to 1.62.52.4 to 2.6–0.500.38 to 0.620.250.12 to 0.38passes"
        in reader.text
    )
    assert (
        "MI iᵒ12.512.4 to 12.623.523.4 to 23.61.51.4 to 1.62.52.4 to 2.6–0.500.38 to 0.620.250.12 to 0.38fails"
        in reader.text
    )
    assert "Further figures: caption" in reader.text and "teaser" in reader.text
    assert not [tag for tag, _ in reader.tags if tag == "i"]


def test_the_overview_shows_what_codes_say(study: ReportStudy) -> None:
    reader = _Reader()
    reader.feed((study.page / "index.html").read_text(encoding="utf-8"))
    assert "What does a code say about an image?" in reader.text
    assert "2.502.25 to 2.752.402.00 to 2.80" in reader.text, "the exact value beside the estimate"
    assert "not by one" in reader.text and "0.31 ± 0.01" in reader.text and "DiffAEMIG" in reader.text
    assert "Σ I(x; z_k)" in reader.text and "FactorVAE" not in reader.text, "columns without a value are left out"
    assert "it was too dark" in reader.text


def test_codes_come_with_their_maps(study: ReportStudy) -> None:
    codes = study.constant("codes")
    assert [(code["name"], code["parts"], len(code["columns"])) for code in codes] == [
        (name, list(parts), 4 if trained else 2) for name, (parts, trained) in DESCRIBED.items()
    ]
    factors, code = codes
    assert [image["image"] for image in factors["images"]] == ["000000", "000001"], "those with maps"
    # The whole is first, then each part alone, then each given the others.
    assert factors["images"][1]["totals"][1] == [[total, 0.125] for total in (4.75, 4.25, 2.75, 2.25)]
    assert factors["about"] == [] and code["about"][0] == [["tint", 1.5, 1.79], ["place", 0.75, 1.61]]
    text = (study.page / "maps" / f"{factors['images'][0]['id']}.js").read_text(encoding="ascii")
    maps = json.loads(text.partition(",")[2].removesuffix(");\n"))
    sheet, (height, width) = _pixels(maps["sheet"]), maps["grid"]
    for part in range(2):
        for column, (alone, exact) in enumerate(((False, True), (False, False), (True, True), (True, False))):
            low, high = maps["scales"][part][column]
            tile = sheet[part * height : (part + 1) * height, column * width : (column + 1) * width]
            assert low + tile / 255 * (high - low) == pytest.approx(heat(part, alone=alone, exact=exact))


def test_the_page_is_complete_in_its_folder_and_states_its_size(study: ReportStudy) -> None:
    reader = _Reader()
    reader.feed((study.page / "index.html").read_text(encoding="utf-8"))
    targets = [attributes.get("src") or attributes.get("href") or "" for _, attributes in reader.tags]
    for target in filter(None, targets):
        if not target.startswith(("#", "data:")):
            assert (study.page / target).is_file(), target
    stated = re.search(r"This page: ([\d.]+) MB", reader.text)
    assert stated is not None
    # Its record is written after it.
    files = [path for path in study.page.rglob("*") if path.is_file() and path.name != "report.provenance.json"]
    size = sum(path.stat().st_size for path in files)
    assert float(stated[1]) == pytest.approx(size / 1e6, abs=0.051)


def test_equal_pictures_are_written_once_and_large_ones_shrunk(tmp_path: Path) -> None:
    study = ReportStudy(tmp_path, images=1, side=400)
    assert study.write(picture=64) == 0
    image = study.constant("images")["images"][0]
    with Image.open(study.page / image["picture"]) as picture:
        assert picture.size == (64, 64)
    assert image["size"] == [400, 400]


def test_as_many_images_as_asked_for(tmp_path: Path) -> None:
    study = ReportStudy(tmp_path, images=4)
    assert study.write(images=2) == 0
    assert len(study.constant("images")["images"]) == 2


def test_a_missing_table_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = ReportStudy(tmp_path, images=1)
    (study.results / "mine" / "cases.parquet").unlink()
    assert study.write() == 1
    assert "mine/cases.parquet: no such file" in capsys.readouterr().err


def _pixels(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def test_shards_of_a_stage_may_be_counted_apart(tmp_path: Path) -> None:
    """Those of another run, with more shards, are left out."""
    for number in range(3):
        path = tmp_path / "mine" / "judge_maps" / f"shard-000{number}.parquet"
        write_table(path, pd.DataFrame({"evaluations": [100 + number]}), {"evaluations": "int64"})
    study = StudyFolder(tmp_path, {"mine": 1}, {"judge_maps": 2})
    assert evaluations(study, ["mine"]) == 201
    assert evaluations(StudyFolder(tmp_path, {"mine": 1}), ["mine"]) == 100
    with pytest.raises(InputError, match="expected STAGE=COUNT"):
        named_counts("--stage-shards", ["judge_maps"])
