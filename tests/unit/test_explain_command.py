"""`infodecomp explain`: its table at any width, its JSON, its files and its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from infodecomp import cli
from infodecomp.commands import explain as command
from infodecomp.explaining.explanation import Explanation, Quantity, Span, WordExplanation
from infodecomp.runs.shipped import shipped

NAN = float("nan")


def _quantity(total: float, error: float = 0.5) -> Quantity:
    return Quantity(total, error, np.full((2, 2), total / 4, dtype=np.float32))


def _word(text: str, start: int, cmi: float, mi: float = 1.0) -> WordExplanation:
    quantities = {("cmi", "orthogonal"): _quantity(cmi), ("mi", "orthogonal"): _quantity(mi)}
    return WordExplanation(Span(text, start, start + len(text)), quantities)


@pytest.fixture
def explanation() -> Explanation:
    lost = WordExplanation(Span("late", 18, 22), {}, {}, "word_truncated", "the word 'late' is beyond")
    words = (_word("dog", 0, 8.0), _word("蓝色", 4, 2.0), _word("extraordinarily", 7, 0.0), lost)
    nats = {"orthogonal": _quantity(12.5), "standard": Quantity(11.0, NAN, np.ones((2, 2)), NAN, NAN)}
    return Explanation(
        np.zeros((4, 4, 3), np.uint8), "dog 蓝色 extraordinarily late", words, nats, {"draws": 24}, ("Hm.",)
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (30, 45, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_table_has_a_bar_in_proportion(explanation: Explanation) -> None:
    lines = command.as_text(explanation, 100).splitlines()
    assert lines[0].split("  ")[0] == "word" and "CMI, nats [95 %]" in lines[0] and "MI, nats [95 %]" in lines[0]
    assert "8.00 [7.02, 8.98]" in lines[1]
    assert [line.count("█") for line in lines[1:5]] == [24, 6, 0, 0]
    assert lines[4].split() == ["late", "–", "–"]
    assert lines[-1] == "whole caption: 12.50 [11.52, 13.48] nats; log likelihood ratio 11.00"


@pytest.mark.parametrize("columns", [40, 59, 60, 72, 100, 200])
def test_the_table_fits_the_terminal(explanation: Explanation, columns: int) -> None:
    lines = command.as_text(explanation, columns).splitlines()
    assert all(command._width(line) <= columns for line in lines[:-1])
    ends = {command._width(line[: line.index("]") + 1]) for line in lines[1:4]}
    assert len(ends) == 1  # wide letters do not push the column away


def test_json_has_null_for_what_is_not_known(explanation: Explanation) -> None:
    found = json.loads(json.dumps(command.as_json(explanation, [Path("out/explanation.html")]), allow_nan=False))
    assert [row["word"] for row in found["words"]] == ["dog", "蓝色", "extraordinarily", "late"]
    dog, late = found["words"][0], found["words"][3]
    assert dog["cmi"] == 8.0 and dog["cmi_low"] == pytest.approx(7.02, abs=0.01) and dog["cmi_standard"] is None
    assert late["cmi"] is None and late["status"] == "word_truncated"
    assert found["caption_nats"] == {"orthogonal": 12.5, "standard": 11.0} and found["warnings"] == ["Hm."]
    assert found["files"] == ["out/explanation.html"] and found["settings"] == {"draws": 24}


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> int:
    monkeypatch.setattr(command, "write_files", lambda explanation, folder: [folder / "explanation.html"])
    return cli.main(["explain", *map(str, arguments)])


def test_a_photo_is_explained_with_a_loud_warning_of_the_embedded_model(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, photo, "a photo of a dog", "--word", "dog", "--word", "photo", "--draws", 6) == 0
    said = capsys.readouterr()
    assert said.err.startswith("warning: The embedded model knows 65 words and scenes of emoji alone")
    assert "splits 'photo' into single letters" in said.err and "6 draws are too few" in said.err
    assert [line.split()[0] for line in said.out.splitlines()[:3]] == ["word", "photo", "dog"]
    assert str(photo.with_name("photo-explained")) in said.out


def test_json_alone_is_on_the_output(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shipped(command.EMBEDDED).resolve()
    assert (
        _run(monkeypatch, photo, "a dog", "--model", model, "--draws", 6, "--json", "--out", tmp_path / "new/out") == 0
    )
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [row["word"] for row in found["words"]] == ["a", "dog"] and found["settings"]["model"] == str(model)
    assert "embedded" not in said.err and (tmp_path / "new/out").is_dir()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.png", "a dog"], "missing.png: no such file; expected an image."),
        (["PHOTO", "a dog", "--word", "cat"], "the word 'cat' is not in the caption"),
        (["PHOTO", "a dog", "--draws", "5"], "draws is 5; allowed are even numbers"),
        (["PHOTO", "a dog", "--model", "no/such/folder"], "neither an existing folder nor a Hub id"),
        (["PHOTO", "a dog", "--out", "PHOTO"], "cannot be made"),
        (["PHOTO", "a dog", "--device", "cuda:9"], "machine → device is 'cuda:9'"),
    ],
)
def test_bad_input_is_a_sentence_and_status_1(
    arguments: list[str],
    sentence: str,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(monkeypatch, *(str(photo) if text == "PHOTO" else text for text in arguments)) == 1
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert sentence in line and said.out == ""


@pytest.mark.parametrize("arguments", [[], ["photo.png"], ["photo.png", "a dog", "--draws", "many"], ["--mdoel", "x"]])
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["explain", *arguments])
    assert stopped.value.code == 2 and "usage: infodecomp explain" in capsys.readouterr().err


def test_without_the_embedded_model_the_remedy_is_said(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "EMBEDDED", "data/models/nowhere")
    assert _run(monkeypatch, photo, "a dog") == 1
    assert "where the checkout and the package have it" in capsys.readouterr().err


def test_ctrl_c_ends_it_without_a_traceback(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_make_folder", interrupt)
    assert _run(monkeypatch, photo, "a dog") == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_a_picture_that_ships_is_found_and_its_files_go_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(command, "_make_folder", lambda folder: made.append(folder))
    monkeypatch.setattr(command, "EMBEDDED", "data/models/nowhere")
    monkeypatch.chdir(tmp_path)
    assert _run(monkeypatch, "data/examples/scene.png", "a dog") == 1
    assert made == [Path("scene-explained")]


def test_the_files_are_a_page_a_figure_the_explanation_and_overlays(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["explain", str(photo), "a dog/a cat", "--draws", "6", "--out", str(out)]) == 0
    names = [
        "01-a.png",
        "02-dog.png",
        "03-a.png",
        "04-cat.png",
        "explanation.html",
        "explanation.png",
        "explanation.zip",
    ]
    assert sorted(path.name for path in out.iterdir()) == names
    again = Explanation.load(out / "explanation.zip")
    assert list(again) == ["a", "dog", ("a", 1), "cat"]
    shown = f"{again['dog'].cmi.total:.2f} [{again['dog'].cmi.interval()[0]:.2f}, {again['dog'].cmi.interval()[1]:.2f}]"
    assert shown in capsys.readouterr().out
    assert "dog" in (out / "explanation.html").read_text(encoding="utf-8")
