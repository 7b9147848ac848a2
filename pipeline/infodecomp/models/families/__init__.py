"""The families of models, one file each, by the class of a pipeline."""

from __future__ import annotations

from typing import Any

from infodecomp.models.families.family import Family
from infodecomp.models.families.flux import Flux
from infodecomp.models.families.pixart import PixArt
from infodecomp.models.families.qwen_image import QwenImage
from infodecomp.models.families.sana import Sana
from infodecomp.models.families.stable_diffusion import StableDiffusion
from infodecomp.models.families.stable_diffusion_3 import StableDiffusion3
from infodecomp.models.families.stable_diffusion_xl import StableDiffusionXL
from infodecomp.models.pipelines import PIPELINES, PipelineKind, missing_parts, supported
from infodecomp.runs.errors import InputError

FAMILIES: dict[str, type[Family]] = {
    "stable_diffusion": StableDiffusion,
    "stable_diffusion_xl": StableDiffusionXL,
    "stable_diffusion_3": StableDiffusion3,
    "pixart": PixArt,
    "sana": Sana,
    "flux": Flux,
    "qwen_image": QwenImage,
}


def kind_of(pipeline: Any) -> PipelineKind:
    """The kind of a pipeline that is loaded, by its class or one that this extends; InputError for what cannot be read.

    A class that is unknown counts as Stable Diffusion if it has the parts of one and no other network.
    """
    name = type(pipeline).__name__
    known = next((PIPELINES[kind.__name__] for kind in type(pipeline).__mro__ if kind.__name__ in PIPELINES), None)
    found = {part: getattr(pipeline, part, None) for part in _all_parts()}
    if known is None:
        plain = PIPELINES["StableDiffusionPipeline"]
        others = [part for part, value in found.items() if part not in plain.parts and value is not None]
        if others or list(missing_parts(plain, found)):
            raise InputError(f"the pipeline is a {name}, which is not supported; supported are {supported()}.")
        known = plain
    if missing := list(missing_parts(known, found)):
        raise InputError(f"the pipeline is a {name} that lacks {', '.join(missing)}; load it with all of its parts.")
    return known


def _all_parts() -> list[str]:
    return list(dict.fromkeys(part for kind in PIPELINES.values() for part in kind.parts))
