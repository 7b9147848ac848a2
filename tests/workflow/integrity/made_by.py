"""Who made each file of a study, and from what: read from what Snakemake keeps of its jobs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from tests.workflow.integrity.study import CONFIG

# Neither results nor inputs: what jobs print, how long they took, and what Snakemake keeps for itself.
_NO_RESULT = ("logs", ".snakemake")
# Where Snakemake keeps a record of each output: named by it in base64, long names cut into folders.
_RECORDS = Path(".snakemake", "metadata")
_LONGEST = 254


@dataclass(frozen=True)
class Job:
    """A job of the study: its rule, and its files, relative to the working folder."""

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Making:
    """The jobs that ran in a folder, and the files that they left."""

    jobs: tuple[Job, ...]
    files: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path) -> Making:
        """Read the records of Snakemake below a working folder in which a study has run."""
        made: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for output, record in sorted(_records(folder / _RECORDS)):
            made.setdefault((record["rule"], tuple(record["input"] or ())), []).append(output)
        jobs = tuple(Job(rule, tuple(outputs), inputs) for (rule, inputs), outputs in made.items())
        return cls(jobs, tuple(sorted(_files(folder))))

    def maker(self, file: str) -> Job | None:
        """The job of an output, or of a file in the folder of its outputs; None for what no job made.

        Shards leave the arrays of their cases in one folder: any of their jobs stands for all, see `Job.rule`.
        """
        if file in self._by_output:
            return self._by_output[file]
        for parent in PurePosixPath(file).parents:
            found = self._by_output.get(str(parent)) or self._by_folder.get(str(parent))
            if found:
                return found
        return None

    def made(self, result: str) -> Job:
        """The job of a result; KeyError if none made it."""
        job = self.maker(result)
        if job is None:
            raise KeyError(result)
        return job

    def readers(self, file: str) -> list[Job]:
        """The jobs that read a file: by name, or as one of the files beside the outputs of its maker, or beside inputs.

        Rules name the annotations of a folder, not its pictures.
        """
        maker = self.maker(file)
        names = {file, *(output for job in self._siblings(maker) for output in job.outputs)} if maker else {file}
        found = [job for job in self.jobs if not names.isdisjoint(job.inputs)]
        if found or maker:
            return found
        folder = f"{PurePosixPath(file).parts[0]}/"
        return [job for job in self.jobs if any(name.startswith(folder) for name in job.inputs)]

    def below(self, file: str) -> list[Job]:
        """All jobs that read a file, or what was made from it, directly or not."""
        waiting, found = self.readers(file), dict[Job, None]()
        while waiting:
            job = waiting.pop()
            if job not in found:
                found[job] = None
                waiting += [reader for output in job.outputs for reader in self.readers(output)]
        return list(found)

    def above(self, job: Job) -> set[Job]:
        """A job, and all that made what it reads."""
        waiting, found = [job], set[Job]()
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [maker for name in one.inputs if (maker := self.maker(name))]
        return found

    def _siblings(self, job: Job | None) -> list[Job]:
        """The jobs of the same rule with outputs in the same folder: the shards of a dataset."""
        if job is None:
            return []
        folders = {str(PurePosixPath(output).parent) for output in job.outputs}
        return [
            one
            for one in self.jobs
            if one.rule == job.rule and not folders.isdisjoint(str(PurePosixPath(name).parent) for name in one.outputs)
        ]

    @cached_property
    def _by_output(self) -> Mapping[str, Job]:
        return {output: job for job in self.jobs for output in job.outputs}

    @cached_property
    def _by_folder(self) -> Mapping[str, Job]:
        return {str(PurePosixPath(output).parent): job for job in self.jobs for output in job.outputs}


def is_result_or_input(file: str) -> bool:
    """Whether a file of the working folder belongs to the study: not a log, not Snakemake's own, not its configuration."""
    path = PurePosixPath(file)
    return not any(part in _NO_RESULT for part in path.parts) and not path.name.startswith(".") and file != CONFIG


def record_of(folder: Path, output: str) -> Path:
    """The file in which Snakemake remembers an output, below a working folder."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    parts = [name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST)]
    return folder.joinpath(_RECORDS, *(f"@{part}" for part in parts[:-1]), parts[-1])


def _records(folder: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """Output → what Snakemake recorded of its job."""
    for path in folder.rglob("*"):
        if path.is_file():
            name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
            yield base64.urlsafe_b64decode(name).decode(), json.loads(path.read_text(encoding="utf-8"))


def _files(folder: Path) -> Iterable[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and is_result_or_input(name):
            yield name
