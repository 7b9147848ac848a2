"""Pairs of words: which, with which prompts, from any cases table or from a list; and what is said of bad lists."""

from __future__ import annotations

import math
import shutil
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import PairSelectionSection, PairsSection, default_config, section_json
from infodecomp.datasets.cases import cases_table, lost_case, make_case, write_cases
from infodecomp.datasets.pair_limits import PairLimits
from infodecomp.datasets.word_pairs import (
    pairs_by_class,
    pairs_listed,
    pairs_table,
    read_pair_list,
    read_pairs,
    surprisals,
)
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.tokenizers import Tokenizers
from infodecomp.pairs.left_out import left_out_sentence
from infodecomp.pairs.readable import planned_reader, word_reader
from infodecomp.runs.errors import InputError
from infodecomp.scenes.tagger import ScenesTagger
from tests.conftest import ROOT
from tests.stage_settings import settings

MODEL = default_config().model.without_mirrors.model_copy(update={"id": str(ROOT / "data/models/scenes")})
KINDS = ("noun+noun", "adjective+noun")


def case(image: str, caption: str, word: str, word_type: str = "noun") -> dict[str, str]:
    return make_case(
        dataset="d",
        image_id=image,
        image_path=f"{image}.png",
        caption=caption,
        word=word,
        label=word,
        word_type=word_type,
        ignore_case=True,
    )


CAPTION = "a small red dog left of a teddy bear on the grass"


@pytest.fixture
def cases() -> pd.DataFrame:
    return cases_table(
        [
            case("1", CAPTION, "dog"),
            case("1", CAPTION, "teddy bear"),
            case("2", "there is a bear", "bear"),
            case("3", "a dog and a dog", "dog"),
        ]
    )


