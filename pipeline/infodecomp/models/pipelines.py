"""The pipelines of diffusers that can be read, and of which parts they consist: what `model_index.json` must say.

A pipeline belongs to a family, whose file in `infodecomp.models.families` says how its parts work together. This table needs
no torch, so that a study is checked against it before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SCHEDULER = "scheduler"
_TOKENIZER = "tokenizer"

CLIP = ("CLIPTextModel",)
PROJECTING_CLIP = ("CLIPTextModelWithProjection",)
CLIP_TOKENIZER = ("CLIPTokenizer", "CLIPTokenizerFast")
T5 = ("T5EncoderModel",)
T5_TOKENIZER = ("T5Tokenizer", "T5TokenizerFast")
GEMMA = ("Gemma2Model",)
GEMMA_TOKENIZER = ("GemmaTokenizer", "GemmaTokenizerFast")
AUTOENCODERS = ("AutoencoderKL", "AutoencoderTiny", "ConsistencyDecoderVAE")


@dataclass(frozen=True)
class Part:
    """A part of a pipeline. classes: the allowed ones of its library; none: any. optional: a pipeline may be without it."""

    library: str
    classes: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class PipelineKind:
    """How a class of pipelines is read.

    family: the module in `families`; title: its name for people. loaded_as: the class of diffusers that its parts go into.
    tokens: tokenizer → how many tokens the pipeline reads of a caption at most, where it is fewer than the tokenizer allows.
    options: with which its class does without parts that nothing here uses.
    """

    family: str
    title: str
    loaded_as: str
    parts: Mapping[str, Part]
    tokens: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, bool] = field(default_factory=dict)

    @property
    def networks(self) -> tuple[str, ...]:
        """The parts that have weights."""
        return tuple(name for name in self.parts if name != SCHEDULER and not name.startswith(_TOKENIZER))

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """The parts that split captions into tokens."""
        return tuple(name for name in self.parts if name.startswith(_TOKENIZER))

    @property
    def denoiser(self) -> str:
        """The part that predicts."""
        return "unet" if "unet" in self.parts else "transformer"


_SCHEDULER = {SCHEDULER: Part("diffusers")}
_VAE = {"vae": Part("diffusers", AUTOENCODERS)}
_UNET = {"unet": Part("diffusers", ("UNet2DConditionModel",))}


def _text(
    number: str, encoder: tuple[str, ...], tokenizer: tuple[str, ...], *, optional: bool = False
) -> dict[str, Part]:
    """A text encoder and its tokenizer; number: what follows their names, such as `_2`."""
    return {
        f"text_encoder{number}": Part("transformers", encoder, optional),
        f"tokenizer{number}": Part("transformers", tokenizer, optional),
    }


def _transformer(*names: str) -> dict[str, Part]:
    return {"transformer": Part("diffusers", names)}


_STABLE_DIFFUSION = PipelineKind(
    "stable_diffusion",
    "Stable Diffusion",
    "StableDiffusionPipeline",
    {**_SCHEDULER, **_text("", CLIP, CLIP_TOKENIZER), **_UNET, **_VAE},
    options={"requires_safety_checker": False},
)
_STABLE_DIFFUSION_XL = PipelineKind(
    "stable_diffusion_xl",
    "Stable Diffusion XL",
    "StableDiffusionXLPipeline",
    {
        **_SCHEDULER,
        **_text("", CLIP, CLIP_TOKENIZER),
        **_text("_2", PROJECTING_CLIP, CLIP_TOKENIZER),
        **_UNET,
        **_VAE,
    },
    options={"add_watermarker": False},
)
_STABLE_DIFFUSION_3 = PipelineKind(
    "stable_diffusion_3",
    "Stable Diffusion 3",
    "StableDiffusion3Pipeline",
    {
        **_SCHEDULER,
        **_text("", PROJECTING_CLIP, CLIP_TOKENIZER),
        **_text("_2", PROJECTING_CLIP, CLIP_TOKENIZER),
        **_text("_3", T5, T5_TOKENIZER, optional=True),
        **_transformer("SD3Transformer2DModel"),
        **_VAE,
    },
    tokens={"tokenizer_3": 256},
)

_PIXART_PARTS = {
    **_SCHEDULER,
    **_text("", T5, T5_TOKENIZER),
    # The second is its name of before 2024, which diffusers still understands.
    **_transformer("PixArtTransformer2DModel", "Transformer2DModel"),
    **_VAE,
}
_PIXART_ALPHA = PipelineKind("pixart", "PixArt-α", "PixArtAlphaPipeline", _PIXART_PARTS, tokens={"tokenizer": 120})
_PIXART_SIGMA = PipelineKind("pixart", "PixArt-Σ", "PixArtSigmaPipeline", _PIXART_PARTS, tokens={"tokenizer": 300})
_SANA = PipelineKind(
    "sana",
    "Sana",
    "SanaPipeline",
    {
        **_SCHEDULER,
        **_text("", GEMMA, GEMMA_TOKENIZER),
        **_transformer("SanaTransformer2DModel"),
        "vae": Part("diffusers", ("AutoencoderDC",)),
    },
    tokens={"tokenizer": 300},
)
_FLUX = PipelineKind(
    "flux",
    "FLUX.1",
    "FluxPipeline",
    {
        **_SCHEDULER,
        **_text("", CLIP, CLIP_TOKENIZER),
        **_text("_2", T5, T5_TOKENIZER),
        **_transformer("FluxTransformer2DModel"),
        **_VAE,
    },
    tokens={"tokenizer_2": 512},
)

_QWEN_IMAGE = PipelineKind(
    "qwen_image",
    "Qwen-Image",
    "QwenImagePipeline",
    {
        **_SCHEDULER,
        **_text("", ("Qwen2_5_VLForConditionalGeneration",), ("Qwen2Tokenizer", "Qwen2TokenizerFast")),
        **_transformer("QwenImageTransformer2DModel"),
        "vae": Part("diffusers", ("AutoencoderKLQwenImage",)),
    },
    tokens={"tokenizer": 1024},
)

# The class that model_index.json names → the kind.
PIPELINES: dict[str, PipelineKind] = {
    "StableDiffusionPipeline": _STABLE_DIFFUSION,
    "StableDiffusionImg2ImgPipeline": _STABLE_DIFFUSION,
    "StableDiffusionXLPipeline": _STABLE_DIFFUSION_XL,
    "StableDiffusionXLImg2ImgPipeline": _STABLE_DIFFUSION_XL,
    "StableDiffusion3Pipeline": _STABLE_DIFFUSION_3,
    "PixArtAlphaPipeline": _PIXART_ALPHA,
    "PixArtSigmaPipeline": _PIXART_SIGMA,
    "SanaPipeline": _SANA,
    "FluxPipeline": _FLUX,
    "QwenImagePipeline": _QWEN_IMAGE,
}


def supported() -> str:
    """The supported classes, in words."""
    *others, last = PIPELINES
    return f"{', '.join(others)} and {last}"


def missing_parts(kind: PipelineKind, found: Mapping[str, object]) -> Iterator[str]:
    """The parts that a pipeline of this kind needs, and has as None or not at all."""
    yield from (name for name, part in kind.parts.items() if found.get(name) is None and not part.optional)
