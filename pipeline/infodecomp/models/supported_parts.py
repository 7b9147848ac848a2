"""What the configurations of a pipeline's parts must say, so that its denoiser predicts noise from a latent and a text.

Each family names the checks that its parts must pass.

They are checked before weights are read, so that what cannot run is refused in a sentence rather than at its first call.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import transformers

from infodecomp.models.layout import INDEX
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.trained_noise import is_edm, is_flow
from infodecomp.runs.errors import InputError

PREDICTIONS = ("epsilon", "v_prediction")
_SCHEDULER, _UNET = "scheduler/scheduler_config.json", "unet/config.json"
# Defaults of what a folder's text encoder may leave out.
_CLIP = "CLIPTextModel"
# Settings of a U-Net with which it needs more than a latent, a timestep and a text: allowed values.
_TEXT_ONLY: Mapping[str, tuple[object, ...]] = {
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "addition_embed_type": (None, "text"),
    "encoder_hid_dim_type": (None, "text_proj"),
}

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class PartSettings:
    """The configurations of a pipeline's networks by part, with all defaults; scheduler: the object that one describes."""

    networks: Mapping[str, Settings]
    scheduler: Any

    def __getitem__(self, part: str) -> Settings:
        return self.networks[part]


def of_pipeline(pipeline: Any, kind: PipelineKind) -> PartSettings:
    """Those of a pipeline that is loaded."""
    networks = {part: getattr(pipeline, part) for part in kind.networks}
    return PartSettings(
        {part: _as_dict(network.config) for part, network in networks.items() if network is not None},
        pipeline.scheduler,
    )


def of_folder(folder: Path, kind: PipelineKind) -> PartSettings:
    """Those of a pipeline's folder, whose parts are of allowed classes (see `layout`).

    Raises InputError if a file is not a JSON object, or if the scheduler cannot be made from its settings.
    """
    index = _json(folder / INDEX)
    there = [part for part in kind.networks if index.get(part, [None])[0] is not None]
    networks = {part: _complete(folder / part / "config.json", index[part]) for part in there}
    return PartSettings(networks, _scheduler(folder / _SCHEDULER, index["scheduler"][1]))


def check_settings(problems: Iterable[str], where: str = "") -> None:
    """InputError naming each problem of a pipeline; where: what stands before the files' names."""
    if found := list(problems):
        raise InputError(where + f"; {where}".join(found))


def latent_side(settings: Settings, part: str = "unet") -> int:
    """The side of the square latents that a denoiser was trained on; InputError if its configuration states none."""
    size = settings["sample_size"]
    sides = set(size) if isinstance(size, list | tuple) else {size}
    side = next(iter(sides), None)
    if len(sides) != 1 or not isinstance(side, int) or isinstance(side, bool) or side < 1:
        raise InputError(
            f"{part}/config.json → sample_size is {json.dumps(size)}; expected the side of the square latents that it was "
            "trained on: set it in that file to the side of the pictures divided by what the autoencoder shrinks it by, "
            "such as 64 for 512 pixels"
        )
    return side


def schedule_problems(scheduler: Any, *, edm: bool = False) -> Iterator[str]:
    """Of a scheduler that must have betas; edm: or the preconditioning of EDM."""
    kind, settings = type(scheduler).__name__, scheduler.config
    prediction = settings.get("prediction_type", "epsilon")
    alphas = getattr(scheduler, "alphas_cumprod", None)
    if is_flow(scheduler):
        yield (
            f"{_SCHEDULER} is of a {kind} that mixes image and noise as flow matching does, which is not supported; "
            "supported are the schedules of betas of Stable Diffusion, such as DDIMScheduler"
        )
    elif edm and is_edm(scheduler):
        if prediction != "epsilon":
            yield f"{_SCHEDULER} → prediction_type is '{prediction}'; supported with EDM is epsilon"
    elif alphas is None:
        yield f"{_SCHEDULER} is of a {kind}, which has no betas; supported are schedules of betas, such as DDIMScheduler"
    elif prediction not in PREDICTIONS:
        yield f"{_SCHEDULER} → prediction_type is '{prediction}'; supported are {' and '.join(PREDICTIONS)}"
    elif not bool((alphas.isfinite() & (alphas >= 0) & (alphas <= 1)).all()) or bool((alphas.diff() > 0).any()):
        yield f"{_SCHEDULER}: its betas are not a schedule: the cumulative products of 1 − β must fall, between 1 and 0"


def flow_problems(scheduler: Any) -> Iterator[str]:
    """Of a scheduler that must mix image and noise as flow matching does."""
    if not is_flow(scheduler):
        yield (
            f"{_SCHEDULER} is of a {type(scheduler).__name__} of betas, but this model was trained as a flow; expected the "
            "scheduler that it was published with, such as FlowMatchEulerDiscreteScheduler"
        )


