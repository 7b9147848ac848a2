"""The models on a disk: what each folder holds and what it can be used for, from names and settings alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infodecomp.models.folders import FETCHED, model_lock
from infodecomp.models.layout import INDEX, check_pipeline_folder, clip_files, is_weight_file, refuse_single_file
from infodecomp.models.pipelines import PIPELINES
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

MODELS = FETCHED.parent
# Width of the text states → generation of Stable Diffusion.
_GENERATIONS = {768: "1", 1024: "2"}
_LORA = ("pytorch_lora_weights.safetensors", "adapter_config.json")
_COMMIT_DIGITS = 12


@dataclass(frozen=True)
class FoundModel:
    """One model on a disk.

    name: what `--model` and the configuration call it. kind: the class of a pipeline or model, "LoRA" or "single file".
    use: the key of the configuration that takes it, empty if none does; reason: why not. revision: the commit, for models of
    the Hub. place: "folder", "fetched" (to data/models/hub) or "cache" (of the Hub's client).
    """

    name: str
    path: Path
    place: str
    kind: str
    family: str
    use: str
    reason: str = ""
    revision: str = ""

    @property
    def bytes(self) -> int:
        """What its files take on the disk."""
        files = [self.path] if self.path.is_file() else self.path.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())


def shipped_and_trained() -> Iterator[FoundModel]:
    """Those in data/models: of the working folder, and those that ship with the project."""
    folders = {folder.resolve(): folder for folder in (MODELS, shipped(MODELS / "scenes").parent)}
    seen = set[str]()
    for folder in folders.values():
        for path in _entries(folder):
            found = None if path.name in {*seen, FETCHED.name} else model_in(path, (MODELS / path.name).as_posix())
            if found:
                seen.add(path.name)
                yield found


def fetched() -> Iterator[FoundModel]:
    """Those that the workflow has fetched, below the working folder."""
    for path in _entries(FETCHED):
        if path.is_dir() and model_lock(path).is_file():
            name, _, version = path.name.replace("--", "/", 1).rpartition("@")
            revision, _, variant = version.partition("-")
            found = model_in(path, name, "fetched", revision, variant or None)
            if found:
                yield found


def cached(cache: Path) -> Iterator[FoundModel]:
    """Those in the cache of the Hub's client, a snapshot each. Other repositories than pipelines and CLIPs are left out."""
    for repository in _entries(cache):
        kind, _, name = repository.name.partition("--")
        for snapshot in _entries(repository / "snapshots") if kind == "models" else ():
            found = model_in(snapshot, name.replace("--", "/"), "cache", snapshot.name[:_COMMIT_DIGITS])
            if found:
                yield found


def below(folder: Path) -> Iterator[FoundModel]:
    """The model that a folder or file is, or those right in a folder; InputError if it does not exist."""
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; expected a model, or a folder of models.")
    one = model_in(folder, str(folder))
    for found in [one] if one else (model_in(path, str(path)) for path in _entries(folder)):
        if found:
            yield found


def model_in(
    path: Path, name: str, place: str = "folder", revision: str = "", variant: str | None = None
) -> FoundModel | None:
    """What a folder or file is; None if it is no model of images and text. variant: of the weights that are to be used."""
    if path.is_file():
        if not is_weight_file(path.name):
            return None
        return FoundModel(name, path, place, "single file", "", "", _refusal(refuse_single_file, path, name), revision)
    if (path / INDEX).is_file():
        kind = str(_json(path / INDEX).get("_class_name", "")) or "unknown pipeline"
        reason = _refusal(check_pipeline_folder, path, name, variant)
        return FoundModel(name, path, place, kind, _family(path, kind), "" if reason else "model", reason, revision)
    if _json(path / "config.json").get("architectures") == ["CLIPModel"]:
        files = [file.name for file in _entries(path)]
        reason = _refusal(clip_files, files, name)
        return FoundModel(name, path, place, "CLIPModel", "CLIP", "" if reason else "clip", reason, revision)
    if any((path / file).is_file() for file in _LORA):
        return FoundModel(name, path, place, "LoRA", "LoRA", "model → lora", "", revision)
    return None


def _family(folder: Path, kind: str) -> str:
    """The family by the name that people use; that of the class if it is none of ours."""
    if kind not in PIPELINES:
        return kind.removesuffix("Pipeline")
    title = PIPELINES[kind].title
    width = _json(folder / "unet" / "config.json").get("cross_attention_dim")
    generation = (
        _GENERATIONS.get(width) if isinstance(width, int) and PIPELINES[kind].family == "stable_diffusion" else ""
    )
    return f"{title} {generation or ''}".strip()


def _refusal(check: Any, *arguments: Any) -> str:
    """The sentence with which a check refuses a model, empty if it does not."""
    try:
        check(*arguments)
    except InputError as error:
        return str(error)
    return ""


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, hidden files apart; nothing if it cannot be read."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return []


def _json(path: Path) -> dict[str, Any]:
    """The settings in a file, none if it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
