"""Where a model's files lie: in a folder of the user's, or where `fetch_model` has put a repository of the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from infodecomp.fetching.hashes import check_lock
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import files_sha256, folder_sha256
from infodecomp.runs.shipped import shipped

FETCHED = Path("data/models/hub")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT_DIGITS = 12


def is_on_hub(model_id: str) -> bool:
    """Whether an id names a repository of the Hub, `owner/name`, and no folder that is there."""
    return _HUB_ID.fullmatch(model_id) is not None and not Path(model_id).exists()


def fetched_name(model_id: str, revision: str | None, variant: str | None = None) -> str:
    """The name of the folder of a fetched repository: `owner--name@revision`, with the variant if there is one."""
    version = (revision or "main").replace("/", "--")
    if re.fullmatch(r"[0-9a-f]{40}", version):
        version = version[:_COMMIT_DIGITS]
    return f"{model_id.replace('/', '--')}@{version}" + (f"-{variant}" if variant else "")


def model_folder(where: str, model_id: str, revision: str | None, variant: str | None = None) -> Path:
    """The folder of a model's files. InputError, beginning with `where`, if there is none."""
    if not is_on_hub(model_id):
        folder = shipped(model_id)
        if not folder.is_dir():
            raise InputError(
                f"{where} '{model_id}' is no folder here, nor does it read owner/name as an id on the Hugging Face Hub does"
            )
        return folder
    folder = FETCHED / fetched_name(model_id, revision, variant)
    if not model_lock(folder).is_file():
        raise InputError(
            f"{where} '{model_id}' (revision {revision or 'main'}) has not been fetched to {folder}: run "
            "`snakemake --cores 1 fetch` with the same configuration where there is a network"
        )
    return folder


def weights_sha256(folder: Path) -> str:
    """Hash of a model's files: those of a local folder, or those of a fetched model.

    Raises InputError if a file of a fetched model is not the one that was fetched.
    """
    lock = model_lock(folder)
    if folder.parent == FETCHED and lock.is_file():
        return files_sha256(check_lock(folder, lock))
    return folder_sha256(folder)


def model_lock(folder: Path) -> Path:
    """Sizes and hashes of the files of a fetched model, beside its folder."""
    return folder.with_name(f"{folder.name}.lock.json")


def model_receipt(folder: Path) -> Path:
    """Written when a model has come whole."""
    return folder.with_name(f"{folder.name}.json")
