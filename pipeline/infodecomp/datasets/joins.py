"""Joining the captions and the objects of one dataset, which tools write to two files, and saying which join is empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from pycocotools.coco import COCO

from infodecomp.datasets.ids import Id
from infodecomp.datasets.image_paths import slashed
from infodecomp.runs.errors import InputError
from infodecomp.words.unicode_form import composed


def image_ids(instances: COCO, captions: COCO) -> dict[Id, Id]:
    """Id of an image in the captions file → its id in the instances file, of the images that both have.

    Where no image has one id in both files, images of one file name are the same, and a warning says so. Raises InputError
    if ids and file names contradict each other.
    """
    shared = [image for image in captions.imgs if image in instances.imgs or image in instances.imgToAnns]
    if shared:
        _check_names(instances, captions, shared)
        return {image: image for image in shared}
    here, there = _by_name(captions), _by_name(instances)
    joined = {image: there[name] for name, image in here.items() if name in there}
    if joined:
        image, other = next(iter(joined.items()))
        print(
            f"warning: {_file(captions)} and {_file(instances)} have no image `id` in common, such as {image!r} and "
            f"{other!r}; their images are joined by `file_name`.",
            flush=True,
        )
    return joined


def texts_of(captions: COCO) -> dict[Id, list[str]]:
    """Image → its captions that are text, in order; warns once of those that are null, empty or no text."""
    texts: dict[Id, list[str]] = {}
    bad = list[tuple[int, Any]]()
    for number, annotation in enumerate(captions.dataset["annotations"]):
        text = caption_text(annotation)
        if text is None:
            bad.append((number, annotation["caption"]))
        else:
            texts.setdefault(annotation["image_id"], []).append(text)
    if bad:
        number, found = bad[0]
        others = f", and so are {len(bad) - 1} more" if len(bad) > 1 else ""
        print(
            f"warning: {_file(captions)}: annotation {number}: `caption` is {found!r}, expected text; it is left out"
            f"{others}.",
            flush=True,
        )
    return texts


def caption_text(annotation: Mapping[str, Any]) -> str | None:
    """The caption of an annotation; None if it is null, empty or no text."""
    text = annotation["caption"]
    return text if isinstance(text, str) and text.strip() else None


def category_names(instances: COCO) -> dict[Id, str]:
    """Category → its name as text, also where it is a number; those without one are left out, with one warning."""
    names: dict[Id, str] = {}
    nameless = list[Id]()
    for category_id, category in instances.cats.items():
        name = category.get("name")
        if isinstance(name, float) and name.is_integer():
            name = int(name)
        usable = isinstance(name, str | int | float) and not isinstance(name, bool) and name == name
        text = composed(str(name)).strip() if usable else ""
        if text:
            names[category_id] = text
        else:
            nameless.append(category_id)
    if nameless:
        objects = sum(one["category_id"] in nameless for one in instances.dataset["annotations"])
        print(
            f"warning: {_file(instances)}: the category of `id` {nameless[0]!r} has no `name`"
            f"{f', and so have {len(nameless) - 1} more' if len(nameless) > 1 else ''}; {objects} objects are left out.",
            flush=True,
        )
    return names


def file_name(captions: COCO, image_id: Id | None, other: Mapping[str, Any] | None = None) -> str:
    """The file name of an image of the captions file, or, where that has none, of its entry `other` in the instances file.

    Raises InputError if there is none.
    """
    for image in (captions.imgs[image_id], other or {}):
        name = image.get("file_name")
        if isinstance(name, str) and name:
            return name
    found = captions.imgs[image_id].get("file_name")
    raise InputError(f"{_file(captions)}: the image {image_id!r} has the `file_name` {found!r}; expected a path.")


def explain_no_case(
    instances: COCO, captions: COCO, ids: Mapping[Id, Id], texts: Mapping[Id, list[str]], names: Mapping[Id, str]
) -> InputError:
    """Why there is no case: which join is empty, with one key of each side."""
    here, there = _file(captions), _file(instances)
    for path, coco, wanted in ((here, captions, ("images", "annotations")), (there, instances, ("annotations",))):
        for name in wanted:
            if not coco.dataset[name]:
                return InputError(f"{path}: the list `{name}` is empty; a dataset needs images, captions and objects.")
    if not texts:
        return InputError(f"{here}: no annotation has a `caption` that is text.")
    if not texts.keys() & captions.imgs.keys():
        return InputError(
            f"{here}: no caption belongs to an image: the first caption has the `image_id` {_first(texts)!r}, the first "
            f"image the `id` {_first(captions.imgs)!r}; they must be equal."
        )
    if not names:
        return InputError(f"{there}: no category has a name.")
    if not ids:
        return InputError(
            f"{here} and {there}: no image is in both: the first `id` is {_first(captions.imgs)!r} in the former and "
            f"{_first(instances.imgs or instances.imgToAnns)!r} in the latter; they must be equal."
        )
    both = [image for image, other in ids.items() if instances.imgToAnns.get(other)]
    if not both:
        return InputError(
            f"{there}: no image has an object: the first object has the `image_id` {_first(instances.imgToAnns)!r}, the "
            f"first image with captions the `id` {_first(ids.values())!r}; they must be equal."
        )
    named = [image for image in both if texts.get(image)]
    if not named:
        return InputError(
            f"{here} and {there}: no image has both captions and objects: the first with a caption is {_first(texts)!r}, "
            f"the first with an object {both[0]!r}."
        )
    image = named[0]
    of_image = dict.fromkeys(names.get(one["category_id"], "") for one in instances.imgToAnns[ids[image]])
    return InputError(
        f"{here}: no caption names a category of its image as a whole word: image {image!r} has "
        f"{', '.join(map(repr, of_image))} and the caption {texts[image][0]!r}; use kind custom or word_list to choose the "
        "words."
    )


def _check_names(instances: COCO, captions: COCO, shared: Iterable[Id]) -> None:
    """InputError where one id means two images, each of which the other file has under another id."""
    here, there = _by_name(captions), _by_name(instances)
    for image in shared:
        if image not in instances.imgs:
            continue
        one, other = _name(captions.imgs[image]), _name(instances.imgs[image])
        if one and other and one != other and (one in there or other in here):
            raise InputError(
                f"{_file(captions)} and {_file(instances)}: the image {image!r} is {one!r} in the former and {other!r} in "
                "the latter, which have numbered their images differently; give each image one `id`."
            )


def _by_name(coco: COCO) -> dict[str, Id]:
    """Last part of the file name → id, of the images that have one to themselves."""
    ids: dict[str, list[Id]] = {}
    for image_id, image in coco.imgs.items():
        ids.setdefault(_name(image), []).append(image_id)
    return {name: found[0] for name, found in ids.items() if name and len(found) == 1}


def _name(image: Mapping[str, Any]) -> str:
    return composed(PurePosixPath(slashed(str(image.get("file_name") or ""))).name)


def _file(coco: COCO) -> str:
    return str(coco.dataset["file"])


def _first(keys: Iterable[Any]) -> Any:
    return next(iter(keys))
