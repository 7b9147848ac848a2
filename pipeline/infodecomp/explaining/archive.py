"""One file that keeps an explanation: a zip of `explanation.json`, all words and numbers, and `arrays.npz`, all maps.

Nothing in it can run code when it is opened: there are no pickles, and what a file claims is compared with what it holds
before memory is allocated.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from infodecomp import __version__
from infodecomp.explaining.explanation import Explanation, Quantity, Span, WordExplanation
from infodecomp.explaining.word_pair import Given, WordPair
from infodecomp.metrics.partial_information import Information
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import DAMAGES, atomic_path, pack_arrays, unpack_arrays

VERSION = 2  # of the format: one more for every change that earlier versions of this package cannot read
_WITHOUT_PAIRS = 1  # earlier versions read explanations that hold no pairs

_TEXT, _ARRAYS = "explanation.json", "arrays.npz"
_FORMAT: Literal["infodecomp explanation"] = "infodecomp explanation"
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that equal explanations give equal bytes
# More than any explanation has: 77 words of a 1024 x 1024 picture in all methods take some 100 MB.
_MOST_TEXT_BYTES = 2**24
_MOST_ARRAY_BYTES = 2**30

Numbers = dict[str, float]


class _Header(BaseModel):
    """What every version of the format says."""

    format: Literal["infodecomp explanation"]
    version: int
    written_by: str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class _Span(_Strict):
    text: str
    start: int
    end: int
    occurrence: int


class _Word(_Strict):
    """quantities: "cmi/orthogonal" → its numbers; maps: methods with a map."""

    span: _Span
    quantities: dict[str, Numbers]
    maps: list[str]
    status: str
    reason: str


class _Pair(_Strict):
    """Two words, in the order of the caption; estimators: with the information of every replicate."""

    first: _Span
    second: _Span
    given: Given
    draws: int
    estimators: list[str]


class _Record(_Strict):
    format: Literal["infodecomp explanation"]
    version: int
    written_by: str
    caption: str
    words: list[_Word]
    caption_nats: dict[str, Numbers]
    settings: dict[str, JsonValue]
    warnings: list[str]
    pairs: list[_Pair] | None = None


def save_explanation(explanation: Explanation, path: Path) -> None:
    """Write an explanation to one file, whole or not at all; equal explanations give equal bytes.

    Raises InputError if the path is a folder or cannot be written.
    """
    record, packed = _record(explanation), io.BytesIO()
    pack_arrays(packed, dict(_arrays(explanation)), path)
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; give the name of a file, such as {path / 'explanation.zip'}.")
    try:
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            text = record.model_dump_json(indent=1, exclude=None if record.pairs else {"pairs"}).encode()
            _add(archive, _TEXT, text, zipfile.ZIP_DEFLATED)
            _add(archive, _ARRAYS, packed.getvalue(), zipfile.ZIP_STORED)
    except OSError as error:
        raise InputError(f"{path}: the explanation cannot be written there ({error.strerror or error}).") from error


def load_explanation(path: Path) -> Explanation:
    """Read a file that `save_explanation` wrote.

    Raises InputError for a missing or damaged file, one that holds anything else, and one of a newer version.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an explanation saved by infodecomp, such as dog.zip.")
    try:
        with zipfile.ZipFile(path) as archive:
            text = _text(archive, path)
            names = archive.namelist()
            if sorted(names) != sorted((_TEXT, _ARRAYS)):
                raise ValueError(f"it holds {', '.join(names)}; expected {_TEXT} and {_ARRAYS}")
            if archive.getinfo(_ARRAYS).compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{_ARRAYS} is packed twice")
            arrays = unpack_arrays(io.BytesIO(archive.read(_ARRAYS)), _MOST_ARRAY_BYTES)
        return _explanation(_Record.model_validate_json(text), arrays)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: this explanation is damaged ({_TEXT}, {place}: {first['msg']}); save it again."
        ) from error
    except (*DAMAGES, KeyError, TypeError) as error:
        raise InputError(f"{path}: this explanation is damaged ({error}); save it again.") from error


def _text(archive: zipfile.ZipFile, path: Path) -> bytes:
    """The text of the file, once it is known to be an explanation of a version that can be read."""
    strange = f"{path}: this is not an explanation saved by infodecomp"
    if _TEXT not in archive.namelist():
        raise InputError(f"{strange}: it holds no {_TEXT}.")
    if (size := archive.getinfo(_TEXT).file_size) > _MOST_TEXT_BYTES:
        raise ValueError(f"{_TEXT} claims {size} bytes; allowed are {_MOST_TEXT_BYTES}")
    text = archive.read(_TEXT)
    try:
        header = _Header.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{strange}: {_TEXT} in it does not say so.") from error
    if header.version > VERSION:
        raise InputError(
            f"{path}: this explanation was saved by infodecomp {header.written_by} in format {header.version}; infodecomp "
            f"{__version__} reads formats up to {VERSION}: update it."
        )
    return text


