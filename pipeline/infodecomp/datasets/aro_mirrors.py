"""ARO as the Parquet mirrors publish it: with images and captions in one table, and frozen shuffles.

Columns: `image` (or `images`), `true_caption`, `false_caption` for the pairs; `image` (or `images`), `correct_caption`,
`hard_text_1` … for the order sets. There is no crop box and no relation: `docs/aro.md` says what that means. Options stand
as in ARO's own files and are taken as they are, without another clean-up.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from infodecomp.datasets import aro_order, aro_pairs
from infodecomp.datasets.json_records import raise_record_problems
from infodecomp.datasets.retrieval_cases import RetrievalCase, make_retrieval_case
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked, checked_sha256, kept
from infodecomp.runs.progress import Progress
from infodecomp.runs.storage import atomic_path

MirrorKind = Literal["vg_relation", "vg_attribution", "coco_order", "flickr30k_order"]

_IMAGES = ("image", "images")
_PAIR = ("true_caption", "false_caption")
_CORRECT = "correct_caption"
_HARD = r"hard_text_\d+"
_SUFFIXES = {"JPEG": "jpg", "PNG": "png"}
_ROWS_AT_ONCE = 64


class Layout(NamedTuple):
    """Which column holds the image and which the captions, in the order of the options; index of the truth."""

    image: str
    captions: tuple[str, ...]
    truth: int


def mirror_cases(
    dataset: str, kind: MirrorKind, files: Sequence[Path], folder: Path, *, first: int | None = None
) -> list[RetrievalCase]:
    """One case a row of the files, in their order; only the first `first` ones if that is given.

    Each distinct image is written to `folder` as `<first 16 hex digits of its SHA-256>.<suffix of its format>`. A row
    without an image has status "image_missing", one whose image cannot be read "image_unreadable". The group is parsed from
    the captions where they have ARO's templates. All captions are checked before an image is written. Raises InputError for
    a file that is no table or lacks a column, and one that names every row without captions.
    """
    layouts = {path: _layout(path, kind) for path in files}
    for path, layout in layouts.items():
        _check_captions(path, layout)
    digest = text_digest(files)
    total = sum(pq.read_metadata(path).num_rows for path in files)
    cases: list[RetrievalCase] = []
    with Progress(f"cases of {dataset}", min(total, first or total), "rows") as progress:
        for path, layout in layouts.items():
            for number, row in enumerate(_rows(path, (layout.image, *layout.captions))):
                if first is not None and len(cases) == first:
                    return cases
                cases.append(_case(dataset, kind, row, layout, digest, folder, f"{path}, row {number}"))
                progress.advance()
    return cases


def text_digest(files: Sequence[Path]) -> str:
    """SHA-256 of a file; of several, SHA-256 over the lines `<name> <SHA-256>` of all, in their order."""
    if len(files) == 1:
        return checked_sha256(files[0])
    lines = "".join(f"{path.name} {checked_sha256(path)}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def relation_group(true: str, false: str) -> str:
    """The relation R of "the X is R the Y" against "the Y is R the X"; "" if the captions do not have this form."""
    words = true.split(" ")
    for verb, article in product(_places(words, "is"), _places(words, "the")):
        x, relation, y = words[1:verb], words[verb + 1 : article], words[article + 1 :]
        if words[0] == "the" and x and relation and y and false == " ".join(["the", *y, "is", *relation, "the", *x]):
            return " ".join(relation)
    return ""


def attributes_group(true: str, false: str) -> str:
    """The attributes "a | b" of "the a X and the b Y" against "the b X and the a Y"; "" for captions of another form.

    Attributes may be several words; the shortest reading is taken.
    """
    words = true.split(" ")
    for middle in _places(words, "and"):
        left, right = words[1:middle], words[middle + 2 :]
        for i, j in product(range(1, len(left)), range(1, len(right))):
            a, x, b, y = left[:i], left[i:], right[:j], right[j:]
            same_form = words == ["the", *a, *x, "and", "the", *b, *y]
            if same_form and false == " ".join(["the", *b, *x, "and", "the", *a, *y]):
                return aro_pairs.attribute_group((" ".join(a), " ".join(b)))
    return ""


def _places(words: Sequence[str], word: str) -> list[int]:
    return [k for k, one in enumerate(words) if one == word]


def _layout(path: Path, kind: MirrorKind) -> Layout:
    names = _open(path).schema_arrow.names
    image = next((name for name in _IMAGES if name in names), None)
    if kind in ("vg_relation", "vg_attribution"):
        captions, truth, wanted = ("false_caption", "true_caption"), aro_pairs.TRUTH, _PAIR
    else:
        hard = sorted((n for n in names if re.fullmatch(_HARD, n)), key=lambda n: int(n.rpartition("_")[2]))
        captions, truth = (_CORRECT, *hard), aro_order.TRUTH
        wanted = (_CORRECT, *(hard or ("hard_text_1",)))
    missing = [name for name in wanted if name not in names]
    if image is None or missing:
        expected = ", ".join(f"`{name}`" for name in ("image", *wanted))
        raise InputError(f"{path}: the columns are {', '.join(names) or 'none'}; a mirror of {kind} has {expected}.")
    return Layout(image, captions, truth)


def _check_captions(path: Path, layout: Layout) -> None:
    problems = {
        number: [
            f"`{name}` is {text!r}; expected text, not empty."
            for name, text in row.items()
            if not isinstance(text, str) or not text.strip()
        ]
        for number, row in enumerate(_rows(path, layout.captions))
    }
    raise_record_problems(path, problems)


def _case(
    dataset: str, kind: MirrorKind, row: dict[str, Any], layout: Layout, digest: str, folder: Path, where: str
) -> RetrievalCase:
    options = tuple(row[name] for name in layout.captions)
    groups = {"vg_relation": relation_group, "vg_attribution": attributes_group}
    group = groups[kind](options[layout.truth], options[1 - layout.truth]) if kind in groups else ""
    image_path, status, reason = _store_image(row[layout.image], folder, where)
    return make_retrieval_case(
        dataset=dataset,
        image_path=image_path,
        options=options,
        truth=layout.truth,
        group=group,
        text_sha256=digest,
        status=status,
        reason=reason,
    )


def _store_image(cell: Any, folder: Path, where: str) -> tuple[str, str, str]:
    """Write the image of a row, if no earlier row had it: its path below `folder`, status and reason."""
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes) or not content:
        return "", "image_missing", f"{where}: the table holds no image here."
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind = str(image.format)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return "", "image_unreadable", f"{where}: this image cannot be read ({error})."
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{_SUFFIXES.get(kind, kind.lower())}"
    file = folder / name
    if file.is_file() and file.read_bytes() == content:
        kept(file)
    else:
        with atomic_path(file) as temporary:
            temporary.write_bytes(content)
    return name, "ok", ""


def _rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a table a few at a time: with their images, all of them would not fit in memory."""
    table = _open(path)
    try:
        for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(columns)):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: this table cannot be read to its end ({error}).") from error


def _open(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a Parquet table with images and captions.")
    try:
        return pq.ParquetFile(checked(path))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: this is not a readable Parquet table ({error}).") from error
