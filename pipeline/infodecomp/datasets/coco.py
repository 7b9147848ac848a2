"""COCO-IT: images, captions and objects of COCO, paired by the rule of Kong et al. (2024).

For each image, in the order of the captions file, and each category annotated in it, in the order of its annotations
(crowd regions count): the first caption that names the category, in the singular or in the plural, case-sensitively,
as a whole word. The case's word is the plural form if the caption has it, else the singular.
"""

from __future__ import annotations

from collections.abc import Iterator

from pycocotools.coco import COCO

from infodecomp.datasets.cases import Case, make_case
from infodecomp.runs.errors import InputError
from infodecomp.words.inflection import plural
from infodecomp.words.occurrences import WordRemoval, find_word


def coco_it_cases(dataset: str, instances: COCO, captions: COCO, word_removal: WordRemoval = "word") -> list[Case]:
    """All cases of a folder in COCO's layout; an image without a matching caption gives none.

    `word_removal` "substring" gives the contexts as released, "word" removes whole words. Raises InputError for an
    annotation whose category is not listed.
    """
    cases = []
    for image_id, image in captions.imgs.items():
        texts = [annotation["caption"] for annotation in captions.imgToAnns.get(image_id, [])]
        for category_id, name in _categories(instances, image_id):
            found = _first_caption(texts, name)
            if found is None:
                continue
            caption, word = found
            cases.append(
                make_case(
                    dataset=dataset,
                    image_id=str(image_id),
                    image_path=image["file_name"],
                    caption=caption,
                    word=word,
                    label=name,
                    mask=f"coco:{category_id}",
                    word_removal=word_removal,
                )
            )
    return cases


def _categories(instances: COCO, image_id: int) -> Iterator[tuple[int, str]]:
    """Distinct categories of an image in the order of its annotations: (id, name)."""
    for category_id in dict.fromkeys(one["category_id"] for one in instances.imgToAnns.get(image_id, [])):
        if category_id not in instances.cats:
            raise InputError(f"image {image_id} has an object of category {category_id}, which `categories` lacks.")
        yield category_id, instances.cats[category_id]["name"]


def _first_caption(captions: list[str], name: str) -> tuple[str, str] | None:
    """The first caption that names the category, with the form it uses; None if none does."""
    for caption in captions:
        for word in (plural(name), name):
            if find_word(caption, word):
                return caption, word
    return None
