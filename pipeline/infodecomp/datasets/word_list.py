"""Cases from a list of words: COCO100-IT, COCO-WL and others like them.

The list names (image_id, caption_id, label, word, word_type); the captions are those of the dataset's annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from infodecomp.datasets.cases import Case, lost_case, make_case
from infodecomp.datasets.ids import Id, one_id
from infodecomp.datasets.joins import caption_text, category_names, file_name
from infodecomp.datasets.records import Record, raise_problems, read_records
from infodecomp.words.occurrences import WordRemoval
from infodecomp.words.unicode_form import composed

_REQUIRED = ("image_id", "caption_id", "label", "word")
_OPTIONAL = ("word_type",)


def word_list_cases(
    dataset: str, path: Path, instances: COCO, captions: COCO, word_removal: WordRemoval = "word"
) -> list[Case]:
    """One case a row of the list, in its order.

    A label that is a category of the dataset has that category's mask, any other has none. The caption may
    spell the word in another case. A row whose image, caption or word is not found keeps its place, with a status
    ("image_not_in_captions", "caption_not_found", "caption_not_unique", "caption_of_another_image", "caption_empty",
    "word_not_in_caption") and a reason.
    Raises one InputError for every malformed or repeated row, with line numbers.
    """
    records, problems = read_records(path, _REQUIRED, _OPTIONAL)
    names = category_names(instances)
    category_ids: dict[str, Id] = {}
    for key in (str.lower, str):  # a name as it is written goes before others in small letters
        category_ids |= {key(name): category_id for category_id, name in names.items()}
    numbered = all(isinstance(image_id, int) for image_id in (*captions.imgs, *captions.anns))
    cases, lines = list[Case](), dict[str, int]()
    for record in records:
        problem = _problem(record, numbered)
        if problem:
            problems[record.line] = problem
            continue
        case = _make(dataset, record.cells, captions, category_ids, word_removal)
        first_line = lines.setdefault(case["case_id"], record.line)
        if first_line != record.line:
            problems[record.line] = f"the same case as line {first_line}."
        cases.append(case)
    raise_problems(path, problems)
    return cases


def _problem(record: Record, numbered: bool) -> str | None:
    """numbered: all ids of the dataset are whole numbers."""
    for name in ("image_id", "caption_id"):
        if numbered and not isinstance(one_id(record.cells[name]), int):
            return f"`{name}` is {record.cells[name]!r}; expected a whole number."
    empty = [name for name in _REQUIRED if not record.cells[name]]
    return f"`{empty[0]}` is empty." if empty else None


def _make(
    dataset: str, cells: dict[str, str], captions: COCO, category_ids: Mapping[str, Id], word_removal: WordRemoval
) -> Case:
    image_id, caption_id = one_id(cells["image_id"]), one_id(cells["caption_id"])
    label, word, word_type = composed(cells["label"]), cells["word"], cells["word_type"] or "noun"
    image_path = file_name(captions, image_id) if image_id in captions.imgs else ""
    category_id = category_ids.get(label, category_ids.get(label.lower()))
    lost = _lost(image_id, caption_id, captions)
    if lost:
        return lost_case(
            dataset=dataset,
            image_id=str(image_id),
            image_path=image_path,
            word=word,
            label=label,
            word_type=word_type,
            status=lost[0],
            reason=lost[1],
        )
    return make_case(
        dataset=dataset,
        image_id=str(image_id),
        image_path=image_path,
        caption=_captions(captions, image_id, caption_id)[0]["caption"],
        word=word,
        label=label,
        word_type=word_type,
        mask="" if category_id is None else f"coco:{category_id}",
        word_removal=word_removal,
        ignore_case=True,
    )


def _lost(image_id: Id | None, caption_id: Id | None, captions: COCO) -> tuple[str, str] | None:
    """Status and reason if the caption cannot be used; None if it can."""
    wanted = f"caption {caption_id} of image {image_id}"
    if image_id not in captions.imgs:
        return "image_not_in_captions", f"the captions file has no image {image_id} ({_first(captions.imgs)})."
    if caption_id not in captions.anns:
        return "caption_not_found", f"the captions file has no {wanted} ({_first(captions.anns)})."
    found = _captions(captions, image_id, caption_id)
    if not found:
        owner = captions.anns[caption_id]["image_id"]
        return "caption_of_another_image", f"caption {caption_id} belongs to image {owner}, not to image {image_id}."
    if len(found) > 1:
        return "caption_not_unique", f"the captions file has {wanted} {len(found)} times; ids must be unique."
    if caption_text(found[0]) is None:
        return "caption_empty", f"the {wanted} is {found[0]['caption']!r}."
    return None


def _captions(captions: COCO, image_id: Id | None, caption_id: Id | None) -> list[dict[str, Any]]:
    """Annotations of an image with an id, which tools may count anew for each image."""
    return [one for one in captions.imgToAnns.get(image_id, []) if one["id"] == caption_id]


def _first(known: Mapping[Id, object]) -> str:
    return f"its first is {next(iter(known))}" if known else "it has none"
