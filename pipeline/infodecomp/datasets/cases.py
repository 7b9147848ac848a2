"""The cases table: one row per (image, word), the one table every chain starts from.

Its columns are `CASE_COLUMNS`. A case that could not be made stays in the table with a status other than "ok" and a
reason, so that no count shrinks silently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.datasets.image_paths import none_exists, with_found_paths
from infodecomp.pictures.orientation import AS_STORED
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table, write_table
from infodecomp.words.missing_word import missing_word
from infodecomp.words.occurrences import WordRemoval, find_word, mask_word, remove_word
from infodecomp.words.unicode_form import composed

CASE_COLUMNS: dict[str, str] = {
    "case_id": "string",  # 16 hex digits, a hash of the row's content
    "dataset": "string",
    "image_id": "string",
    "image_path": "string",  # relative to the dataset's image folder
    "orientation": "int64",  # how the pixels of the file are turned: a value of EXIF, 1 as stored
    "label": "string",
    "word": "string",
    "word_type": "string",  # noun, verb, numeral, …
    "prompt_full": "string",  # the caption
    "prompt_context": "string",  # the caption without the word
    "prompt_word": "string",  # the word as in the caption
    "prompt_label": "string",  # the label
    "prompt_masked": "string",  # the caption with `_` for the word
    "mask": "string",  # "coco:<category id>", "file:<path below the dataset's root>", "file[<value>]:<path>" or ""
    "status": "string",  # "ok" or a failure code
    "reason": "string",  # "" or one sentence
    "position": "int64",  # order in the dataset, from 0
}

Case = dict[str, Any]

# What identifies a case: its file, its dataset's name and its word class do not change a number.
_IDENTITY = (
    "image_id",
    "word",
    "label",
    "prompt_full",
    "prompt_context",
    "prompt_word",
    "prompt_label",
    "prompt_masked",
    "mask",
    "reason",
)


def make_case(
    *,
    dataset: str,
    image_id: str,
    image_path: str,
    caption: str,
    word: str,
    label: str,
    word_type: str = "noun",
    mask: str = "",
    word_removal: WordRemoval = "word",
    ignore_case: bool = False,
) -> Case:
    """One case with its prompts; status "word_not_in_caption" if the whole word is not in the caption.

    Caption and words are kept composed (Unicode's NFC).
    With `ignore_case` the caption may spell it in another case; `prompt_word` is its first spelling there.
    `word_removal` is the mode of `words.remove_word`. `position` is set by `cases_table`.
    """
    caption, word, label = composed(caption), composed(word), composed(label)
    spans = find_word(caption, word) or (find_word(caption, word, ignore_case=True) if ignore_case else [])
    if not spans:
        return lost_case(
            dataset=dataset,
            image_id=image_id,
            image_path=image_path,
            word=word,
            label=label,
            word_type=word_type,
            prompt_full=caption,
            status="word_not_in_caption",
            reason=missing_word(caption, word),
        )
    start, end = spans[0]
    found = caption[start:end]
    return _with_id(
        {
            "dataset": dataset,
            "image_id": image_id,
            "image_path": image_path,
            "label": label,
            "word": word,
            "word_type": word_type,
            "prompt_full": caption,
            "prompt_context": remove_word(caption, found, word_removal, ignore_case=ignore_case),
            "prompt_word": found,
            "prompt_label": label,
            "prompt_masked": mask_word(caption, found, ignore_case=ignore_case),
            "mask": mask,
            "status": "ok",
            "reason": "",
        }
    )


def lost_case(
    *,
    dataset: str,
    image_id: str,
    image_path: str,
    word: str,
    label: str,
    word_type: str,
    status: str,
    reason: str,
    prompt_full: str = "",
) -> Case:
    """A row for a case that could not be made: no prompts to estimate, no mask, a status and a reason."""
    return _with_id(
        {
            "dataset": dataset,
            "image_id": image_id,
            "image_path": image_path,
            "label": label,
            "word": word,
            "word_type": word_type,
            "prompt_full": prompt_full,
            "prompt_context": "",
            "prompt_word": "",
            "prompt_label": label,
            "prompt_masked": "",
            "mask": "",
            "status": status,
            "reason": reason,
        }
    )


def cases_table(cases: Sequence[Case], *, first: int | None = None, per_label: int | None = None) -> pd.DataFrame:
    """The table of `cases` in their order, with `position`; images are as stored unless a case has another `orientation`.

    `per_label` keeps the first cases of each label, `first` the first of what is left; None keeps all.
    """
    texts = [name for name, kind in CASE_COLUMNS.items() if kind == "string"]
    frame = pd.DataFrame(list(cases), columns=texts, dtype="str")
    frame["orientation"] = [int(case.get("orientation", AS_STORED)) for case in cases]
    if per_label is not None:
        frame = frame.groupby("label", sort=False).head(per_label)
    if first is not None:
        frame = frame.head(first)
    frame = frame.reset_index(drop=True)
    frame["position"] = range(len(frame))
    return frame


def mark_missing_images(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The table with status "image_missing" for cases whose image file is not in `folder`; their ids stay.

    Paths that are only written differently from those of the files are corrected. Raises InputError if no image exists.
    """
    frame = with_found_paths(frame, folder)
    wanted = sorted(set(frame.loc[frame["status"] == "ok", "image_path"]))
    missing = {name for name in wanted if not (folder / name).is_file()}
    if wanted and len(missing) == len(wanted):
        raise none_exists(folder, wanted)
    lost = (frame["status"] == "ok") & frame["image_path"].isin(missing)
    frame.loc[lost, "reason"] = [f"the image {folder / name} is missing." for name in frame.loc[lost, "image_path"]]
    frame.loc[lost, "status"] = "image_missing"
    return frame


def write_cases(path: Path, frame: pd.DataFrame) -> None:
    """Write a cases table; InputError if two rows are the same case."""
    duplicated = frame.loc[frame["case_id"].duplicated(keep=False)]
    if len(duplicated):
        row = duplicated.iloc[0]
        raise InputError(
            f"{path}: {len(duplicated)} rows are not unique cases, such as image {row['image_id']} with the word "
            f"{row['word']!r} in {row['prompt_full']!r}; each (image, caption, word, label, mask) may occur once."
        )
    write_table(path, frame, CASE_COLUMNS)


def read_cases(path: Path) -> pd.DataFrame:
    """Read a cases table; InputError if the file or a column is missing, extra or of another type."""
    return read_table(path, CASE_COLUMNS)


def _with_id(case: Case) -> Case:
    content = json.dumps([case[name] for name in _IDENTITY], ensure_ascii=False)
    return {"case_id": hashlib.sha256(content.encode()).hexdigest()[:16], **case}
