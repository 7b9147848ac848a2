"""The cases table of the retrieval study: one row per choice among captions of one image.

Its columns are `RETRIEVAL_CASE_COLUMNS`. Options are frozen here with the hash of the file and the versions of the taggers
that they come from: what reads this table never shuffles again. An option list is always a tuple, so that
nobody can change it in place. A case that cannot be scored stays in the table with a status and a reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.datasets.image_paths import none_exists, with_found_paths
from infodecomp.pictures.images import StoredImage, crop_box, read_header
from infodecomp.pictures.orientation import AS_STORED
from infodecomp.runs.assumptions import Assumptions
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table, write_table

RETRIEVAL_CASE_COLUMNS: dict[str, str] = {
    "case_id": "string",  # 16 hex digits, a hash of image, crop, options and truth
    "dataset": "string",
    "image_id": "string",  # image path and crop: cases that share both share their latent
    "image_path": "string",  # relative to the dataset's image folder
    "orientation": "int64",  # how the pixels of the file are turned: a value of EXIF, 1 as stored
    "crop": "string",  # "x,y,w,h" in pixels, or "" for the whole image
    "options": "list<string>",  # the captions to choose from, in the order of their source
    "truth": "int64",  # index of the true caption among the options
    "group": "string",  # relation, "attribute | attribute", or ""
    "caption": "string",  # the true caption as in the source
    "text_sha256": "string",  # of the file with the captions
    "tagger": "string",  # names and versions of what tagged and split the captions, or ""
    "status": "string",  # "ok" or a failure code
    "reason": "string",  # "" or one sentence
    "position": "int64",  # order in the dataset, from 0
}

RetrievalCase = dict[str, Any]


def make_retrieval_case(
    *,
    dataset: str,
    image_path: str,
    options: Sequence[str],
    truth: int,
    crop: str = "",
    group: str = "",
    caption: str = "",
    text_sha256: str = "",
    tagger: str = "",
    status: str = "ok",
    reason: str = "",
) -> RetrievalCase:
    """One case; `caption` is by default the true option. `position` is set by `retrieval_cases_table`.

    Raises InputError if an option is empty or there are fewer than two, or if `truth` is no index of theirs.
    """
    problem = _option_problem(options, truth)
    if problem:
        raise InputError(f"{problem}.")
    content = [image_path, crop, list(options), truth]
    return {
        "case_id": _digest(content),
        "dataset": dataset,
        "image_id": f"{image_path}@{crop}" if crop else image_path,
        "image_path": image_path,
        "orientation": AS_STORED,
        "crop": crop,
        "options": tuple(options),
        "truth": truth,
        "group": group,
        "caption": caption or options[truth],
        "text_sha256": text_sha256,
        "tagger": tagger,
        "status": status,
        "reason": reason,
    }


def retrieval_cases_table(cases: Sequence[RetrievalCase]) -> pd.DataFrame:
    """The table of `cases` in their order, with `position`.

    Published lists hold some cases more than once. Each occurrence counts, so that from its second one on a case has an
    id of its own.
    """
    frame = pd.DataFrame(list(cases), columns=[name for name in RETRIEVAL_CASE_COLUMNS if name != "position"])
    times = frame.groupby("case_id", sort=False).cumcount()
    frame["case_id"] = [
        _digest([case, int(time)]) if time else case for case, time in zip(frame["case_id"], times, strict=True)
    ]
    frame["position"] = range(len(frame))
    return frame


def ties(options: Sequence[str], truth: int) -> int:
    """How many false options read the same as the true one."""
    return sum(option == options[truth] for option in options) - 1


def mark_lost_images(frame: pd.DataFrame, folder: Path, assumptions: Assumptions | None = None) -> pd.DataFrame:
    """The table with a status for cases whose image cannot be scored; their ids stay. Only heads of files are read.

    A whole image is turned as its EXIF says; boxes count the pixels of an image as stored, as in Visual Genome, so that one
    with a crop is not. Either is added to `assumptions`.

    "image_missing": no such file in `folder`; "image_unreadable": no image; "bad_box": the crop has no area or lies wholly
    outside the image. Paths that are only written differently from those of the files are corrected. Raises InputError if no
    image exists.
    """
    frame = with_found_paths(frame, folder)
    wanted = sorted(set(frame.loc[frame["status"] == "ok", "image_path"]))
    if wanted and not any((folder / name).is_file() for name in wanted):
        raise none_exists(folder, wanted)
    sizes = {name: _measure(folder / name) for name in wanted}
    turns = {name: found.orientation for name, found in sizes.items() if isinstance(found, StoredImage)}
    frame["orientation"] = [
        AS_STORED if crop else turns.get(name, AS_STORED)
        for name, crop in zip(frame["image_path"], frame["crop"], strict=True)
    ]
    for name, crop in dict.fromkeys(zip(frame["image_path"], frame["crop"] != "", strict=True)):
        if assumptions is not None and turns.get(name, AS_STORED) != AS_STORED:
            because = "not applied, because boxes count the pixels as stored" if crop else "applied, as viewers do"
            assumptions.add(folder / name, f"EXIF orientation {turns[name]} is {because}")
    findings = [
        _finding(sizes[image_path], crop) if status == "ok" else (status, reason)
        for image_path, crop, status, reason in zip(
            frame["image_path"], frame["crop"], frame["status"], frame["reason"], strict=True
        )
    ]
    frame["status"] = [status for status, _ in findings]
    frame["reason"] = [reason for _, reason in findings]
    return frame


def write_retrieval_cases(path: Path, frame: pd.DataFrame) -> None:
    """Write a cases table; InputError that names every row without a usable list of options or with a repeated id."""
    _check(path, frame)
    write_table(path, frame, RETRIEVAL_CASE_COLUMNS)


def read_retrieval_cases(path: Path) -> pd.DataFrame:
    """Read a cases table; `options` are tuples.

    Raises InputError if the file or a column is missing, extra or of another type, and names every row without a usable
    list of options or with a repeated id.
    """
    frame = read_table(path, RETRIEVAL_CASE_COLUMNS)
    frame["options"] = pd.Series([tuple(options) for options in frame["options"]], index=frame.index, dtype=object)
    _check(path, frame)
    return frame


def _check(path: Path, frame: pd.DataFrame) -> None:
    problems = []
    repeated = frame["case_id"].duplicated()
    for row, (options, truth, twice) in enumerate(zip(frame["options"], frame["truth"], repeated, strict=True)):
        problem = _option_problem(options, truth)
        if problem:
            problems.append(f"{path}, row {row}: {problem}.")
        if twice:
            problems.append(f"{path}, row {row}: the case_id is already in an earlier row; ids must be unique.")
    if problems:
        raise InputError("\n".join(problems))


def _option_problem(options: Sequence[str], truth: int) -> str:
    if len(options) < 2:
        return f"the case has {len(options)} options; expected the true caption and at least one false one"
    if not 0 <= truth < len(options):
        return f"the options are without a truth: its index is {truth}; expected 0 to {len(options) - 1}"
    empty = [number for number, option in enumerate(options) if not option.strip()]
    return f"option {', '.join(map(str, empty))} is an empty caption; expected text" if empty else ""


def _measure(path: Path) -> StoredImage | tuple[str, str]:
    """The header of an image, or the status and reason of its cases."""
    if not path.is_file():
        return "image_missing", f"the image {path} is missing."
    try:
        return read_header(path)
    except InputError as error:
        return "image_unreadable", str(error)


def _finding(measured: StoredImage | tuple[str, str], crop: str) -> tuple[str, str]:
    if not isinstance(measured, StoredImage):
        return measured
    if not crop:
        return "ok", ""
    try:
        crop_box(crop, measured.size)
    except InputError as error:
        return "bad_box", str(error)
    return "ok", ""


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]
