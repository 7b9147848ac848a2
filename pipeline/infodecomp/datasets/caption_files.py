"""A folder of images whose captions lie beside them: `dog.jpg` and `dog.txt`."""

from __future__ import annotations

from pathlib import Path

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

_SHOWN = 10
# Endings of files that are taken for images; what they hold is found when they are read.
IMAGE_ENDINGS = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)


def captioned_images(folder: Path) -> list[tuple[str, str]]:
    """(image below `folder`, its caption), in the order of names; subfolders count, hidden files do not.

    White space in a caption becomes single spaces. Raises one InputError if there is no image, or for every image whose
    caption is missing, empty or not in UTF-8.
    """
    images = image_files(folder)
    if not images:
        raise InputError(
            f"{folder}: the folder holds no image; expected files that end in {', '.join(sorted(IMAGE_ENDINGS))}, each with "
            "its caption in a file of its name that ends in .txt, or a CSV as `list`."
        )
    found, problems = list[tuple[str, str]](), list[str]()
    for image in images:
        try:
            found.append((image, _caption(folder / image)))
        except InputError as error:
            problems.append(str(error))
    if problems:
        more = f"\n{folder}: the same of {len(problems) - _SHOWN} more images." if len(problems) > _SHOWN else ""
        raise InputError("\n".join(problems[:_SHOWN]) + more)
    return found


def image_files(folder: Path) -> list[str]:
    """The images of a folder and its subfolders, below it and with slashes, in the order of names."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS and path.is_file())
    names = (path.relative_to(folder) for path in found)
    return sorted(name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts))


def _caption(image: Path) -> str:
    file = image.with_suffix(".txt")
    if not file.is_file():
        raise InputError(
            f"{image}: its caption is missing; write it into {file.name} beside it, or name a CSV as `list`."
        )
    try:
        caption = " ".join(checked(file).read_text(encoding="utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: the caption is not in UTF-8 ({error}); save it as UTF-8.") from error
    if not caption:
        raise InputError(f"{file}: the caption is empty; write what {image.name} shows.")
    return caption
