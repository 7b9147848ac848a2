"""Where a model's files are: in a local folder, or in the folder that `fetch_model` downloads a repository of the Hub to."""

from __future__ import annotations

import re
from pathlib import Path

from infodecomp.models.layout import is_weight_file, refuse_single_file
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

FETCHED = Path("data/models/hub")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT_DIGITS = 12


def is_on_hub(model_id: str) -> bool:
    """Whether an id is the name of a Hub repository, `owner/name`, rather than an existing folder."""
    named_as_on_hub = _HUB_ID.fullmatch(model_id) is not None and not is_weight_file(model_id)
    return named_as_on_hub and not Path(model_id).exists()


def fetched_name(model_id: str, revision: str | None, variant: str | None = None) -> str:
    """The name of the folder of a fetched repository: `owner--name@revision`, with the variant if there is one."""
    version = (revision or "main").replace("/", "--")
    if re.fullmatch(r"[0-9a-f]{40}", version):
        version = version[:_COMMIT_DIGITS]
    return f"{model_id.replace('/', '--')}@{version}" + (f"-{variant}" if variant else "")


def model_folder(where: str, model_id: str, revision: str | None, variant: str | None = None) -> Path:
    """The folder of a model's files; InputError, beginning with `where`, if it does not exist or was not fetched."""
    if not is_on_hub(model_id):
        folder = shipped(model_id)
        refuse_single_file(folder, f"{where} '{model_id}'")
        if not folder.is_dir():
            raise InputError(
                f"{where} '{model_id}' is neither an existing folder nor a Hugging Face Hub id (owner/name)"
            )
        return folder
    folder = FETCHED / fetched_name(model_id, revision, variant)
    if not model_lock(folder).is_file():
        raise InputError(
            f"{where} '{model_id}' (revision {revision or 'main'}) has not been fetched to {folder}: run "
            "`snakemake --cores 1 fetch` with the same configuration on a machine with network access"
        )
    return folder


def model_lock(folder: Path) -> Path:
    """The file, beside the folder of a fetched model, that holds the sizes and hashes of its files."""
    return folder.with_name(f"{folder.name}.lock.json")


def model_receipt(folder: Path) -> Path:
    """The file, beside the folder of a fetched model, that is written once the download is complete."""
    return folder.with_name(f"{folder.name}.json")
