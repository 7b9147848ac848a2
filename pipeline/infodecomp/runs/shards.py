"""One shard of cases: which have results already, which are pending, and which failed.

The results of a case are one npz file, `<maps>/<case_id>.npz`, written as soon as its image is done, after the pictures
that belong to them. It holds a key made of everything that determines the results, and the SHA-256 of each picture; a rerun
keeps the case if the key and the pictures agree, and otherwise, or if a file is damaged or missing, computes it again. The
files are not declared as outputs of a rule, so that Snakemake never deletes them between tries.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.runs.contents import file_sha256
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked_sha256, kept, note_read
from infodecomp.runs.storage import read_arrays, write_arrays, write_table_rows

# Rows hold the curves of a case, thousands of numbers.
_ROWS_AT_ONCE = 64


def shard_of(image_id: str, shards: int) -> int:
    """The shard (0 … shards − 1) of an image: a function of its id alone, so that adding a case touches one shard."""
    return int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8], "big") % shards


@dataclass(frozen=True)
class ImageJob:
    """An image with those of its cases that are pending; cases are rows of the cases table."""

    image_id: str
    image_path: str
    cases: tuple[Any, ...]

    @property
    def orientation(self) -> int:
        """How the pixels of the file are turned, a value of EXIF: 1, as stored, unless the table of cases says so."""
        return int(getattr(self.cases[0], "orientation", 1))


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case: its row of the cases table, status and reason, and its arrays if the status is ok."""

    case: Any
    status: str
    reason: str
    arrays: Mapping[str, np.ndarray]


