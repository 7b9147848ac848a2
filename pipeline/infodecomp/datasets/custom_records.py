"""What your own CSV or folder asks for: the cells of each case, with words from the captions where none are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from infodecomp.datasets.caption_files import captioned_images
from infodecomp.datasets.records import Record, raise_problems, read_records
from infodecomp.runs.errors import InputError
from infodecomp.words.content_words import content_words
from infodecomp.words.unicode_form import composed

_REQUIRED = ("image", "caption")
_OF_A_WORD = ("mask", "mask_value", "label", "word_type")
_OPTIONAL = ("word", *_OF_A_WORD)


def read_custom_records(path: Path, function_words: bool) -> tuple[list[Record], dict[int, str]]:
    """The cells of each case, and line → problem of the rows that give none.

    Without any word in the CSV, each content word of a caption becomes a record of its row, and its function words if
    `function_words`. Of a folder, images are counted in place of lines. Raises InputError as `read_records` and
    `captioned_images` do.
    """
    if path.is_dir():
        cells = dict.fromkeys(_OPTIONAL, "")
        found = enumerate(captioned_images(path), start=1)
        records = [Record(number, {"image": image, "caption": text, **cells}) for number, (image, text) in found]
        problems = dict[int, str]()
    else:
        records, problems = read_records(path, _REQUIRED, _OPTIONAL)
    if any(record.cells["word"] for record in records):
        return records, problems
    of_words = list[Record]()
    for record in records:
        words = content_words(composed(record.cells["caption"]), function_words=function_words)
        if problem := _problem_without_word(record.cells, words):
            problems[record.line] = problem
        of_words += [Record(record.line, {**record.cells, "word": word, "word_type": "unknown"}) for word in words]
    return of_words, problems


def _problem_without_word(cells: Mapping[str, str], words: Sequence[str]) -> str:
    """What is wrong with a row of a list without words; words: those of its caption that become cases."""
    empty = [name for name in _REQUIRED if not cells[name]]
    if empty:
        return f"`{'`, `'.join(empty)}` is empty."
    named = [name for name in _OF_A_WORD if cells[name]]
    if named:
        return (
            f"`{named[0]}` is {cells[named[0]]!r} without a word; name the word that it belongs to in a column `word`."
        )
    if not words:
        return (
            f"{cells['image']}: the caption {cells['caption']!r} has no content word; set `function_words: true` in the "
            "dataset's section, or name words in a column `word`."
        )
    return ""


def raise_row_problems(path: Path, problems: dict[int, str]) -> None:
    """Raise one InputError with a sentence a line; of a folder without the numbers of its images, which they name."""
    if problems and path.is_dir():
        raise InputError("\n".join(problems[number] for number in sorted(problems)))
    raise_problems(path, problems)
