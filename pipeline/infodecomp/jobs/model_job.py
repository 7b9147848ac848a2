"""One model job: a shard of cases, its arguments and settings, what determines its results, and the record of the run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from infodecomp.config import ModelSection, parse
from infodecomp.datasets.cases import read_cases
from infodecomp.jobs.caption_tokens import CaptionTokens
from infodecomp.jobs.configured_model import load_model, model_identity
from infodecomp.jobs.image_latents import ImageLatents
from infodecomp.models.devices import resolve_precision
from infodecomp.models.protocol import DiffusionModel
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.ledger import checked_sha256
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.shards import ImageJob, Shard

# Columns of a shard's table where a case has no numbers besides its evaluations.
COUNT_COLUMNS = {**dict.fromkeys(("case_id", "status", "reason", "key"), "string"), "evaluations": "int64"}


def pilot_identity(pilot: Path | None) -> dict[str, Any]:
    """What the pilot adds to the identity of a result."""
    return {"pilot": checked_sha256(pilot)} if pilot else {}


@dataclass
class ModelJob:
    """A shard of cases and the model that runs on it; the model is loaded when it is first needed.

    stage: name of the stage. settings: of the model. image_range: as for `ImageLatents`.
    """

    stage: str
    shard: Shard
    settings: ModelSection
    args: argparse.Namespace
    image_range: str = "signed"

    @classmethod
    def open(
        cls,
        args: argparse.Namespace,
        stage: str,
        section: Mapping[str, Any],
        *,
        image_range: str = "signed",
        read: Callable[[Path], pd.DataFrame] = read_cases,
        own: Callable[[Any], str] | None = None,
        **identity: Any,
    ) -> ModelJob:
        """Open the shard that the arguments name.

        section: the settings that determine a result, as plain values. `read` reads the cases table; `identity` is whatever
        else determines a result, and `own(case)` what else determines that of one case.
        """
        settings = parse(ModelSection, args.model)
        if args.threads:
            torch.set_num_threads(args.threads)
        shard = Shard.open(
            read(args.cases),
            number=args.shard,
            shards=args.shards,
            images=args.images,
            maps=args.maps,
            identity={
                "model": model_identity(settings),
                "settings": settings.model_dump(mode="json", exclude={"id", "revision", "lora"}),
                "section": dict(section),
                "seed": args.seed,
                "code": code_digest(f"infodecomp.stages.{stage}"),
                **identity,
            },
            own=own,
        )
        return cls(stage, shard, settings, args, image_range)

    @cached_property
    def model(self) -> DiffusionModel:
        """The model, on the device and with the batch size that the arguments name."""
        args = self.args
        return load_model(self.settings, args.device, batch_size=args.batch_size, compiled=bool(args.compile))

    @property
    def seed(self) -> int:
        """The seed of the study."""
        return int(self.args.seed)

    @property
    def pilot(self) -> Path | None:
        """The file of the pilot that the draws follow, if the arguments name one."""
        return getattr(self.args, "pilot", None)

    @property
    def images(self) -> ImageLatents:
        """The shard's images as pixels and latents."""
        return ImageLatents(self.shard, self.model, self.settings, self.seed, self.image_range)

    @cached_property
    def captions(self) -> CaptionTokens:
        """The shard's captions as conditions and tokens."""
        return CaptionTokens(self.shard.fail, lambda: self.model)

    def variant(self, *, seed: int | None = None, image_range: str | None = None) -> ModelJob:
        """The same shard and model with another seed, or with pixels in another range."""
        _ = self.model  # loaded once for both
        other = copy(self)
        other.args = argparse.Namespace(**{**vars(self.args), **({} if seed is None else {"seed": seed})})
        other.image_range = image_range or self.image_range
        return other

    def compute(self, results: Callable[[list[ImageJob]], Iterable[tuple[Any, Mapping[str, np.ndarray]]]]) -> None:
        """Compute and store the cases that have no results yet, reporting progress.

        results: images with those of their cases → each case with its arrays, in any order.
        """
        pending = self.shard.pending()
        if not pending:
            return
        jobs = self.captions.readable(pending)
        cases = sum(len(job.cases) for job in jobs)
        with Progress(f"{self.stage} shard {self.args.shard}", cases, "cases") as progress:
            for case, arrays in results(jobs):
                self.shard.store(case, arrays)
                progress.advance()

    def finish(self, columns: dict[str, str], row: Callable[[Mapping[str, np.ndarray]], dict[str, Any]]) -> None:
        """Write the shard's table and its provenance, and print how many cases it has and how many failed.

        columns, row: as for `Shard.write`.
        """
        print(self.shard.write(self.args.output, columns, row, self.args.max_failed_fraction), flush=True)
        self.write_provenance()

    def write_provenance(self) -> None:
        """Write the provenance of the shard's results beside its table."""
        write_provenance(
            self.args.output.with_suffix(".provenance.json"),
            stage=self.stage,
            section=dict(self.shard.identity["section"]),
            extra={
                **self.shard.identity,
                **self._machine(),
                "shard": f"{self.args.shard} of {self.args.shards}",
            },
        )

    def _machine(self) -> dict[str, Any]:
        """What computed the results; nothing if an earlier run had computed all of them."""
        if "model" not in self.__dict__:
            return {}
        device = self.model.device
        return {
            "device": str(device),
            "precision": resolve_precision(self.settings.precision, device),
            "batch_size": int(self.model.batch_size),
            "compiled": bool(self.args.compile),
        }
