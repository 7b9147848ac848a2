"""By how much a LoRA is scaled: alpha/rank, from its file or from what was saved beside it.

Kohya stores an alpha for each layer as a tensor, and `ss_network_alpha` as a note that no loader reads. diffusers writes the
configuration of peft into the header of the file (`lora_adapter_metadata`), peft into `adapter_config.json` beside it. Where
none of them says anything, alpha is the rank.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infodecomp.models.lora_names import TEXT, UNET, Place
from infodecomp.runs.errors import InputError

PEFT_CONFIG = "adapter_config.json"
_HEADER_KEY = "lora_adapter_metadata"
# Ways of starting a training after which the base weights are others too, so that A and B alone are not the change.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


class LoraScale:
    """The scale of each layer of a LoRA."""

    def __init__(self, file: Path, header: Mapping[str, str]) -> None:
        """header: the metadata of a safetensors file. Raises InputError if the settings cannot be read, or are unknown."""
        self._file = file
        self._settings = {
            network: _of(network, settings) for settings in [_settings(file, header)] for network in (UNET, TEXT)
        }
        for settings in self._settings.values():
            _check(file, settings)

    def of(self, place: Place, rank: int, alpha: float | None) -> float:
        """The factor of B·A in a layer; alpha: of the file's tensor, None if it has none.

        Raises InputError if two places state different ones, or if the scale is no number, or 0.
        """
        settings = self._settings[place.network]
        stated = _number(settings.get("lora_alpha"))
        stated = _number(_of_layer(settings, "alpha_pattern", place), stated)
        stated_rank = _number(_of_layer(settings, "rank_pattern", place), _number(settings.get("r")))
        if stated_rank is not None and stated_rank != rank:
            raise self._error(
                f"its settings say that the rank of {place.layer} is {stated_rank:g}; its tensors have {rank}"
            )
        if alpha is not None and stated is not None and alpha != stated:
            raise self._error(f"the alpha of {place.layer} is {alpha:g} in a tensor and {stated:g} in its settings")
        found = alpha if alpha is not None else stated if stated is not None else float(rank)
        if not math.isfinite(found) or found == 0:
            raise self._error(f"the alpha of {place.layer} is {found:g}; expected a number other than 0")
        return found / (math.sqrt(rank) if settings.get("use_rslora") else rank)

    def has_magnitudes(self, place: Place) -> bool:
        """Whether the settings say that the LoRA is a DoRA, whose layers have magnitudes."""
        return bool(self._settings[place.network].get("use_dora"))

    def _error(self, problem: str) -> InputError:
        return InputError(f"{self._file}: {problem}; export the LoRA again.")


def settings_beside(file: Path) -> Path | None:
    """The file of settings that peft saved with a LoRA's file; None if there is none."""
    beside = file.with_name(PEFT_CONFIG)
    return beside if file.stem == "adapter_model" and beside.is_file() else None


def _settings(file: Path, header: Mapping[str, str]) -> Mapping[str, Any]:
    beside, where, text = settings_beside(file), f"{file}, {_HEADER_KEY}", header.get(_HEADER_KEY)
    try:
        if text is None and beside is not None:
            where, text = str(beside), beside.read_text(encoding="utf-8")
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise InputError(f"{where}: this is not valid JSON ({error}); export the LoRA again.") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected a JSON object, found a {type(found).__name__}; export the LoRA again.")
    return found


def _of(network: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of a network: keys that begin with its name, or all where no key names a network."""
    if not any(key.startswith((f"{UNET}.", f"{TEXT}.")) for key in settings):
        return settings
    return {key.removeprefix(f"{network}."): value for key, value in settings.items() if key.startswith(f"{network}.")}


def _check(file: Path, settings: Mapping[str, Any]) -> None:
    kind, start = settings.get("peft_type", "LORA"), settings.get("init_lora_weights")
    if str(kind).upper().rpartition(".")[2] != "LORA":
        raise InputError(
            f"{file}: this adapter is a {kind}; a LoRA is supported: merge it into the model, and name that."
        )
    if str(start).lower().startswith(_CHANGES_BASE):
        raise InputError(
            f"{file}: this LoRA was started by {start}, which changes the model's own weights too; convert it to a plain "
            "LoRA (`path_initial_model_for_weight_conversion` of peft's save_pretrained)."
        )


def _of_layer(settings: Mapping[str, Any], key: str, place: Place) -> Any:
    """The value of a layer in a table of patterns, which peft matches with the end of the layer's name."""
    # Older versions of transformers named the layers of a text tower with this prefix.
    name = f"text_model.{place.layer}" if place.network == TEXT else place.layer
    for pattern, value in (settings.get(key) or {}).items():
        with_any_start = rf"(.*\.)?({pattern})$"
        try:
            if re.match(with_any_start, name):
                return value
        except re.error:
            continue  # a name that is no pattern is no pattern of this layer
    return None


def _number(value: Any, otherwise: float | None = None) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
