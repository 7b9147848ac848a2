"""Download a model from the Hugging Face Hub: exactly the files that are read, at a pinned revision, with hashes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from huggingface_hub import hf_hub_download

from infodecomp.fetching.hub import HubFile, Repository, fetch_repository, repository_files, tried
from infodecomp.fetching.web import AddressError
from infodecomp.models.folders import model_lock
from infodecomp.models.layout import INDEX, clip_files, pipeline_files
from infodecomp.runs.errors import InputError
from infodecomp.runs.hashes import check_lock

ModelKind = Literal["diffusion", "clip"]


def fetch_model(
    kind: ModelKind,
    where: str,
    repositories: Sequence[Repository],
    variant: str | None,
    folder: Path,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """Download a model to a folder from the first repository that has it; returns file → SHA-256.

    A model on disk is only checked, without a network. Raises InputError, beginning with `where`, with what each
    repository answered; and one naming the file if a file has changed since it was fetched.
    """
    lock = model_lock(folder)
    if lock.is_file() and folder.is_dir():
        return check_lock(folder, lock)
    answers = list[str]()
    for repository in repositories:
        print(f"fetching {repository}", flush=True)
        try:
            files = _files(kind, repository, variant, folder, pause)
            return fetch_repository(repository, files, folder, lock, pause)
        except AddressError as error:
            answers.append(f"{repository} {error}")
        print(answers[-1], flush=True)
    known = f"; if a different model is acceptable, delete {lock}" if lock.is_file() else ""
    raise InputError(
        f"{where} could not be fetched: {'; '.join(answers)}; name another repository in `mirrors`, or a local folder as "
        f"`id`{known}."
    )


def _files(
    kind: ModelKind, repository: Repository, variant: str | None, folder: Path, pause: Callable[[float], None]
) -> list[HubFile]:
    """The files to download of those in a repository; AddressError if it has no such model."""
    found = {file.name: file for file in repository_files(repository, pause)}
    try:
        if kind == "clip":
            needed = clip_files(found, "it")
        else:
            if INDEX not in found:
                raise AddressError(f"is not a diffusers pipeline: it has no {INDEX}")
            index = tried(
                repository,
                lambda: hf_hub_download(repository.id, INDEX, revision=repository.revision, local_dir=folder),
                pause,
            )
            needed = pipeline_files(Path(index).read_bytes(), found, "it", variant)
    except InputError as error:
        raise AddressError(f"is not usable: {error}") from error
    return [found[name] for name in needed]