def latent_problems(vae: Settings) -> Iterator[str]:
    """Of an autoencoder without a scale of its latents."""
    scale = vae["scaling_factor"]
    if not isinstance(scale, int | float) or isinstance(scale, bool) or not 0 < scale < math.inf:
        yield f"vae/config.json → scaling_factor is {json.dumps(scale)}; expected a number above 0, such as 0.18215"


def channel_problems(part: str, settings: PartSettings, *, variance: bool = False) -> Iterator[str]:
    """Of a denoiser that does not read latents and predict as many channels; variance: twice as many, half unused."""
    denoiser, channels = settings[part], settings["vae"]["latent_channels"]
    read, answered = denoiser["in_channels"], denoiser["out_channels"]
    if read != channels:
        yield (
            f"{part}/config.json → in_channels is {read}, but the latents of the autoencoder have {channels} channels: "
            "it also reads a mask, a depth or another picture, as for inpainting; name a model that reads text alone"
        )
    elif answered not in (channels, 2 * channels if variance else channels):
        yield (
            f"{part}/config.json → out_channels is {answered}, but the latents of the autoencoder have {channels} "
            "channels; expected a denoiser that predicts the noise of each, and no variance"
        )


def packed_problems(part: str, settings: PartSettings) -> Iterator[str]:
    """Of a denoiser that does not read tokens of 2 x 2 cells, or an autoencoder that does not state the size of pictures."""
    read, channels, size = (
        settings[part]["in_channels"],
        settings["vae"]["latent_channels"],
        settings["vae"]["sample_size"],
    )
    if read != 4 * channels:
        yield (
            f"{part}/config.json → in_channels is {read}, but 2 x 2 cells of the autoencoder's latents have {4 * channels} "
            "channels: it also reads a mask or another picture; name a model that reads text alone"
        )
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        yield (
            f"vae/config.json → sample_size is {json.dumps(size)}; expected the side in pixels of the pictures that the "
            "model was trained on, such as 1024"
        )


def text_only_problems(settings: PartSettings) -> Iterator[str]:
    """Of a U-Net that does not read the states of one text encoder alone."""
    unet, width = settings["unet"], settings["text_encoder"]["hidden_size"]
    crossed = unet["cross_attention_dim"]
    if set(crossed if isinstance(crossed, list | tuple) else [crossed]) != {width} and unet["encoder_hid_dim"] is None:
        yield (
            f"{_UNET} → cross_attention_dim is {crossed}, but text_encoder/config.json → hidden_size is {width}; expected "
            "the same: take both parts from one model"
        )
    for key, allowed in _TEXT_ONLY.items():
        if unet[key] not in allowed:
            yield f"{_UNET} → {key} is {unet[key]!r}: it reads more than a text; name a model that reads text alone"


def size_embedding_problems(settings: PartSettings) -> Iterator[str]:
    """Of a U-Net that does not read, with its time, a pooled text and the six sizes of Stable Diffusion XL."""
    unet, text = settings["unet"], settings["text_encoder_2"]
    if unet["addition_embed_type"] != "text_time":
        yield f"{_UNET} → addition_embed_type is {unet['addition_embed_type']!r}; expected 'text_time'"
        return
    expected = text["projection_dim"] + 6 * unet["addition_time_embed_dim"]
    if unet["projection_class_embeddings_input_dim"] != expected:
        yield (
            f"{_UNET} → projection_class_embeddings_input_dim is {unet['projection_class_embeddings_input_dim']}, but the "
            f"second text encoder and six sizes take {expected}: it reads something else too, as a refiner does; name the "
            "base model"
        )


def side_problems(part: str, settings: PartSettings) -> Iterator[str]:
    """Of a denoiser that does not state the side of its latents."""
    try:
        latent_side(settings[part], part)
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


def _complete(path: Path, named: Sequence[str]) -> Settings:
    """The settings in a file, and the defaults of those that it leaves out; named: library and class."""
    library, name = named
    if library == "transformers":
        defaults = transformers.CLIPTextConfig().to_dict() if name.startswith(_CLIP) else {}
    else:
        parameters = inspect.signature(getattr(diffusers, name).__init__).parameters.values()
        defaults = {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}
    return {**defaults, **_json(path)}


def _as_dict(config: Any) -> Settings:
    return config.to_dict() if hasattr(config, "to_dict") else dict(config)


def _json(path: Path) -> Settings:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: this is not valid JSON ({error}); download the model again.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected a JSON object, found a {type(found).__name__}; download the model again.")
    return found
