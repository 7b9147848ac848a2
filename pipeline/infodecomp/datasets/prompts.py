"""The table of prompts that images are made of, from the configuration or a user's CSV: one row an image."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.config import PromptListSection
from infodecomp.datasets.cases import Case, make_case
from infodecomp.datasets.folders import given_folder
from infodecomp.datasets.given_files import GivenFiles
from infodecomp.datasets.ids import one_id
from infodecomp.datasets.image_paths import find_path
from infodecomp.datasets.records import Record, raise_problems, read_records
from infodecomp.datasets.word_pairs import is_pair_list, read_pair_list
from infodecomp.pictures.orientation import AS_STORED
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked_sha256
from infodecomp.runs.shipped import shipped
from infodecomp.runs.storage import read_table, write_table
from infodecomp.words.letters import JOINED_WORD
from infodecomp.words.missing_word import missing_word
from infodecomp.words.occurrences import find_word
from infodecomp.words.unicode_form import composed

PROMPT_COLUMNS: dict[str, str] = {
    "case_id": "string",  # the image's id, which names its latents
    "image_id": "string",  # 16 hex digits, a hash of prompt, seed and what is given
    "image_path": "string",  # the given image, as the CSV names it; "" without
    "orientation": "int64",  # how the pixels of the given image are turned: a value of EXIF, 1 as stored
    "mask": "string",  # of the region to inpaint, as the CSV names it; "" without
    "prompt": "string",
    "words": "list<string>",  # its cases
    "seed": "int64",
    "status": "string",
    "reason": "string",
    "position": "int64",
}
_OPTIONAL = ("words", "seed", "image", "mask")

# Words of a prompt, with hyphens and apostrophes.
_WORD = re.compile(JOINED_WORD)


def prompt_table(section: PromptListSection) -> pd.DataFrame:
    """Rows of `PROMPT_COLUMNS`, in order: of prompts, of a CSV of them, or of the captions of a list of pairs of words.

    Raises one InputError naming every bad row: an empty prompt, one without words, words that are not in it or come
    twice, a seed that is not a whole number, an unreadable image or mask, a mask without an image or of another size, and a
    repeated row.
    """
    rows: list[dict[str, Any]] = []
    problems: dict[int, str] = {}
    if section.listed:
        path = shipped(section.listed)
        records, problems = _pair_records(path) if is_pair_list(path) else read_records(path, ("prompt",), _OPTIONAL)
    else:
        path = Path("generate → source → prompts")
        records = [
            Record(number, {**dict.fromkeys(_OPTIONAL, ""), "prompt": prompt.strip()})
            for number, prompt in enumerate(section.prompts or (), start=1)
        ]
    seen: dict[str, int] = {}
    files = GivenFiles(given_folder(section))
    for record in records:
        try:
            for row in _rows(record, files, section.seeds):
                first = seen.setdefault(str(row["image_id"]), record.line)
                if first != record.line or any(row["image_id"] == other["image_id"] for other in rows):
                    raise InputError(f"the same prompt, seed and image as line {first}.")
                rows.append(row)
        except InputError as error:
            problems[record.line] = str(error)
    orientations, misfits = files.orientations()
    raise_problems(path, {**problems, **misfits})
    print(*files.assumptions.lines(), sep="\n", end="\n" if files.assumptions else "")
    if not rows:
        raise InputError("generate → source → prompts is empty; allowed are one prompt or more.")
    frame = pd.DataFrame(rows)
    frame["orientation"] = [orientations.get(image, AS_STORED) for image in frame["image_path"]]
    frame["position"] = range(len(frame))
    return frame[list(PROMPT_COLUMNS)]


def write_prompts(path: Path, frame: pd.DataFrame) -> None:
    """Write a table of prompts."""
    write_table(path, frame, PROMPT_COLUMNS)


def read_prompts(path: Path) -> pd.DataFrame:
    """Read a table of prompts; InputError if the file or a column is missing, extra or of another type."""
    return read_table(path, PROMPT_COLUMNS)


def generated_cases(dataset: str, prompts: pd.DataFrame) -> list[Case]:
    """A case a word of each prompt; the image is a PNG under its id."""
    rows: Any = prompts.itertuples(index=False)
    return [
        make_case(
            dataset=dataset,
            image_id=str(row.image_id),
            image_path=f"{row.image_id}.png",
            caption=str(row.prompt),
            word=word,
            label=word,
            word_type="unknown",
        )
        for row in rows
        for word in row.words
    ]


def _pair_records(path: Path) -> tuple[list[Record], dict[int, str]]:
    """The captions of a list of pairs of words, each once, with the words of all its pairs; and rows without a caption."""
    words: dict[str, list[str]] = {}
    lines, problems = dict[str, int](), dict[int, str]()
    for row in read_pair_list(path):
        if not row.caption:
            problems[row.line] = "`caption` is empty; images are made of captions."
            continue
        lines.setdefault(row.caption, row.line)
        words.setdefault(row.caption, []).extend((row.first, row.second))
    given = dict.fromkeys(_OPTIONAL, "")
    records = [
        Record(lines[caption], {**given, "prompt": caption, "words": ";".join(dict.fromkeys(found))})
        for caption, found in words.items()
    ]
    return records, problems


def _rows(record: Record, files: GivenFiles, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    cells = record.cells
    prompt = composed(cells["prompt"])
    if not prompt:
        raise InputError("`prompt` is empty.")
    words = _words(prompt, cells["words"])
    image_path, mask_path = (find_path(files.root, cells[name]) or cells[name] for name in ("image", "mask"))
    hashes = _given(record, files, image_path, mask_path)
    for seed in [_seed(cells["seed"])] if cells["seed"] else seeds:
        content = json.dumps([prompt, seed, *hashes], ensure_ascii=False)
        image = hashlib.sha256(content.encode()).hexdigest()[:16]
        yield {
            "case_id": image,
            "image_id": image,
            "image_path": image_path,
            "mask": mask_path,
            "prompt": prompt,
            "words": words,
            "seed": seed,
            "status": "ok",
            "reason": "",
        }


def _words(prompt: str, named: str) -> list[str]:
    """The words that are named, divided by `;`, or every word of the prompt once."""
    if not named:
        found = list(dict.fromkeys(_WORD.findall(prompt)))
        if not found:
            raise InputError(f"the prompt {prompt!r} has no word.")
        return found
    words = [word.strip() for word in composed(named).split(";")]
    for word in words:
        if not find_word(prompt, word):
            raise InputError(missing_word(prompt, word, "prompt"))
        if words.count(word) > 1:
            raise InputError(f"the word {word!r} is named twice; allowed is once, for all its places in the prompt.")
    return words


def _seed(text: str) -> int:
    seed = one_id(text)
    if not isinstance(seed, int):
        raise InputError(f"`seed` is {text!r}; expected a whole number ≥ 0.")
    return seed


def _given(record: Record, files: GivenFiles, image: str, mask: str) -> list[str]:
    """Hashes of the files that are given, both of which are read."""
    if mask and not image:
        raise InputError(f"`mask` is {mask!r} without an `image`; a mask marks the region of an image to inpaint.")
    if not image:
        return []
    files.read_image(image)
    if mask:
        files.read_mask(record.line, image, mask, whole=True)
    return [checked_sha256(files.root / name) for name in (image, mask) if name]