def _add(archive: zipfile.ZipFile, name: str, content: bytes, kind: int) -> None:
    member = zipfile.ZipInfo(name, date_time=_ZIP_DATE)
    member.create_system = 3  # otherwise it names the operating system, and the bytes differ
    member.external_attr = 0o644 << 16
    archive.writestr(member, content, kind)


def _record(explanation: Explanation) -> _Record:
    return _Record(
        format=_FORMAT,
        version=VERSION if explanation.pairs else _WITHOUT_PAIRS,
        written_by=__version__,
        caption=explanation.caption,
        words=[
            _Word(
                span=_written_span(word.span),
                quantities={"/".join(key): _numbers(quantity) for key, quantity in word.quantities.items()},
                maps=list(word.maps),
                status=word.status,
                reason=word.reason,
            )
            for word in explanation.words
        ],
        caption_nats={name: _numbers(quantity) for name, quantity in explanation.caption_nats.items()},
        settings=json.loads(json.dumps(dict(explanation.settings))),
        warnings=list(explanation.warnings),
        pairs=[
            _Pair(
                first=_written_span(pair.first),
                second=_written_span(pair.second),
                given=pair.given,
                draws=pair.draws,
                estimators=list(pair.information),
            )
            for pair in explanation.pairs
        ]
        or None,
    )


def _written_span(span: Span) -> _Span:
    return _Span(text=span.text, start=span.start, end=span.end, occurrence=span.occurrence)


def _numbers(quantity: Quantity) -> Numbers:
    return {field.name: float(getattr(quantity, field.name)) for field in fields(quantity) if field.name != "map"}


def _arrays(explanation: Explanation) -> Iterator[tuple[str, np.ndarray]]:
    yield "picture", explanation.picture
    for name, quantity in explanation.caption_nats.items():
        yield f"caption/{name}", quantity.map
    for number, word in enumerate(explanation.words):
        for (name, estimator), quantity in word.quantities.items():
            yield f"words/{number}/{name}/{estimator}", quantity.map
        for method, heat in word.maps.items():
            yield f"words/{number}/maps/{method}", heat
    for number, pair in enumerate(explanation.pairs):
        for estimator, information in pair.information.items():
            # Estimates are rounded to float32, so that nothing is lost.
            for part, replicates in vars(information).items():
                yield f"pairs/{number}/{estimator}/{part}", replicates.astype(np.float32)


def _explanation(record: _Record, arrays: Mapping[str, np.ndarray]) -> Explanation:
    """Raises ValueError or KeyError where texts and arrays do not belong together."""
    words = tuple(_word(number, word, record.caption, arrays) for number, word in enumerate(record.words))
    whole = {
        name: Quantity(map=_map(arrays, f"caption/{name}"), **numbers) for name, numbers in record.caption_nats.items()
    }
    picture = arrays["picture"]
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"the picture is {picture.dtype} {picture.shape}; expected uint8 (height, width, 3)")
    pairs = [
        WordPair(
            picture,
            record.caption,
            _span(pair.first, record.caption),
            _span(pair.second, record.caption),
            pair.given,
            pair.draws,
            {estimator: _information(arrays, f"pairs/{number}/{estimator}") for estimator in pair.estimators},
        )
        for number, pair in enumerate(record.pairs or [])
    ]
    explanation = Explanation(picture, record.caption, words, whole, record.settings, tuple(record.warnings), pairs)
    if further := sorted(set(arrays) - {name for name, _ in _arrays(explanation)}):
        raise ValueError(f"it holds the unknown array {further[0]}")
    return explanation


def _word(number: int, word: _Word, caption: str, arrays: Mapping[str, np.ndarray]) -> WordExplanation:
    span = _span(word.span, caption)
    quantities = {}
    for key, numbers in word.quantities.items():
        name, _, estimator = key.partition("/")
        quantities[name, estimator] = Quantity(map=_map(arrays, f"words/{number}/{key}"), **numbers)
    maps = {method: _map(arrays, f"words/{number}/maps/{method}") for method in word.maps}
    return WordExplanation(span, quantities, maps, word.status, word.reason)


def _span(written: _Span, caption: str) -> Span:
    span = Span(**written.model_dump())
    if not 0 <= span.start < span.end or caption[span.start : span.end] != span.text:
        raise ValueError(f"characters {span.start} to {span.end} of the caption are not {span.text!r}")
    return span


def _information(arrays: Mapping[str, np.ndarray], name: str) -> Information:
    """The maps of every replicate of a pair."""
    found = [arrays[f"{name}/{part.name}"].astype(np.float64) for part in fields(Information)]
    if len({one.shape for one in found}) > 1 or found[0].ndim != 3 or len(found[0]) < 2 or not found[0].size:
        raise ValueError(f"the arrays {name} are not maps of two or more replicates (replicates, h, w)")
    return Information(*found)


def _map(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"the array {name} is missing")
    array = arrays[name]
    if array.ndim != 2 or array.dtype.kind != "f":
        raise ValueError(f"the array {name} is {array.dtype} {array.shape}; expected a map of numbers (h, w)")
    return array
