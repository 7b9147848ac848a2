"""The rows of a CSV as spreadsheets write it: its encoding and its separator are found, not asked for.

Excel saves UTF-8 and UTF-16, with or without a byte-order mark, and separates cells by commas, or by semicolons where a
comma is the decimal sign, or by tabs; a first line `sep=;` says which. Of the separators the one is taken under which the
header names the columns that the table must have.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.words.unicode_form import composed

SEPARATORS = ",;\t|"
# What spreadsheets and editors leave around a cell: white space, also without a break or a width, and byte-order marks.
_AROUND = " \t\r\n\v\f\xa0\u2007\u202f\u200b\u2060\ufeff"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_REMEDY = "save it as “CSV UTF-8”, which spreadsheets offer under “Save as”"
# First bytes of files that are no text: Excel's workbooks, those of OpenDocument, and Excel's before 2007.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Row = tuple[int, list[str]]


def read_rows(path: Path, required: Sequence[str]) -> list[Row]:
    """The rows of a table that are not empty, the header first: (physical line on which it starts, from 1; stripped cells).

    required: columns by which the separator is known. Raises InputError if the file is no text in UTF-8 or UTF-16, or no
    CSV.
    """
    text = _decoded(path)
    stated = _SEPARATOR_LINE.match(text)
    separators = f"{stated.group(1)}{SEPARATORS}" if stated else SEPARATORS
    body, first = (text[stated.end() :], 2) if stated else (text, 1)
    try:
        separator = _separator(body, separators, required)
        return list(_rows(body, separator, first))
    except (csv.Error, TypeError, ValueError) as error:  # the last two for a separator that is none
        raise InputError(f"{path}: this is not a CSV in UTF-8 ({error}).") from error


def header_names(cells: Sequence[str]) -> list[str]:
    """Names of columns as they are compared: in lower case, `word type` as `word_type`."""
    return ["_".join(composed(cell).lower().split()) for cell in cells]


def _decoded(path: Path) -> str:
    data = checked(path).read_bytes()
    if data.startswith(_WORKBOOKS):
        raise InputError(f"{path}: this is a workbook of a spreadsheet, expected a CSV; {_REMEDY}.")
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this is not a CSV in UTF-8 ({error}); {_REMEDY}.") from error


def _encoding(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    # Of an ASCII character in UTF-16, one of two bytes is zero; a header is ASCII.
    head = data[:64]
    zeros = head[1::2].count(0), head[0::2].count(0)
    if max(zeros) > len(head) // 4:
        return "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"
    return "utf-8"


def _separator(text: str, separators: str, required: Sequence[str]) -> str:
    """The first separator under which the header names the required columns; else the first of all."""
    for separator in separators:
        header = next(_rows(text, separator, 1), (1, []))[1]
        if set(required) <= set(header_names(header)):
            return separator
    return separators[0]


def _rows(text: str, separator: str, line: int) -> Iterator[Row]:
    """line: number of the first line of the text."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = line
    for cells in reader:
        stripped = [cell.strip(_AROUND) for cell in cells]
        if any(stripped):
            yield before, stripped
        before = line + reader.line_num
