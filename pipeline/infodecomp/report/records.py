"""How the results were made, from the results themselves: failures, provenance, evaluations and hours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.report.cells import Table
from infodecomp.report.layout import StudyFolder, read_columns
from infodecomp.runs.errors import InputError
from infodecomp.runs.job_record import read_content

# Stages that run the denoiser case by case.
_COUNTED = (
    *("estimate_information", "record_attention", "record_gradients"),
    *("generate_images", "explain_images", "edit_images"),
    *("decompose_information", "judge_maps"),
)
_SHOWN_PACKAGES = ("torch", "diffusers", "transformers", "numpy", "scipy", "snakemake")


def failures(study: StudyFolder, datasets: Sequence[str]) -> Table | None:
    """Every kind of failure with its number and one reason; None without any."""
    found = [(dataset, *one) for dataset in datasets for one in _statuses(study, dataset)]
    found += [(name, "estimate_representation", frame) for name in study.described for frame in _described(study, name)]
    body = [
        [dataset, stage, status, part["reason"].iloc[0], len(part)]
        for dataset, stage, frame in found
        for status, part in frame[frame["status"] != "ok"].groupby("status", sort=True)
    ]
    if not body:
        return None
    head = ["dataset", "stage", "status", "first reason", "rows"]
    return Table(head, body, words=4, caption="Rows without a result")


def _statuses(study: StudyFolder, dataset: str) -> list[tuple[str, pd.DataFrame]]:
    columns = ["status", "reason"]
    found = [("cases", read_columns(study.cases(dataset), columns))]
    for folder in sorted(path for path in (study.root / dataset).iterdir() if path.is_dir()):
        paths = [*study.shard_tables(dataset, folder.name), *folder.glob("scores.parquet")]
        if paths:
            found.append((folder.name, pd.concat([read_columns(path, columns) for path in paths])))
    return found


def _described(study: StudyFolder, description: str) -> list[pd.DataFrame]:
    """The statuses of the images that a code or factors describe, as one table if there are any."""
    found = [read_columns(path, ["status", "reason"]) for path in study.described_shards(description)]
    return [pd.concat(found)] if found else []


@dataclass
class _Records:
    """All records of a stage together."""

    records: int = 0
    models: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    sections: list[str] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class StageProvenance:
    """What the page shows of a stage: number of records, last date, digests of its code, settings as JSON."""

    name: str
    records: int
    date: str
    code: str
    sections: Sequence[str]


@dataclass(frozen=True)
class Provenance:
    """Facts of the whole study (name, value), and then each stage."""

    facts: Sequence[tuple[str, str]]
    stages: Sequence[StageProvenance]


def provenance(study: StudyFolder, datasets: Sequence[str]) -> Provenance:
    """Versions, dates and models of the study, then the code and settings of each stage."""
    records = [_record(path) for path in _record_files(study, datasets)]
    stages: dict[str, _Records] = {}
    for record in records:
        stage = stages.setdefault(record["stage"], _Records())
        extra = record["extra"]
        stage.records += 1
        stage.models |= {extra["model"]} if extra.get("model") else set()
        stage.devices |= {extra["device"]} if "device" in extra else set()
        stage.codes.add(record["code_digest"])
        stage.dates.add(record["date"])
        section = json.dumps(record["section"], indent=2, ensure_ascii=False)
        stage.sections += [section] if section not in stage.sections else []
    facts = [
        ("infodecomp", _all(str(record["infodecomp"]) for record in records)),
        ("commit", _all(str(record["git_commit"] or "outside a checkout") for record in records)),
        ("made", f"{min(r['date'] for r in records)} to {max(r['date'] for r in records)}" if records else "–"),
        ("model, SHA-256", _all(model for stage in stages.values() for model in stage.models)),
        ("device", _all(device for stage in stages.values() for device in stage.devices)),
        ("denoiser evaluations", f"{evaluations(study, datasets):,}, if every case ran alone"),
        ("hours of the model stages", _hours(study, datasets)),
        ("Python", _all(record["python"] for record in records)),
        *((name, _all(str(record["packages"].get(name)) for record in records)) for name in _SHOWN_PACKAGES),
    ]
    return Provenance(facts, [_summed(name, stage) for name, stage in sorted(stages.items())])


def _summed(name: str, stage: _Records) -> StageProvenance:
    return StageProvenance(name, stage.records, max(stage.dates), ", ".join(sorted(stage.codes)), stage.sections)


def evaluations(study: StudyFolder, datasets: Sequence[str]) -> int:
    """Denoiser evaluations of all cases, each counted as if it ran alone; scores made together count once."""
    total = 0
    for dataset in datasets:
        for stage in _COUNTED:
            for path in study.shard_tables(dataset, stage):
                total += int(read_columns(path, ["evaluations"])["evaluations"].sum())
        for path in study.retrieval_scores(dataset):
            frame = read_columns(path, ["case_id", "score", "evaluations"])
            # The scores of the estimator share their draws.
            frame["run"] = frame["score"].replace(
                {"i_o": "information", "i_s": "information", "neg_nll": "information"}
            )
            total += int(frame.groupby(["case_id", "run"])["evaluations"].max().sum())
    return total


def _hours(study: StudyFolder, datasets: Sequence[str]) -> str:
    files = [path for dataset in datasets for path in sorted((study.root / dataset / "logs").glob("*.tsv"))]
    if not files:
        return "not recorded"
    times = pd.concat([pd.read_csv(path, sep="\t", usecols=["s"]) for path in files])
    return f"{times['s'].sum() / 3600:.2f}, jobs one after the other"


def _record_files(study: StudyFolder, datasets: Sequence[str]) -> list[Path]:
    shared = ("tables", "validation", "representation")
    folders = [*(study.root / name for name in datasets), *(study.root / name for name in shared)]
    return sorted(path for folder in folders for path in folder.rglob("*.provenance.json"))


def _record(path: Path) -> dict[str, Any]:
    record = read_content(path) or {}
    needed = {"stage", "code_digest", "date", "section", "extra", "infodecomp", "git_commit", "python", "packages"}
    missing = sorted(needed - set(record))
    if missing:
        raise InputError(f"{path}: the record lacks {', '.join(missing)}.")
    return record


def _all(values: Any) -> str:
    return ", ".join(sorted(set(values))) or "–"