@dataclass
class Shard:
    """The cases of one shard, and the state of each.

    identity: what determines all results of the shard; own: what else determines those of one case, case → text.
    """

    cases: pd.DataFrame
    images: Path
    maps: Path
    identity: Mapping[str, Any]
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    own: Callable[[Any], str] | None = None
    _image_hashes: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        cases: pd.DataFrame,
        *,
        number: int,
        shards: int,
        images: Path,
        maps: Path,
        identity: Mapping[str, Any],
        own: Callable[[Any], str] | None = None,
    ) -> Shard:
        """Shard `number` of `shards` of a table of cases; cases that the table already counts as failed keep their status.

        cases: with the columns case_id, image_id, image_path, status and reason, among others. images: the folder that image
        paths are relative to.
        """
        frame = cases[[shard_of(image, shards) == number for image in cases["image_id"]]].reset_index(drop=True)
        shard = cls(frame, images, maps, identity, own=own)
        lost = frame[frame["status"] != "ok"]
        shard.failures = {
            case: (status, reason)
            for case, status, reason in zip(lost["case_id"], lost["status"], lost["reason"], strict=True)
        }
        return shard

    def pending(self, lacks: Callable[[Any], bool] = lambda _: False) -> list[ImageJob]:
        """The images with cases that have no results yet, in the order of the cases table.

        lacks: whether a case that has its results lacks something else.
        """
        todo = [case for case in self._usable() if not self._done(case) or lacks(case)]
        images: dict[str, list[Any]] = {}
        for case in todo:
            images.setdefault(case.image_id, []).append(case)
        return [ImageJob(image, cases[0].image_path, tuple(cases)) for image, cases in images.items()]

    def store(self, case: Any, arrays: Mapping[str, np.ndarray], pictures: Iterable[Path] = ()) -> None:
        """Store the results of a case; if a value is not finite, the case fails instead.

        pictures: files that belong to the results, written already.
        """
        numbers = {name: value for name, value in arrays.items() if value.dtype.kind != "U"}
        broken = [name for name, value in numbers.items() if not np.isfinite(value).all()]
        if broken:
            self.fail(case, "non_finite", f"{broken[0]} holds values that are not finite")
        else:
            sums = [f"{os.path.relpath(path, self.maps)} {file_sha256(path)}" for path in pictures]
            named = {"pictures": np.array(sums)} if sums else {}
            write_arrays(self._file(case), {**arrays, **named, "key": np.array(self.key(case))})

    def fail(self, case: Any, status: str, reason: str) -> None:
        """Record that a case could not be computed."""
        self.failures[case.case_id] = (status, reason)

    def write(
        self,
        path: Path,
        columns: Mapping[str, str],
        row: Callable[[Mapping[str, np.ndarray]], dict[str, Any]],
        max_failed_fraction: float,
    ) -> str:
        """Write the shard's table and return a one-line summary.

        `row` returns the values of a finished case from its arrays; failed cases get NaN, 0 or empty lists. Raises
        InputError if more than `max_failed_fraction` of the cases (rounded up) failed.
        """
        summary = self.check_failures(max_failed_fraction)
        rows = (self._row(outcome, columns, row) for outcome in self.outcomes())
        frames = iter(lambda: list(islice(rows, _ROWS_AT_ONCE)), [])
        write_table_rows(path, (pd.DataFrame(frame, columns=list(columns)) for frame in frames), columns)
        return summary

    def check_failures(self, max_failed_fraction: float) -> str:
        """The numbers of cases and of failed ones in one line; InputError if too many failed, or all that could be run."""
        failed, allowed = len(self.failures), math.ceil(max_failed_fraction * len(self.cases))
        lost_before = int((self.cases["status"] != "ok").sum())
        if lost_before < failed == len(self.cases):
            allowed = lost_before  # the fraction is rounded up, but a result without any case is none
        if failed > allowed:
            shown = "; ".join(f"{case}: {reason}" for case, (_, reason) in list(self.failures.items())[:5])
            raise InputError(
                f"{failed} of {len(self.cases)} cases failed, more than max_failed_fraction allows ({allowed}): {shown}"
            )
        return f"{len(self.cases)} cases, {failed} failed"

    def outcomes(self) -> Iterator[Outcome]:
        """The outcome of every case, in the order of the cases table."""
        for case in self.cases.itertuples(index=False):
            status, reason = self.failures.get(str(case.case_id), ("ok", ""))
            yield Outcome(case, status, reason, read_arrays(self._file(case)) if status == "ok" else {})

    def _row(
        self, outcome: Outcome, columns: Mapping[str, str], row: Callable[[Mapping[str, np.ndarray]], dict[str, Any]]
    ) -> dict[str, Any]:
        values = dict.fromkeys(columns, math.nan) | {
            name: {"int64": 0, "list<float64>": [], "string": ""}[kind]
            for name, kind in columns.items()
            if kind != "float64"
        }
        if outcome.status == "ok":
            values |= {**row(outcome.arrays), "key": self.key(outcome.case)}
        return values | {"case_id": outcome.case.case_id, "status": outcome.status, "reason": outcome.reason}

    def earlier(self, case: Any, identity: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """The stored results of a case, if they are complete and belong to that other identity; else None."""
        file = self._file(case)
        try:
            found = read_arrays(file, own=True) if file.is_file() else {}
        except InputError:
            return None
        return found if str(found.get("key")) == self.key(case, identity) else None

    def key(self, case: Any, identity: Mapping[str, Any] | None = None) -> str:
        """The key of a case's results: a hash of everything that determines them. identity: another than the shard's."""
        content = {**(identity or self.identity), "case": case.case_id, "image": self._image_hash(case.image_path)}
        content |= {"own": self.own(case)} if self.own else {}
        turned = int(getattr(case, "orientation", 1))
        content |= {"orientation": turned} if turned != 1 else {}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def _usable(self) -> list[Any]:
        return [case for case in self.cases.itertuples(index=False) if case.case_id not in self.failures]

    def _image_hash(self, image_path: str) -> str | None:
        """Hash of an image's file, read once for all its cases; None if there is no file, or the image has none.

        An image without a path is drawn, or one of many in a file; the identity holds what it is made from.
        """
        if not image_path:
            return None
        if image_path not in self._image_hashes:
            file = self.images / image_path
            self._image_hashes[image_path] = checked_sha256(file) if file.is_file() else None
            if self._image_hashes[image_path] is None:
                note_read(file, "")
        return self._image_hashes[image_path]

    def _done(self, case: Any) -> bool:
        file = self._file(case)
        if not file.is_file():
            return False
        try:
            found = read_arrays(file, own=True)
        except InputError as error:
            print(f"{error} The case is computed again.", flush=True)
            return False
        if str(found.get("key")) != self.key(case):
            return False
        sums = (str(line).rsplit(" ", 1) for line in found.get("pictures", ()))
        pictures = {self.maps / name: digest for name, digest in sums}
        for path, digest in pictures.items():
            if not path.is_file() or file_sha256(path) != digest:
                print(f"{path}: missing, or not the picture that was written. The case is computed again.", flush=True)
                return False
        for path in (file, *pictures):
            kept(path)
        return True

    def _file(self, case: Any) -> Path:
        return self.maps / f"{case.case_id}.npz"