def by_words(frame: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    return {(row["first"], row["second"]): row for _, row in frame.iterrows()}


def test_pairs_by_class_and_their_prompts(cases: pd.DataFrame) -> None:
    found = pairs_table(pairs_by_class("d", cases, kinds=KINDS, tagger=ScenesTagger(), join="and"))
    assert found["position"].tolist() == list(range(5)) and found["case_id"].is_unique
    rows = by_words(found)
    assert {pair: row["kind"] for pair, row in rows.items()} == {
        ("dog", "teddy bear"): "noun+noun",
        ("dog", "grass"): "noun+noun",
        ("teddy bear", "grass"): "noun+noun",
        ("small", "dog"): "adjective+noun",
        ("red", "dog"): "adjective+noun",
    }
    row = rows["dog", "teddy bear"]
    assert row["prompt_rest"] == "a small red left of a on the grass"
    assert row["prompt_rest_first"] == "a small red dog left of a on the grass"
    assert row["prompt_rest_second"] == "a small red left of a teddy bear on the grass"
    assert (row["prompt_first"], row["prompt_second"]) == ("dog", "teddy bear")
    assert row["prompt_both"] == "dog and teddy bear"
    assert row["case_first"] == cases["case_id"][0] and row["case_second"] == cases["case_id"][1]
    assert rows["red", "dog"]["prompt_both"] == "red dog" and rows["small", "dog"]["prompt_both"] == "small dog"
    assert rows["red", "dog"]["case_first"] == "" and rows["red", "dog"]["case_second"] == cases["case_id"][0]


def test_without_a_tagger_the_words_are_those_of_the_cases(cases: pd.DataFrame) -> None:
    """Anywhere in the dataset; "bear" inside "teddy bear" is no word of its own."""
    found = pairs_table(pairs_by_class("d", cases, kinds=KINDS, tagger=None, join="and"))
    assert list(by_words(found)) == [("dog", "teddy bear")]


def test_an_adjective_goes_with_the_noun_that_it_stands_before() -> None:
    frame = cases_table(
        [
            case("1", "a red car and a blue, old bus", "car"),
            case("1", "a red car and a blue, old bus", "bus"),
            case("1", "a red car and a blue, old bus", "red", "adjective"),
            case("1", "a red car and a blue, old bus", "blue", "adj"),
            case("1", "a red car and a blue, old bus", "old", "adjective"),
            case("2", "the car is red and a bus", "car"),
        ]
    )
    found = pairs_by_class("d", frame, kinds=("adjective+noun",), tagger=None, join="and")
    assert {(pair["first"], pair["second"]) for pair in found} == {("red", "car"), ("blue", "bus"), ("old", "bus")}


def test_captions_of_one_word_and_words_that_stand_there_twice(cases: pd.DataFrame) -> None:
    """A caption with one word, however often, has no pair; a word that stands there twice is taken out twice."""
    frame = cases_table([case("3", "a Dog and a dog", "dog"), case("4", "a dog, a cat, a dog", "cat")])
    rows = by_words(pairs_table(pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and")))
    assert list(rows) == [("dog", "cat")]
    assert rows["dog", "cat"]["prompt_rest_second"] == "a , a cat, a"


def test_so_many_captions_that_have_a_pair() -> None:
    frame = cases_table([case(str(n), f"a dog {n} on the bed", word) for n in range(4) for word in ("dog", "bed")])
    found = pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and", first=2)
    assert [pair["image_id"] for pair in found] == ["0", "1"]


def test_an_image_that_is_missing_loses_its_pairs(cases: pd.DataFrame) -> None:
    cases.loc[cases["image_id"] == "1", ["status", "reason"]] = ["image_missing", "the image is missing."]
    found = pairs_by_class("d", cases, kinds=KINDS, tagger=ScenesTagger(), join="and")
    assert found and {pair["status"] for pair in found} == {"image_missing"}
    lost = lost_case(
        dataset="d",
        image_id="9",
        image_path="9.png",
        word="bus",
        label="bus",
        word_type="noun",
        status="word_not_in_caption",
        reason="it is not there.",
        prompt_full="a dog on a bed",
    )
    frame = cases_table([lost, case("8", "a bed and a dog", "bed"), case("8", "a bed and a dog", "dog")])
    found = pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and")
    assert [found[0][name] for name in ("image_id", "status", "case_first")] == ["9", "ok", ""]


def write_list(folder: Path, text: str) -> Path:
    (folder / "pairs.csv").write_text(text, encoding="utf-8")
    return folder / "pairs.csv"


def test_pairs_of_a_list(cases: pd.DataFrame, tmp_path: Path) -> None:
    path = write_list(
        tmp_path,
        f"kind,first,second,caption,intervention\nmine,Teddy bear,dog,{CAPTION},a dog\n,grass,dog,,\n,bus,dog,,\n",
    )
    found, unused = pairs_listed("d", cases, read_pair_list(path), join="and")
    assert [(pair["first"], pair["second"], pair["kind"], pair["prompt_intervention"]) for pair in found] == [
        ("dog", "teddy bear", "mine", "a dog"),
        ("dog", "grass", "listed", ""),
    ]
    assert [row.line for row in unused] == [4]


def test_bad_rows_of_a_list_are_told_at_once(tmp_path: Path) -> None:
    path = write_list(
        tmp_path,
        "first,second,caption\n"
        "dog,,\n"
        "dog,Dog,\n"
        "dog,cat,a dog on a bed\n"
        "bear,teddy bear,a teddy bear\n"
        "dog,bed,a dog on a bed\n"
        "dog,bed,a dog on a bed\n",
    )
    with pytest.raises(InputError) as caught:
        read_pair_list(path)
    lines = str(caught.value).splitlines()
    assert [line.partition("line ")[2][0] for line in lines] == list("23457")
    assert "`second` is empty" in lines[0] and "two different words" in lines[1]
    assert "'cat' is not in the caption" in lines[2] and "overlap" in lines[3] and "as line 6" in lines[4]


def test_the_list_that_ships_is_whole() -> None:
    rows = read_pair_list(ROOT / "data/reference/word_pairs.csv")
    kinds = {row.kind for row in rows}
    assert kinds == {"homonym", "synonym", "co-hyponym", "attribute_bias"}
    assert all(row.caption and row.intervention and row.intervention != row.caption for row in rows)


def test_surprisal_is_that_of_the_captions_words(cases: pd.DataFrame) -> None:
    """12 + 4 + 5 words in three captions; a caption of an image counts once, whatever the case of its words."""
    found = surprisals(cases, ["Dog", "teddy bear"], "corpus")
    assert found == pytest.approx({"dog": math.log(21 / 3), "teddy bear": math.log(21 / 1)})
    assert surprisals(cases, ["dog", "bus"], "uniform") == {"dog": 0.0, "bus": 0.0}
    with pytest.raises(InputError, match="no caption of the cases table holds the word 'bus'"):
        surprisals(cases, ["bus"], "corpus")


def pair_words(folder: Path, **section: object) -> int:
    return main(
        [
            "pair_words",
            *("--dataset", "d", "--cases", str(folder / "cases.parquet"), "--output", str(folder / "pairs.parquet")),
            *("--model", section_json(MODEL)),
            *("--settings", settings("pair_words", pairs=PairsSection(selection=PairSelectionSection(**section)))),
        ]
    )


def test_the_stage_says_how_many(cases: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cases(tmp_path / "cases.parquet", cases)
    assert pair_words(tmp_path) == 0
    assert "5 pairs (3 noun+noun, 2 adjective+noun) in 1 of 3 captions" in capsys.readouterr().out
    assert len(read_pairs(tmp_path / "pairs.parquet")) == 5
    path = write_list(tmp_path, "first,second\ndog,grass\nbus,car\n")
    assert pair_words(tmp_path, list=str(path)) == 0
    assert "no caption holds the words of 1 rows; the first is line 3" in capsys.readouterr().out


def test_no_pair_at_all_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cases(tmp_path / "cases.parquet", cases_table([case("2", "bear", "bear")]))
    assert pair_words(tmp_path, tagger=None) == 1
    assert "gives no pair: none of its 1 captions holds words for noun+noun" in capsys.readouterr().err
    assert pair_words(tmp_path, list=str(tmp_path / "nothing.csv")) == 1
    assert "nothing.csv: no such file" in capsys.readouterr().err


def long_caption(words: int) -> tuple[pd.DataFrame, list[str]]:
    """A caption of so many nouns, each a case of its own."""
    nouns = [f"noun{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}" for n in range(words)]
    frame = cases_table([case("1", " ".join(nouns), noun) for noun in nouns])
    return frame, nouns


def test_of_too_many_pairs_those_of_the_first_words_are_made() -> None:
    frame, nouns = long_caption(40)
    limits = PairLimits(per_caption=10)
    found = pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and", limits=limits)
    assert [(pair["first"], pair["second"]) for pair in found] == list(combinations(nouns[:5], 2))
    assert limits.left_out == {"beyond the first 10 of a caption": 40 * 39 // 2 - 10}
    # As many as are allowed: nothing is left out, and the order is that of before.
    exact = PairLimits(per_caption=780, per_dataset=780)
    assert len(pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and", limits=exact)) == 780
    assert not exact.left_out


def test_a_dataset_has_a_limit_too() -> None:
    frame = cases_table(
        [case(str(n), f"a dog {n} on the bed, a cat", word) for n in range(4) for word in ("dog", "bed", "cat")]
    )
    limits = PairLimits(per_dataset=7)
    found = pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and", limits=limits)
    assert [pair["image_id"] for pair in found] == ["0", "0", "0", "1", "1", "1", "2"]
    assert limits.left_out == {"beyond the first 7 of the dataset": 5}
    # `first` counts captions that have pairs, made or not.
    limits = PairLimits(per_dataset=3)
    pairs_by_class("d", frame, kinds=KINDS, tagger=None, join="and", limits=limits, first=2)
    assert limits.left_out == {"beyond the first 3 of the dataset": 3}


def test_listed_pairs_have_the_same_limits(tmp_path: Path) -> None:
    frame, nouns = long_caption(40)
    rows = [f"{one},{other}" for one, other in combinations(nouns[:4], 2)]
    path = write_list(tmp_path, "\n".join(["first,second", *rows[::-1]]) + "\n")
    limits = PairLimits(per_caption=3, reads=lambda caption, word: word != nouns[0])
    found, unused = pairs_listed("d", frame, read_pair_list(path), join="and", limits=limits)
    assert [(pair["first"], pair["second"]) for pair in found] == list(combinations(nouns[1:4], 2))[::-1]
    assert limits.left_out == {"with a word beyond what the model reads": 3} and not unused


def test_only_words_that_the_model_reads_are_paired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """500 words are 124,750 pairs, most of them of words behind the last token; the model's own tokenizer says which."""
    frame, nouns = long_caption(500)
    write_cases(tmp_path / "cases.parquet", frame)
    assert pair_words(tmp_path, tagger=None, limits={"per_caption": None}) == 0
    offsets = LatentDiffusion.load(MODEL.id).token_offsets(" ".join(nouns))
    known = " ".join(nouns)[: max(end for _, end in offsets)].split()
    assert 5 < len(known) < 96
    pairs = len(known) * (len(known) - 1) // 2
    table = read_pairs(tmp_path / "pairs.parquet")
    assert set(table["first"]) | set(table["second"]) == set(nouns[: len(known)]) and len(table) == pairs
    reason = "with a word beyond what the model reads"
    assert f"left out: {124_750 - pairs} pairs {reason}\n" in capsys.readouterr().out
    sentence = left_out_sentence({"d": tmp_path / "pairs.parquet", "other": tmp_path / "none.parquet"})
    assert sentence == f"Left out: {124_750 - pairs:,} pairs of d {reason} (`pairs → selection → limits`)."
    # By default there is a limit, which the first words reach.
    assert pair_words(tmp_path, tagger=None) == 0
    assert len(read_pairs(tmp_path / "pairs.parquet")) == min(pairs, 300)


def test_short_captions_need_no_tokenizer(cases: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokenizers, "offsets", pytest.fail)
    reads = word_reader(MODEL)
    assert reads(CAPTION, "teddy bear")
    with pytest.raises(pytest.fail.Exception):
        reads("é" * 3, "é")
    with pytest.raises(pytest.fail.Exception):
        reads("dog " * 30, "dog")


def test_a_word_is_read_if_any_tokenizer_reads_it(tmp_path: Path) -> None:
    """As of pipelines with several text encoders."""
    for name, limit in (("tokenizer", 6), ("tokenizer_2", 12)):
        shutil.copytree(Path(MODEL.id) / "tokenizer", tmp_path / name)
        settings_file = tmp_path / name / "tokenizer_config.json"
        settings_file.write_text(settings_file.read_text().replace("96", str(limit)), encoding="utf-8")
    reads = word_reader(MODEL.model_copy(update={"id": str(tmp_path)}))
    words = ["a", "dog", "a", "dog", "a", "dog", "a", "cat", "a", "dog", "a", "bed", "a", "bear"]
    assert [reads(" ".join(words), word) for word in ("dog", "cat", "bed", "bear")] == [True, True, False, False]
    shutil.rmtree(tmp_path / "tokenizer_2")
    assert not word_reader(MODEL.model_copy(update={"id": str(tmp_path)}))(" ".join(words), "cat")


def test_a_plan_without_the_model_takes_all_words(tmp_path: Path) -> None:
    assert planned_reader(MODEL.model_copy(update={"id": str(tmp_path / "none")})) is None
    assert planned_reader(MODEL) is not None
    with pytest.raises(InputError, match=r"the model has no tokenizer \(tokenizer\.json or vocab\.json\)"):
        word_reader(MODEL.model_copy(update={"id": str(tmp_path)}))
