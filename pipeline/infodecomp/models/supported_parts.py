"""What the configurations of a pipeline's parts must say, so that its denoiser predicts noise from a latent and a text.

They are checked before weights are read, so that what cannot run is refused in a sentence rather than at its first call.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import diffusers
import transformers

from infodecomp.models.layout import INDEX
from infodecomp.runs.errors import InputError

PREDICTIONS = ("epsilon", "v_prediction")
_SCHEDULER, _UNET = "scheduler/scheduler_config.json", "unet/config.json"
# Settings of a U-Net with which it needs more than a latent, a timestep and a text: allowed values.
_TEXT_ONLY: Mapping[str, tuple[object, ...]] = {
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "addition_embed_type": (None, "text"),
    "encoder_hid_dim_type": (None, "text_proj"),
}

Settings = Mapping[str, Any]


class PartSettings(NamedTuple):
    """The configurations of a pipeline's parts, complete with defaults; scheduler: the object that one describes."""

    unet: Settings
    vae: Settings
    text_encoder: Settings
    scheduler: Any


def of_pipeline(pipeline: Any) -> PartSettings:
    """Those of a pipeline that is loaded."""
    text = pipeline.text_encoder.config.to_dict()
    return PartSettings(dict(pipeline.unet.config), dict(pipeline.vae.config), text, pipeline.scheduler)


def of_folder(folder: Path) -> PartSettings:
    """Those of a pipeline's folder, whose parts are of allowed classes (see `layout`).

    Raises InputError if a file is not a JSON object, or if the scheduler cannot be made from its settings.
    """
    index = _json(folder / INDEX)
    unet, vae = (_complete(folder / part / "config.json", index[part][1]) for part in ("unet", "vae"))
    text = {**transformers.CLIPTextConfig().to_dict(), **_json(folder / "text_encoder" / "config.json")}
    return PartSettings(unet, vae, text, _scheduler(folder / _SCHEDULER, index["scheduler"][1]))


def check_settings(parts: PartSettings, where: str = "") -> None:
    """InputError naming each setting with which the pipeline cannot be read; where: what stands before the files' names."""
    problems = [*_schedule_problems(parts.scheduler), *_latent_problems(parts.vae), *_denoiser_problems(parts)]
    if problems:
        raise InputError(where + f"; {where}".join(problems))


def latent_side(unet: Settings) -> int:
    """The side of the square latents that a U-Net was trained on; InputError if its configuration states none."""
    size = unet["sample_size"]
    sides = set(size) if isinstance(size, list | tuple) else {size}
    side = next(iter(sides), None)
    if len(sides) != 1 or not isinstance(side, int) or isinstance(side, bool) or side < 1:
        raise InputError(
            f"{_UNET} → sample_size is {json.dumps(size)}; expected the side of the square latents that it was trained on: "
            "set it in that file to the side of the pictures divided by what the autoencoder shrinks it by, such as 64 for "
            "512 pixels"
        )
    return side


def _schedule_problems(scheduler: Any) -> Iterator[str]:
    kind, settings = type(scheduler).__name__, scheduler.config
    prediction = settings.get("prediction_type", "epsilon")
    alphas = getattr(scheduler, "alphas_cumprod", None)
    if prediction == "flow_prediction" or settings.get("use_flow_sigmas") or kind.startswith("Flow"):
        yield (
            f"{_SCHEDULER} is of a {kind} that mixes image and noise as flow matching does, which is not supported; "
            "supported are the schedules of betas of Stable Diffusion, such as DDIMScheduler"
        )
    elif alphas is None:
        yield f"{_SCHEDULER} is of a {kind}, which has no betas; supported are schedules of betas, such as DDIMScheduler"
    elif prediction not in PREDICTIONS:
        yield f"{_SCHEDULER} → prediction_type is '{prediction}'; supported are {' and '.join(PREDICTIONS)}"
    elif not bool((alphas.isfinite() & (alphas >= 0) & (alphas <= 1)).all()) or bool((alphas.diff() > 0).any()):
        yield f"{_SCHEDULER}: its betas are not a schedule: the cumulative products of 1 − β must fall, between 1 and 0"


def _latent_problems(vae: Settings) -> Iterator[str]:
    scale = vae["scaling_factor"]
    if not isinstance(scale, int | float) or isinstance(scale, bool) or not 0 < scale < math.inf:
        yield f"vae/config.json → scaling_factor is {json.dumps(scale)}; expected a number above 0, such as 0.18215"


def _denoiser_problems(parts: PartSettings) -> Iterator[str]:
    unet, channels, width = parts.unet, parts.vae["latent_channels"], parts.text_encoder["hidden_size"]
    if unet["in_channels"] != channels:
        yield (
            f"{_UNET} → in_channels is {unet['in_channels']}, but the latents of the autoencoder have {channels} channels: "
            "it also reads a mask, a depth or another picture, as for inpainting; name a model that reads text alone"
        )
    elif unet["out_channels"] != channels:
        yield (
            f"{_UNET} → out_channels is {unet['out_channels']}, but the latents of the autoencoder have {channels} "
            "channels; expected a denoiser that predicts the noise of each, and no variance"
        )
    crossed = unet["cross_attention_dim"]
    if set(crossed if isinstance(crossed, list | tuple) else [crossed]) != {width} and unet["encoder_hid_dim"] is None:
        yield (
            f"{_UNET} → cross_attention_dim is {crossed}, but text_encoder/config.json → hidden_size is {width}; expected "
            "the same: take both parts from one model"
        )
    for key, allowed in _TEXT_ONLY.items():
        if unet[key] not in allowed:
            yield f"{_UNET} → {key} is {unet[key]!r}: it reads more than a text; name a model that reads text alone"
    try:
        latent_side(unet)
    except InputError as error:
        yield str(error)


def _scheduler(path: Path, name: str) -> Any:
    kind = getattr(diffusers, name, None)
    if kind is None:
        raise InputError(
            f"{path.parent.parent / INDEX} → scheduler is {name}, which this version of diffusers does not have."
        )
    try:
        return kind.from_config(_json(path))
    except (NotImplementedError, ValueError, TypeError, RuntimeError, ImportError) as error:
        raise InputError(f"{path}: no {name} can be made from these settings ({str(error).strip()}).") from error


def _complete(path: Path, name: str) -> Settings:
    """The settings in a file, and the class's defaults of those that it leaves out."""
    parameters = inspect.signature(getattr(diffusers, name).__init__).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}
    return {**defaults, **_json(path)}


def _json(path: Path) -> Settings:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: this is not valid JSON ({error}); download the model again.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected a JSON object, found a {type(found).__name__}; download the model again.")
    return found
