"""The model that a configuration names: its folder, the hash of its weights, and the model loaded on a device."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from infodecomp.config import ModelSection
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.devices import resolve_device
from infodecomp.models.folders import FETCHED, model_folder, model_lock
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.lora_scale import settings_beside
from infodecomp.models.protocol import DiffusionModel
from infodecomp.runs.contents import files_sha256
from infodecomp.runs.hashes import check_lock
from infodecomp.runs.ledger import checked_folder_sha256, checked_sha256, note_read
from infodecomp.runs.memory_allocator import keep_freed_memory
from infodecomp.runs.shipped import shipped


def load_model(
    settings: ModelSection, device: str, *, batch_size: int | Literal["auto"], compiled: bool = False
) -> DiffusionModel:
    """Load the model that a configuration names, from its local folder or the folder that it was fetched to."""
    device = resolve_device(device)
    if device == "cpu":
        keep_freed_memory()
    model = LatentDiffusion.load(
        str(configured_folder(settings)),
        variant=settings.variant,
        precision=settings.precision,
        lora=settings.lora,
        device=device,
        compiled=compiled,
        no_text=settings.no_text,
        size=settings.size,
    )
    model.batch_size = BatchSize.of(batch_size, model.device)
    return model


def configured_folder(settings: ModelSection) -> Path:
    """The folder of the model's files; InputError if it does not exist or the model has not been fetched."""
    return model_folder("model → id", settings.id, settings.revision, settings.variant)


def model_identity(settings: ModelSection) -> str:
    """What identifies the weights: a hash of the model's files, and of the LoRA's if there is one.

    Raises InputError if a file of a fetched model has changed since it was fetched.
    """
    weights = weights_sha256(configured_folder(settings))
    return f"{weights}+{_lora_identity(settings.lora)}" if settings.lora else weights


def weights_sha256(folder: Path) -> str:
    """SHA-256 over a model's files: all of a local folder's, or those that were fetched.

    Raises InputError if a file of a fetched model has changed since it was fetched.
    """
    lock = model_lock(folder)
    if folder.parent == FETCHED and lock.is_file():
        found = check_lock(folder, lock)
        for name, digest in found.items():
            note_read(folder / name, digest)
        return files_sha256(found)
    return checked_folder_sha256(folder)


def _lora_identity(lora: str) -> str:
    path = shipped(lora)
    if path.is_dir():
        return checked_folder_sha256(path)
    if not path.is_file():
        return lora
    settings = settings_beside(path)
    return checked_sha256(path) + (f"+{checked_sha256(settings)}" if settings else "")
