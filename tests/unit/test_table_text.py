"""Tables as spreadsheets write them: encodings, separators, empty cells at the ends, and what is not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from infodecomp.datasets.records import Record, read_records
from infodecomp.datasets.word_pairs import is_pair_list
from infodecomp.runs.errors import InputError

REQUIRED, OPTIONAL = ("image", "caption", "word"), ("mask", "label")


def read(folder: Path, content: bytes) -> tuple[list[Record], dict[int, str]]:
    path = folder / "cases.csv"
    path.write_bytes(content)
    return read_records(path, REQUIRED, OPTIONAL)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_separator_and_line_end(tmp_path: Path, encoding: str, separator: str, end: str) -> None:
    lines = [["image", "caption", "word"], ["Bär.png", "ein weißer Bär", "Bär"], ["2.png", "a dog", "dog"]]
    records, problems = read(tmp_path, end.join([*map(separator.join, lines), ""]).encode(encoding))
    assert problems == {}
    assert [record.line for record in records] == [2, 3]
    assert records[0].cells == {"image": "Bär.png", "caption": "ein weißer Bär", "word": "Bär", "mask": "", "label": ""}


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("image;caption;word\n1.png;a dog, asleep;dog\n", "a dog, asleep"),
        ("image,caption,word\n1.png,a dog; asleep,dog\n", "a dog; asleep"),
        ("sep=;\nimage;caption;word\n1.png;a dog, asleep;dog\n", "a dog, asleep"),
        ('"sep=;"\r\nimage;caption;word\r\n1.png;a dog;dog\r\n', "a dog"),
        ("sep=;\nimage,caption,word\n1.png,a dog,dog\n", "a dog"),
        ("sep=\t\nimage\tcaption\tword\n1.png\ta dog\tdog\n", "a dog"),
        ('image\tcaption\tword\n1.png\t"a dog\nand a ""cat"""\tdog\n', 'a dog\nand a "cat"'),
        ("image,caption,word,,\n1.png,a dog,dog,,\n", "a dog"),
        ("image,caption,word\n1.png,a dog,dog,,\n", "a dog"),
        ("image,caption,word\n\n,,\n1.png,a dog,dog\n,,,,\n", "a dog"),
        ("image,caption,word,mask,label\n1.png,a dog,dog\n", "a dog"),
        ("image,caption,word,mask\n1.png,a dog,dog,,,\n", "a dog"),
        ("\xa0Image , CAPTION,Word\u200b\n1.png,\xa0a dog\u202f,dog\n", "a dog"),
        (",image,caption,word\n0,1.png,a dog,dog\n", "a dog"),
        ("word,image,caption\ndog,1.png,a dog\n", "a dog"),
    ],
)
def test_one_row_as_it_is_meant(tmp_path: Path, text: str, caption: str) -> None:
    (record,), problems = read(tmp_path, text.encode())
    assert problems == {}
    cells = record.cells
    assert (cells["image"], cells["caption"], cells["word"], cells["mask"]) == ("1.png", caption, "dog", "")


def test_lines_are_those_of_the_file_also_after_a_line_that_names_the_separator(tmp_path: Path) -> None:
    records, problems = read(
        tmp_path, b'sep=;\nimage;caption;word\n1.png;"a\ndog";dog\n\n2.png;a;b;c\n3.png;a dog;dog\n'
    )
    assert [record.line for record in records] == [3, 7]
    assert list(problems) == [6]


def test_a_column_without_a_name_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(tmp_path, b",image,caption,word\n0,1.png,a dog,dog\n")
    assert "cases.csv: column 1 has no name; it is left out." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "cells"),
    [("1.png,a dog, asleep,dog", 4), ("1.png,a dog, asleep,dog,,,", 7), ("1.png,a dog", 2)],
)
def test_a_row_that_can_be_read_two_ways_is_not_read(tmp_path: Path, row: str, cells: int) -> None:
    records, problems = read(tmp_path, f"image,caption,word\n{row}\n2.png,a cat,cat\n".encode())
    assert [record.line for record in records] == [3]
    assert problems[2].startswith(f"has {cells} cells, but the header names 3 columns; a text that holds the separator")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image;caption;word\n1.png;ein Bär;Bär\n".encode("cp1252"), "this is not a CSV in UTF-8 .*; save it as “CSV"),
        (b"PK\x03\x04 a workbook", "this is a workbook of a spreadsheet, expected a CSV; save it as “CSV UTF-8”"),
        (b"\xd0\xcf\x11\xe0 an older one", "this is a workbook of a spreadsheet"),
        (b"", "the header names nothing"),
        (b"image:caption:word\n1:2:3\n", "missing column image, caption, word; the header names 'image:caption:word'"),
        (b'image,caption,word\n1.png,"a dog,dog\n', "this is not a CSV in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_one_sentence_with_the_remedy(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content)
    assert "cases.csv" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_list_of_pairs_is_known_by_its_header(tmp_path: Path, separator: str) -> None:
    for columns, expected in ((("first", "second", "caption"), True), (("first", "second"), False)):
        path = tmp_path / "pairs.csv"
        path.write_text(separator.join(columns) + "\n", encoding="utf-16")
        assert is_pair_list(path) == expected
