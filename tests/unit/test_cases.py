"""The cases table: prompts, stable ids, selection."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from infodecomp.datasets.cases import (
    CASE_COLUMNS,
    Case,
    cases_table,
    make_case,
    mark_missing_images,
    read_cases,
    write_cases,
)
from infodecomp.runs.errors import InputError


def case(caption: str = "A busy street with a bus", word: str = "bus", **others: str) -> Case:
    fields = {"dataset": "d", "image_id": "7", "image_path": "7.jpg", "label": "bus", **others}
    return make_case(caption=caption, word=word, **fields)  # type: ignore[arg-type]


def test_prompts() -> None:
    row = case("Two  buses and a bus", "buses", mask="coco:6")
    assert row["prompt_full"] == "Two  buses and a bus"
    assert row["prompt_context"] == "Two and a bus"
    assert row["prompt_masked"] == "Two  _ and a bus"
    assert (row["prompt_word"], row["prompt_label"], row["mask"]) == ("buses", "bus", "coco:6")
    assert (row["status"], row["reason"], row["word_type"]) == ("ok", "", "noun")


def test_a_word_in_another_case_counts_only_if_asked() -> None:
    arguments = {"dataset": "d", "image_id": "7", "image_path": "7.jpg", "label": "zebra", "word": "zebra"}
    strict = make_case(caption="Zebra by a zebras", **arguments)  # type: ignore[arg-type]
    assert strict["status"] == "word_not_in_caption"
    loose = make_case(caption="Zebra by a zebras", ignore_case=True, **arguments)  # type: ignore[arg-type]
    assert (loose["prompt_word"], loose["prompt_context"], loose["word"]) == ("Zebra", "by a zebras", "zebra")
    both = make_case(caption="Zebra by a zebra", ignore_case=True, **arguments)  # type: ignore[arg-type]
    assert (both["prompt_word"], both["prompt_context"], both["prompt_masked"]) == ("zebra", "by a", "_ by a _")


def test_a_lost_case_keeps_its_row_and_says_why() -> None:
    row = case("A busy street")
    assert row["status"] == "word_not_in_caption"
    assert "'bus'" in row["reason"] and "'A busy street'" in row["reason"]
    assert row["prompt_context"] == "" and row["mask"] == ""


def test_ids_are_known_and_depend_on_content_only() -> None:
    assert case()["case_id"] == "668a891f8d4ccf21"
    assert case(dataset="other", image_path="moved.jpg", word_type="thing")["case_id"] == case()["case_id"]
    different = [
        case(),
        case(image_id="8"),
        case(label="coach"),
        case(mask="coco:6"),
        case(word="street"),
        case("A busy street with a bus."),
        case(word_removal="substring"),
    ]
    assert len({row["case_id"] for row in different}) == len(different)
    assert all(len(row["case_id"]) == 16 for row in different)


def test_ids_do_not_depend_on_other_rows() -> None:
    rows = [case(image_id=str(number)) for number in range(5)]
    whole, part = cases_table(rows), cases_table(rows[3:])
    assert whole["case_id"].tolist()[3:] == part["case_id"].tolist()
    assert part["position"].tolist() == [0, 1]


def test_selection() -> None:
    rows = [case(image_id=str(n), label=label) for n, label in enumerate("aabbabc")]
    assert cases_table(rows, per_label=1)["image_id"].tolist() == ["0", "2", "6"]
    assert cases_table(rows, per_label=2, first=4)["image_id"].tolist() == ["0", "1", "2", "3"]
    assert cases_table(rows, first=2)["position"].tolist() == [0, 1]
    assert len(cases_table(rows, first=100)) == 7


def test_the_table_survives_writing(tmp_path: Path) -> None:
    frame = cases_table([case(), case("a dog\n", "dog"), case("nothing")])
    write_cases(tmp_path / "cases.parquet", frame)
    back = read_cases(tmp_path / "cases.parquet")
    assert list(back.columns) == list(CASE_COLUMNS)
    assert back.to_dict("records") == frame.to_dict("records")


def test_a_repeated_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 rows are not unique.*image 7.*'bus'"):
        write_cases(tmp_path / "cases.parquet", cases_table([case(), case()]))
    assert not (tmp_path / "cases.parquet").exists()


def test_missing_images_are_marked_and_keep_their_ids(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "7.jpg")
    frame = cases_table([case(), case(image_id="8", image_path="8.jpg"), case("nothing", image_path="9.jpg")])
    marked = mark_missing_images(frame, tmp_path)
    assert marked["status"].tolist() == ["ok", "image_missing", "word_not_in_caption"]
    assert "8.jpg" in marked["reason"][1]
    assert marked["case_id"].tolist() == frame["case_id"].tolist()
    assert frame["status"].tolist()[1] == "ok"
    with pytest.raises(
        InputError, match=r"none of the 2 images exists \(the first is .*\); the folder (is empty|holds)"
    ):
        mark_missing_images(frame, tmp_path / "elsewhere")
