"""COCO-IT: images, captions and objects of COCO, paired by the rule of Kong et al. (2024).

For each image, in the order of the captions file, and each category annotated in it, in the order of its annotations
(crowd regions count): the first caption that names the category, in the singular or in the plural, case-sensitively,
as a whole word. The case's word is the plural form if the caption has it, else the singular.
"""

from __future__ import annotations

from collections.abc import Iterator

from pycocotools.coco import COCO

from infodecomp.datasets.cases import Case, make_case
from infodecomp.datasets.ids import Id
from infodecomp.datasets.joins import category_names, explain_no_case, file_name, image_ids, texts_of
from infodecomp.runs.errors import InputError
from infodecomp.words.inflection import plural
from infodecomp.words.occurrences import WordRemoval, find_word


def coco_it_cases(dataset: str, instances: COCO, captions: COCO, word_removal: WordRemoval = "word") -> list[Case]:
    """All cases of a folder in COCO's layout; an image without a matching caption gives none.

    `word_removal` "substring" gives the contexts as released, "word" removes whole words. A name with capitals, as tools
    write it, is found in any case. Warns once of captions and of categories that have no text. Raises InputError for an
    annotation whose category is not listed, and if there is no case: it says what does not fit.
    """
    ids, texts, names = image_ids(instances, captions), texts_of(captions), category_names(instances)
    cases = []
    for image_id in captions.imgs:
        for category_id in _categories(instances, ids[image_id]) if image_id in ids else ():
            name = names.get(category_id)
            found = _first_caption(texts.get(image_id, []), name) if name else None
            if name is None or found is None:
                continue
            caption, word = found
            cases.append(
                make_case(
                    dataset=dataset,
                    image_id=str(ids[image_id]),
                    image_path=file_name(captions, image_id, instances.imgs.get(ids[image_id])),
                    caption=caption,
                    word=word,
                    label=name,
                    mask=f"coco:{category_id}",
                    word_removal=word_removal,
                    ignore_case=_in_any_case(name),
                )
            )
    if not cases:
        raise explain_no_case(instances, captions, ids, texts, names)
    return cases


def _categories(instances: COCO, image_id: Id) -> Iterator[Id]:
    """Distinct categories of an image in the order of its annotations."""
    for category_id in dict.fromkeys(one["category_id"] for one in instances.imgToAnns.get(image_id, [])):
        if category_id not in instances.cats:
            raise InputError(f"image {image_id} has an object of category {category_id}, which `categories` lacks.")
        yield category_id


def _first_caption(captions: list[str], name: str) -> tuple[str, str] | None:
    """The first caption that names the category, with the form it uses; None if none does."""
    for caption in captions:
        for word in (plural(name), name):
            if find_word(caption, word, ignore_case=_in_any_case(name)):
                return caption, word
    return None


def _in_any_case(name: str) -> bool:
    """Whether a name has capitals: COCO's have none, and the published rule compares them as they are."""
    return name != name.lower()
