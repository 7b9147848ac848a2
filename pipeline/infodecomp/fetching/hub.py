"""Fetch files of a repository on the Hugging Face Hub to a folder, checked against the Hub's hashes and the lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self, TypeVar

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from infodecomp.fetching.download import check_room
from infodecomp.fetching.web import AddressError
from infodecomp.runs.durable import sync_files
from infodecomp.runs.hashes import Locked, content_of, mismatch, read_lock, write_lock
from infodecomp.runs.progress import Progress

_MEGABYTE = 1_000_000
_TRIES = 4

Answer = TypeVar("Answer")

# The errors of the HTTP library under the Hub's client, which differs between its major versions.
_TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]


class Repository(NamedTuple):
    """A repository of models or data sets; revision None: the newest commit."""

    kind: Literal["model", "dataset"]
    id: str
    revision: str | None

    def __str__(self) -> str:
        return f"{self.id}@{self.revision or 'main'}"


class HubFile(NamedTuple):
    """A file of a repository: its size, and its SHA-256 where the Hub knows it."""

    name: str
    bytes: int
    sha256: str


def repository_files(repository: Repository, pause: Callable[[float], None] = time.sleep) -> list[HubFile]:
    """All files of a repository. Raises AddressError if it cannot be read."""

    def ask() -> list[HubFile]:
        hub = HfApi()
        ask_about = hub.dataset_info if repository.kind == "dataset" else hub.model_info
        info = ask_about(repository.id, revision=repository.revision, files_metadata=True)
        return [
            HubFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else "") for file in info.siblings or []
        ]

    return tried(repository, ask, pause)


def fetch_repository(
    repository: Repository,
    files: Sequence[HubFile],
    folder: Path,
    lock: Path,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """Download exactly these files of a repository to a folder; returns file → SHA-256.

    Files on disk are not fetched again. Each must have the size and hash stated by the Hub, and those in the lock;
    without a lock they are recorded there. Raises AddressError if the repository has no such files, and InputError if
    the disk is full.
    """
    names = [file.name for file in files]
    total = sum(file.bytes for file in files)
    check_room(folder, total - _bytes_below(folder))
    if not lock.is_file():
        _forget(folder)
    with _Watched(folder, f"{repository}", total):
        tried(
            repository,
            lambda: snapshot_download(
                repository.id,
                repo_type=repository.kind,
                revision=repository.revision,
                local_dir=folder,
                allow_patterns=[_literal(name) for name in names],
            ),
            pause,
        )
    return _verified(repository, files, folder, lock)


def _forget(folder: Path) -> None:
    """Delete the library's notes of which files are complete: after a power cut, such a file may have lost its content.

    Without its note, a large file is compared with its hash, and a small one is fetched again.
    """
    for note in (folder / ".cache" / "huggingface" / "download").rglob("*.metadata"):
        note.unlink()


def _verified(repository: Repository, files: Sequence[HubFile], folder: Path, lock: Path) -> dict[str, str]:
    locked, found, problems = read_lock(lock), dict[str, Locked](), list[str]()
    for file in files:
        path = folder / file.name
        if not path.is_file():
            raise AddressError(f"did not give {file.name}")
        content = content_of(path)
        known = locked.get(file.name)
        wrong = mismatch(content, size=file.bytes, md5="", sha256=file.sha256)
        if not wrong and known:
            wrong = mismatch(content, size=known.bytes, md5="", sha256=known.sha256)
            wrong += f" (recorded in {lock} at the first fetch)" if wrong else ""
        if wrong:
            path.unlink()
            problems.append(f"gave another {file.name}: {wrong}")
        found[file.name] = Locked(content.bytes, content.sha256)
    if problems:
        raise AddressError("; ".join(problems))
    sync_files(folder / name for name in found)
    if not locked:
        write_lock(lock, found, str(repository))
    return {name: known.sha256 for name, known in found.items()}


def tried(repository: Repository, action: Callable[[], Answer], pause: Callable[[float], None]) -> Answer:
    """Do it, again after a cut or while the server is busy; AddressError, in a few words, when it cannot be done."""
    for attempt in range(_TRIES):
        try:
            return action()
        except GatedRepoError as error:
            raise AddressError(
                "is gated: accept its terms on its page on the Hub and log in with `hf auth login`"
            ) from error
        except RevisionNotFoundError as error:
            raise AddressError(f"has no revision {repository.revision}") from error
        except RepositoryNotFoundError as error:
            raise AddressError(
                "is not on the Hub, or is private: check its name, or log in with `hf auth login`"
            ) from error
        except HFValidationError as error:
            raise AddressError("is no id of a repository on the Hub, which reads owner/name") from error
        except OfflineModeIsEnabled as error:
            raise AddressError("is not asked, because HF_HUB_OFFLINE is set") from error
        except (HfHubHTTPError, LocalEntryNotFoundError, _TRANSPORT_ERROR, OSError) as error:
            response = getattr(error, "response", None)
            code = getattr(response, "status_code", None)
            reason = f"answered {code}" if code else "no connection"
            if (code is not None and code < 500 and code != 429) or attempt == _TRIES - 1:
                raise AddressError(reason) from error
            print(f"{repository}: {reason}; trying again", flush=True)
            pause(2.0**attempt)
    raise AssertionError


def _literal(name: str) -> str:
    """A pattern that matches this name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _bytes_below(folder: Path) -> int:
    """Bytes of all files in a folder, those that are still coming included."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


class _Watched:
    """Reports how much of a folder has come, while the library fetches it."""

    def __init__(self, folder: Path, label: str, total: int) -> None:
        before = _bytes_below(folder) // _MEGABYTE
        self._folder, self._stop = folder, threading.Event()
        self._progress = Progress(label, total // _MEGABYTE, "MB", before=before)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._update()
        self._progress.close()

    def _watch(self) -> None:
        while not self._stop.wait(1.0):
            self._update()

    def _update(self) -> None:
        self._progress.advance(_bytes_below(self._folder) // _MEGABYTE - self._progress.done)
