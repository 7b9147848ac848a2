"""Cases from your own images: a CSV (image, caption, optional word, mask, mask_value, label), or a folder with captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from infodecomp.datasets.cases import Case, make_case
from infodecomp.datasets.custom_records import raise_row_problems, read_custom_records
from infodecomp.datasets.given_files import GivenFiles
from infodecomp.datasets.image_paths import find_path, find_paths, leads_out, warn_of_paths
from infodecomp.datasets.masks import mask_cell
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.words.occurrences import WordRemoval

_REQUIRED = ("image", "caption", "word")


def custom_cases(
    dataset: str,
    path: Path,
    root: Path,
    word_removal: WordRemoval = "word",
    *,
    outside_root: bool = False,
    function_words: bool = False,
    files: GivenFiles | None = None,
) -> list[Case]:
    """One case a row of the CSV, in its order; `image` and `mask` are paths below `root`, or, if allowed, outside it.

    Without words in the CSV, every content word of a caption is a case (and its function words, if asked for). `path` may
    also be a folder of images with their captions beside them (see `caption_files`).

    The image's path is its id. Paths may be written as on another system (see `image_paths`). The caption may spell the
    word in another case. Without a label the word is the label; without a mask the case has none. Every image is decoded,
    and turned so that it fits its masks. `files` reads them; the default is one for `root`. Raises one InputError naming
    every bad row with its line number: an empty cell, a missing or unreadable image or mask, a mask that marks nothing or
    everything, or is of another size than its image, a word that is not in the caption, a repeated case, a wrong number of
    cells, a mask or label without a word.
    """
    records, problems = read_custom_records(path, function_words)
    files = files or GivenFiles(root)
    images = _written([record.cells["image"] for record in records], root, outside_root)
    cases, lines = list[Case](), dict[str, int]()
    with Progress(f"cases of {dataset}", len(records), "rows") as progress:
        for record in records:
            progress.advance()
            try:
                case = _make(dataset, record.cells, record.line, files, images, word_removal, outside_root)
            except InputError as error:
                problems.setdefault(record.line, str(error))
                continue
            first_line = lines.setdefault(case["case_id"], record.line)
            if first_line != record.line:
                problems[record.line] = f"the same case as line {first_line}."
            cases.append(case)
    orientations, misfits = files.orientations()
    raise_row_problems(path, {**problems, **misfits})
    return [{**case, "orientation": orientations[case["image_path"]]} for case in cases]


def _make(
    dataset: str,
    cells: Mapping[str, str],
    line: int,
    files: GivenFiles,
    images: Mapping[str, str],
    word_removal: WordRemoval,
    outside_root: bool,
) -> Case:
    empty = [name for name in _REQUIRED if not cells[name]]
    if empty:
        raise InputError(f"`{'`, `'.join(empty)}` is empty.")
    if cells["mask_value"] and not cells["mask"]:
        raise InputError(f"`mask_value` is {cells['mask_value']!r} without a `mask`, one of whose values it names.")
    image_path = _path(files.root, "image", cells["image"], outside_root)
    image_path = images.get(image_path, image_path)
    files.read_image(image_path)
    mask_path = _path(files.root, "mask", cells["mask"], outside_root) if cells["mask"] else ""
    if mask_path:
        mask_path = find_path(files.root, mask_path) or mask_path
        files.read_mask(line, image_path, mask_path, cells["mask_value"])
    case = make_case(
        dataset=dataset,
        image_id=image_path,
        image_path=image_path,
        caption=cells["caption"],
        word=cells["word"],
        label=cells["label"] or cells["word"],
        word_type=cells["word_type"] or "noun",
        mask=mask_cell(mask_path, cells["mask_value"]) if mask_path else "",
        word_removal=word_removal,
        ignore_case=True,
    )
    if case["status"] != "ok":
        raise InputError(case["reason"])
    return case


def _path(root: Path, name: str, text: str, outside_root: bool) -> str:
    """A path of the CSV in one spelling (`./a.png` is `a.png`), so that an image has one id."""
    if not outside_root and leads_out(text):
        raise InputError(
            f"`{name}` is {text!r}; expected a path below {root}, or `outside_root: true` in the dataset's section."
        )
    return PurePosixPath(text).as_posix()


def _written(names: Sequence[str], root: Path, outside_root: bool) -> dict[str, str]:
    """Image of the CSV → its file as the folder spells it, where it exists; warns once of those spelled differently."""
    paths = [PurePosixPath(name).as_posix() for name in names if name and (outside_root or not leads_out(name))]
    found = find_paths(root, paths)
    warn_of_paths(root, {name: path for name, path in found.items() if name != path})
    return found
