"""One shard of cases: what is already there, what is still to do, what failed.

Results of a case are one npz file, `<maps>/<case_id>.npz`, written whole as soon as its image is done. It carries a key made
of everything that determines it; a rerun uses the file when the key agrees and computes the case again when not, or when the
file is damaged. The files are no declared output of a rule, so that Snakemake never deletes them between tries.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.datasets.cases import read_cases, shard_of
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import file_sha256
from infodecomp.runs.storage import read_arrays, write_arrays, write_table_rows

# A row holds the curves of a case: thousands of numbers.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class ImageJob:
    """An image with those of its cases that are still to be computed. Cases are rows of the cases table."""

    image_id: str
    image_path: str
    cases: tuple[Any, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a case: its row of the cases table, status, reason, and its results when the status is ok."""

    case: Any
    status: str
    reason: str
    arrays: Mapping[str, np.ndarray]


@dataclass
class Shard:
    """The cases of one shard, and the state of each.

    `identity` is what determines a result besides the case itself; `own` tells of a case what determines its result alone.
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
        cases: Path,
        *,
        number: int,
        shards: int,
        images: Path,
        maps: Path,
        identity: Mapping[str, Any],
        read: Callable[[Path], pd.DataFrame] = read_cases,
        own: Callable[[Any], str] | None = None,
    ) -> Shard:
        """Read the cases of shard `number` of `shards`; cases lost before keep their status.

        `read` reads the table, which has the columns case_id, image_id, image_path, status and reason among others.
        """
        frame = read(cases)
        frame = frame[[shard_of(image, shards) == number for image in frame["image_id"]]].reset_index(drop=True)
        shard = cls(frame, images, maps, identity, own=own)
        lost = frame[frame["status"] != "ok"]
        shard.failures = {
            case: (status, reason)
            for case, status, reason in zip(lost["case_id"], lost["status"], lost["reason"], strict=True)
        }
        return shard

    def pending(self, lacks: Callable[[Any], bool] = lambda _: False) -> list[ImageJob]:
        """The images with cases whose results are not there yet, in the order of the cases table.

        lacks: whether a case, whose arrays are there, lacks something else.
        """
        todo = [case for case in self._usable() if not self._done(case) or lacks(case)]
        images: dict[str, list[Any]] = {}
        for case in todo:
            images.setdefault(case.image_id, []).append(case)
        return [ImageJob(image, cases[0].image_path, tuple(cases)) for image, cases in images.items()]

    def store(self, case: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the results of a case; a value that is not finite makes the case a failure instead."""
        numbers = {name: value for name, value in arrays.items() if value.dtype.kind != "U"}
        broken = [name for name, value in numbers.items() if not np.isfinite(value).all()]
        if broken:
            self.fail(case, "non_finite", f"{broken[0]} holds values that are not finite")
        else:
            write_arrays(self._file(case), {**arrays, "key": np.array(self.key(case))})

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

        `row` makes the values of a finished case from its arrays; failed cases get NaN, 0 or empty lists. Raises
        InputError when more than `max_failed_fraction` of the cases (rounded up) failed.
        """
        summary = self.check_failures(max_failed_fraction)
        rows = (self._row(outcome, columns, row) for outcome in self.outcomes())
        frames = iter(lambda: list(islice(rows, _ROWS_AT_ONCE)), [])
        write_table_rows(path, (pd.DataFrame(frame, columns=list(columns)) for frame in frames), columns)
        return summary

    def check_failures(self, max_failed_fraction: float) -> str:
        """How many cases there are and how many failed, in one line; InputError when too many did."""
        failed, allowed = len(self.failures), math.ceil(max_failed_fraction * len(self.cases))
        if failed > allowed:
            shown = "; ".join(f"{case}: {reason}" for case, (_, reason) in list(self.failures.items())[:5])
            raise InputError(
                f"{failed} of {len(self.cases)} cases failed, more than max_failed_fraction allows ({allowed}): {shown}"
            )
        return f"{len(self.cases)} cases, {failed} failed"

    def outcomes(self) -> Iterator[Outcome]:
        """What became of every case, in the order of the cases table."""
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
        """The results of a case that are there, if they are whole and those of another identity; else None."""
        file = self._file(case)
        try:
            found = read_arrays(file) if file.is_file() else {}
        except InputError:
            return None
        return found if str(found.get("key")) == self.key(case, identity) else None

    def key(self, case: Any, identity: Mapping[str, Any] | None = None) -> str:
        """What the results of a case are known by: a hash of everything that determines them, of this shard or another."""
        content = {**(identity or self.identity), "case": case.case_id, "image": self._image_hash(case.image_path)}
        content |= {"own": self.own(case)} if self.own else {}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def _usable(self) -> list[Any]:
        return [case for case in self.cases.itertuples(index=False) if case.case_id not in self.failures]

    def _image_hash(self, image_path: str) -> str | None:
        """Hash of an image's file, read once however many cases it has; None without a file."""
        if image_path not in self._image_hashes:
            file = self.images / image_path
            self._image_hashes[image_path] = file_sha256(file) if file.is_file() else None
        return self._image_hashes[image_path]

    def _done(self, case: Any) -> bool:
        file = self._file(case)
        if not file.is_file():
            return False
        try:
            return str(read_arrays(file).get("key")) == self.key(case)
        except InputError as error:
            print(f"{error} It is computed again.", flush=True)
            return False

    def _file(self, case: Any) -> Path:
        return self.maps / f"{case.case_id}.npz"
