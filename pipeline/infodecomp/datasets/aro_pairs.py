"""VG-Relation and VG-Attribution of ARO: a box of a Visual Genome image and two captions, one of them true.

The JSON is a list of records as ARO publishes them (Yuksekgonul et al., ICLR 2023): `image_path`; `bbox_x`, `bbox_y`,
`bbox_w`, `bbox_h` in pixels; `true_caption`, `false_caption`; and `relation_name`, or `attributes`, a pair. Captions are
used unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from infodecomp.datasets.json_records import (
    missing_fields,
    path_problem,
    pixels_problem,
    raise_record_problems,
    read_json_records,
    text_problem,
    texts_problem,
)
from infodecomp.datasets.retrieval_cases import RetrievalCase, make_retrieval_case
from infodecomp.runs.ledger import checked_sha256

PairKind = Literal["vg_relation", "vg_attribution"]

# The order of options is ARO's: the false caption, then the true one.
TRUTH = 1

_BOX = ("bbox_x", "bbox_y", "bbox_w", "bbox_h")
_CAPTIONS = ("true_caption", "false_caption")
_GROUP = {"vg_relation": "relation_name", "vg_attribution": "attributes"}


def pair_cases(dataset: str, kind: PairKind, path: Path, *, first: int | None = None) -> list[RetrievalCase]:
    """One case a record, in the order of the file; only the first `first` ones if that is given.

    The crop is the record's box, the group its relation, or "a | b" for the attributes a and b. The whole file is checked.
    Raises one InputError that names every bad record by its index: missing fields, empty captions, fields of another type,
    image paths that leave the image folder.
    """
    records = read_json_records(path)
    problems = {index: _problems(record, kind) for index, record in enumerate(records)}
    raise_record_problems(path, problems)
    digest = checked_sha256(path)
    return [_case(dataset, kind, record, digest) for record in records[:first]]


def attribute_group(attributes: Sequence[str]) -> str:
    """The group of a case of VG-Attribution: its two attributes in their order."""
    return " | ".join(attributes)


def _problems(record: Any, kind: PairKind) -> list[str]:
    names = ("image_path", *_BOX, *_CAPTIONS, _GROUP[kind])
    problem = missing_fields(record, names)
    checks: list[tuple[Callable[[Mapping[str, Any], str], str], tuple[str, ...]]] = [
        (path_problem, ("image_path",)),
        (pixels_problem, _BOX),
        (text_problem, _CAPTIONS),
        (text_problem if kind == "vg_relation" else _pair_problem, (_GROUP[kind],)),
    ]
    if not isinstance(record, dict):
        return [problem]
    found = [check(record, name) for check, fields in checks for name in fields if name in record]
    return [sentence for sentence in (problem, *found) if sentence]


def _pair_problem(record: Mapping[str, Any], name: str) -> str:
    return texts_problem(record, name, count=2)


def _case(dataset: str, kind: PairKind, record: Mapping[str, Any], digest: str) -> RetrievalCase:
    group = record[_GROUP[kind]]
    return make_retrieval_case(
        dataset=dataset,
        image_path=PurePosixPath(record["image_path"]).as_posix(),
        crop=",".join(str(int(record[name])) for name in _BOX),
        options=(record["false_caption"], record["true_caption"]),
        truth=TRUTH,
        group=group if kind == "vg_relation" else attribute_group(group),
        text_sha256=digest,
    )
