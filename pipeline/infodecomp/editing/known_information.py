"""MI and CMI that the localisation study has estimated already, so that the editing study need not estimate them again."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.config.settings import EditImages
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import read_arrays, read_table


@dataclass(frozen=True)
class KnownInformation:
    """MI and CMI of the localisation study: the key of each finished case's results, and the folder of the maps."""

    keys: Mapping[str, str]
    maps: Path

    @classmethod
    def of(cls, table: Path, cases: Sequence[Any], key: Callable[[Any], str]) -> KnownInformation:
        """The cases among `cases` that a shard of estimate_information has finished; their maps lie beside its table.

        Args:
            table: of the shard.
            cases: rows of the cases table.
            key: case → the key that its results must have, `Shard.key` of that stage.

        Raises:
            InputError: results have another key: they belong to another seed, model, image, code or configuration.
        """
        rows = read_table(table, SHARD_COLUMNS)
        finished = rows.loc[rows["status"] == "ok"]
        found = dict(zip(finished["case_id"], finished["key"], strict=True))
        keys = {case.case_id: key(case) for case in cases if case.case_id in found}
        others = [case for case in keys if found[case] != keys[case]]
        if others:
            raise InputError(
                f"{table}: the key of case {others[0]} is {found[others[0]]}; expected {keys[others[0]]}, the one for this "
                "seed, model, image, code, and these settings of `information`, `editing` and `attention` "
                f"({len(others)} of {len(keys)} cases differ); run estimate_information again."
            )
        return cls(keys, table.parent / "maps")

    def arrays(self, case: Any, steps: int) -> dict[str, np.ndarray]:
        """Maps (h, w) and totals of a case at a number of draws, nats; empty for a case that is not known.

        Raises InputError when the key of the maps is not the one in the table.
        """
        if case.case_id not in self.keys:
            return {}
        path = self.maps / f"{case.case_id}.npz"
        found = read_arrays(path)
        key = str(found.get("key"))
        if key != self.keys[case.case_id]:
            raise InputError(f"{path}: key is {key}; expected {self.keys[case.case_id]}, that of its table.")
        arrays: dict[str, np.ndarray] = {}
        for name in ("mi", "cmi"):
            for letter, kind in (("s", "standard"), ("o", "orthogonal")):
                arrays[f"predictor/{name}_{letter}"] = found[f"{name}/{kind}/{steps}"]
                arrays[f"{name}_{letter}"] = found[f"{name}_{kind}"]
                arrays[f"{name}_{letter}_error"] = found[f"{name}_{kind}_error"]
        return arrays


def known_information(args: argparse.Namespace, settings: EditImages, jobs: Sequence[ImageJob]) -> KnownInformation:
    """What the table `args.known` knows of the jobs' cases, nothing without it.

    Raises InputError unless it holds what the editing study would compute itself.
    """
    if not args.known:
        return KnownInformation({}, Path())
    identity = {"heads": settings.heads, **pilot_identity(args.pilot)}
    estimates = ModelJob.open(args, "estimate_information", settings.information.model_dump(mode="json"), **identity)
    return KnownInformation.of(args.known, [case for job in jobs for case in job.cases], estimates.shard.key)
