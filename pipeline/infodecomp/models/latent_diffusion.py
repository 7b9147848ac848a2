"""Text-to-image models of the diffusers library as denoisers, whatever their family (see `infodecomp.models.families`).

Weights are read from safetensors only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import diffusers
import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from transformers.utils import logging as transformers_logging

from infodecomp.estimator.batching import padded
from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import AttentionRecorder, recorded_layers
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.ddim_schedule import DdimSchedule, ddim_schedule
from infodecomp.models.devices import resolve_precision, set_precision
from infodecomp.models.distilled import Calibration, calibration, distillation_sign
from infodecomp.models.families import FAMILIES, kind_of
from infodecomp.models.families.family import NoText
from infodecomp.models.layout import INDEX, check_pipeline_folder, pipeline_kind, present_parts, refuse_single_file
from infodecomp.models.lora import add_lora
from infodecomp.models.pipelines import PipelineKind
from infodecomp.models.randomised import randomised
from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.shared_prompts import SharedPrompts
from infodecomp.models.supported_parts import check_settings, of_folder, of_pipeline
from infodecomp.models.trained_noise import TrainedNoise
from infodecomp.models.whole_weights import load_parts, without_warnings
from infodecomp.runs.errors import InputError

# Parts that some pipelines have and nothing here needs: they are not opened.
_UNUSED = {"safety_checker": None, "feature_extractor": None, "image_encoder": None}

# Progress bars of loading would clutter the logs of stages.
diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()


class LatentDiffusion:
    """A diffusers pipeline that follows `infodecomp.models.protocol.DiffusionModel`.

    family: how the pipeline is read. denoiser: its network. logsnr_table: the trained log-SNR of every timestep, float64
    (timesteps,); −∞ where nothing is left of the image.
    """

    def __init__(
        self,
        pipeline: Any,
        device: str | torch.device = "cpu",
        *,
        borrowed: bool = False,
        no_text: Literal["auto"] | NoText = "auto",
        size: int | None = None,
    ) -> None:
        """borrowed: the pipeline is on the device already, and its weights stay as they lie in memory; see `borrowed`.

        no_text: what the prompt "" is, see `Family`. size: side of pictures in pixels; None: as in training. Raises
        InputError if a part has settings with which it cannot be read, or for a size that the denoiser cannot have.
        """
        kind = kind_of(pipeline)
        family = FAMILIES[kind.family]
        check_settings(family.problems(of_pipeline(pipeline, kind)))
        self.pipeline = pipeline if borrowed else pipeline.to(device)
        self.device = torch.device(device)
        self.batch_size = BatchSize()
        self.family = family(self.pipeline, kind, self.device)
        self.denoiser: Any = self.family.denoiser.eval().requires_grad_(False)
        self.no_text: NoText = self.family.no_text if no_text == "auto" else no_text
        if self.device.type == "cuda" and not borrowed and self.family.unet:
            self.denoiser.to(memory_format=torch.channels_last)  # the format of its convolutions
        # On a GPU the projections take no time, and finding equal rows would stall it.
        on_cpu = self.device.type == "cpu" and self.family.unet
        self._prompts = SharedPrompts(self.denoiser) if on_cpu else None
        self._recorder: AttentionRecorder | None = None
        for name in kind.networks:
            if (network := getattr(pipeline, name)) is not None:
                network.eval().requires_grad_(False)
        self.logsnr_table = self.family.logsnr_table
        self.logsnr_range = (self.noise.low, self.noise.high)
        channels, side, _ = self.family.latent_shape
        cell = self.family.pixels_per_cell
        self.image_size = size or side * cell
        self.latent_shape = (channels, self.image_size // cell, self.image_size // cell)
        self._check_size(self.image_size, self.image_size)

    @classmethod
    def load(
        cls,
        model_id: str,
        *,
        revision: str | None = None,
        variant: str | None = None,
        precision: str = "auto",
        lora: str | None = None,
        device: str = "cpu",
        compiled: bool = False,
        no_text: Literal["auto"] | NoText = "auto",
        size: int | None = None,
    ) -> LatentDiffusion:
        """Load from a local folder or the Hub, with the weights of a LoRA added if one is named.

        precision: of the denoiser, see `devices`; text encoders and autoencoder stay float32, so that latents and conditions
        are the same at every precision. compiled: let torch compile the denoiser at its first calls. no_text, size: as for a
        pipeline that is loaded.

        Raises InputError, naming the model that was looked for, if loading fails, and naming the file if the weights are not
        exactly those of the model (see `whole_weights`).
        """
        dtype = set_precision(resolve_precision(precision, device))
        where = f"model → id '{model_id}'"
        try:
            folder = _folder(model_id, revision, variant)
            check_recorded_hashes(folder)
            check_pipeline_folder(folder, where, variant)
            kind = pipeline_kind(folder, where)
            check_settings(FAMILIES[kind.family].problems(of_folder(folder, kind)), f"{folder}/")
            pipeline = _loaded(folder, kind, where, variant)
        except (OSError, ValueError, RuntimeError, KeyError) as error:  # the last: a key that a tokenizer's file lacks
            raise InputError(
                f"{where} (revision {revision or 'default'}) could not be loaded as a pipeline of diffusers with "
                f"safetensors weights; set it to a local folder or a reachable Hub id: {error}"
            ) from error
        if lora is not None:
            if kind.family != "stable_diffusion":
                raise InputError(f"model → lora is '{lora}', but a LoRA can be added to Stable Diffusion 1 and 2 only.")
            add_lora(pipeline, lora)
        if dtype != torch.float32:
            # Without the library's hint to load in half precision instead.
            torch.nn.Module.to(getattr(pipeline, kind.denoiser), dtype)
        model = cls(pipeline, device, no_text=no_text, size=size)
        if compiled:
            model.compile()
        return model

    def compile(self, **options: Any) -> None:
        """Let torch compile the denoiser at its first calls, for each batch size; recorded calls are not compiled."""
        self.denoiser.compile(dynamic=False, **options)
        self._prompts = None  # sharing prompts would compile the denoiser for each number of them

    # The denoiser.

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ where the network was trained nearest to α; shapes as in `Denoiser`. Result on the CPU, float32."""
        return self.batch_size.run(self._predict, x_alpha, logsnr, condition)

    def predict(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """As a call, with the rows filled up to the batch size by copies of the first, whose results are dropped.

        Calls are then of one size, so that the last digits of a row do not depend on how many rows share its call.
        """
        count = self.batch_size.filled(len(x_alpha))
        return self(padded(x_alpha, count), padded(logsnr, count), padded(condition, count))[: len(x_alpha)]

    def differentiable(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """As a call, but differentiable: on the model's device, and all rows at once."""
        return self.eps_hat(x_alpha, logsnr, condition)

    def _predict(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        condition = condition.to(self.device, self.denoiser.dtype)
        sharing = self._prompts.of(condition.states) if self._prompts else nullcontext()
        with torch.inference_mode(), sharing:
            return self.eps_hat(x_alpha, logsnr, condition).cpu()

    def eps_hat(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ on the model's device, float32, differentiable.

        Raises InputError for a size of x_α that the denoiser cannot have.
        """
        self._check_size(*(side * self.family.pixels_per_cell for side in x_alpha.shape[2:]))
        dtype, channel = self.denoiser.dtype, self.family.channel
        given = channel.network_input(x_alpha.to(self.device, torch.float32), logsnr)
        time = channel.time(logsnr).to(self.device)
        if time.is_floating_point():
            time = time.float()
        condition = condition.to(self.device, dtype)
        recorded = nullcontext() if self._recorder is None else self._recorder.call(given, condition.states)
        with recorded:
            output = self.family.output(self.denoiser, given.to(dtype), time, condition).float()
        return channel.eps_hat(given, output, logsnr)

    def _check_size(self, height: int, width: int) -> None:
        unit = self.family.patch * self.family.pixels_per_cell
        largest = self.family.largest and self.family.largest * self.family.pixels_per_cell
        if height % unit or width % unit or (largest and max(height, width) > largest):
            at_most = f" up to {largest}" if largest else ""
            raise InputError(
                f"the picture has {height} x {width} pixels; for this model the sides of pictures must be multiples of "
                f"{unit}{at_most}."
            )

    @property
    def noise(self) -> TrainedNoise:
        """The levels of noise of its training, and how they are known."""
        return self.family.noise

    def logsnr_at(self, timesteps: torch.Tensor) -> torch.Tensor:
        """The log-SNRs at which the model was trained at these timesteps (any shape, integers), float64."""
        return self.logsnr_table[timesteps]

    def ddim_schedule(self, steps: int) -> DdimSchedule:
        """The timesteps of DDIM in `steps` steps, as the settings of the pipeline's scheduler imply."""
        return ddim_schedule(self.pipeline.scheduler, steps, self.logsnr_table, self.family.shift)

    @contextmanager
    def recording(self, *, precise: bool = False) -> Iterator[AttentionRecorder]:
        """Record the attention of image to text inside the `with`, see `attention`."""
        layers = recorded_layers(self.denoiser, self.family.is_recorded)
        before = self._recorder
        self._recorder = AttentionRecorder(layers, self.family.text_keys, precise=precise)
        try:
            yield self._recorder
        finally:
            self._recorder = before

    @property
    def joint_attention(self) -> bool:
        """Whether the text attends to the image too, so that it has results of attention."""
        return self.family.text_keys != "alone"

    def shuffled(self, rng: np.random.Generator) -> AbstractContextManager[None]:
        """Shuffle the weights of the denoiser inside the `with`, see `randomised.randomised`."""
        return randomised(self.denoiser, rng)

    # Text.

    def encode_prompts(self, prompts: Sequence[str]) -> list[Condition]:
        """The condition of each prompt, float32 on the CPU; encoded one at a time, never in a batch."""
        with torch.inference_mode():
            encoded = [self._encoded(prompt).to("cpu", torch.float32) for prompt in prompts]
        # Stacked outside, so that gradients can be taken of them.
        return [Condition.stack([one])[0] for one in encoded]

    def _encoded(self, prompt: str) -> Condition:
        if prompt == "" and self.no_text == "trained":
            return self.family.nothing()
        return self.family.encoded(prompt)

    @property
    def token_limit(self) -> int:
        """The number of tokens that the model reads of a caption, special tokens included."""
        return max(reader.limit for reader in self.family.readers)

    def token_offsets(self, caption: str) -> list[tuple[int, int]]:
        """Character span of every token of a caption, in the order of a condition's states; special tokens as (0, 0).

        Of several text encoders one follows another, each but the last filled up to its limit.
        """
        return [span for _, offsets in self._readings(caption) for span in offsets]

    def unknown_tokens(self, caption: str) -> set[int]:
        """Positions of tokens that stand for what a tokenizer does not know, as `token_offsets` counts them."""
        return {first + place for first, reader in self._places() for place in reader.unknown(caption)}

    def _places(self) -> list[tuple[int, Any]]:
        """The readers, each with the position of its first token."""
        limits = [reader.limit for reader in self.family.readers]
        return [(sum(limits[:number]), reader) for number, reader in enumerate(self.family.readers)]

    def _readings(self, caption: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        last = self.family.readers[-1]
        for first, reader in self._places():
            offsets = reader.offsets(caption)
            filling = 0 if reader is last else reader.limit - len(offsets)
            yield first, [*offsets, *[(0, 0)] * filling]

    # Images.

    def encode_image(self, image: Image.Image, sample: np.random.Generator | None = None) -> torch.Tensor:
        """The latent of an RGB image in the model's pixel size, float32 (C, h, w): (z − shift)·scale.

        z is the mean of the posterior, or a draw from it if `sample` is given; autoencoders without a posterior ignore that.
        """
        pixels = self.pipeline.image_processor.preprocess(image, height=image.height, width=image.width)
        return self.encode_pixels(pixels, sample)

    def encode_pixels(self, pixels: torch.Tensor, sample: np.random.Generator | None = None) -> torch.Tensor:
        """As `encode_image`, from pixels (1, 3, H, W)."""
        with torch.inference_mode():
            return self.latent_of(pixels, sample)[0].cpu()

    def latent_of(self, pixels: torch.Tensor, sample: np.random.Generator | None = None) -> torch.Tensor:
        """As `encode_pixels`, but differentiable: (1, C, h, w) on the model's device."""
        return self.family.latents.encoded(pixels, sample)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures of latents (B, C, h, w): float32 (B, 3, H, W) in [-1, 1]."""
        with torch.inference_mode():
            return self.picture_of(latents).clamp(-1, 1).cpu()

    def picture_of(self, latents: torch.Tensor) -> torch.Tensor:
        """As `decode`, but differentiable: on the model's device, and not clamped to [-1, 1]."""
        return self.family.latents.decoded(latents)

    # What its predictions are worth.

    @property
    def precision(self) -> str:
        """The number format of the denoiser's weights, such as float32."""
        return str(self.denoiser.dtype).removeprefix("torch.")

    @property
    def calibration(self) -> Calibration:
        """Whether its predictions can be posterior means, see `distilled.calibration`."""
        return calibration(self.pipeline, self.denoiser)

    @property
    def distilled(self) -> str:
        """What shows that the model was distilled, see `distilled.distillation_sign`; empty if nothing does."""
        return distillation_sign(self.pipeline, self.denoiser)


def _loaded(folder: Path, kind: PipelineKind, where: str, variant: str | None) -> Any:
    """The pipeline of a folder whose files have been checked."""
    present = present_parts((folder / INDEX).read_bytes(), where)
    parts = load_parts(folder, [part for part in kind.networks if part in present], variant=variant)
    left_out = dict.fromkeys(part for part in kind.parts if part not in present)
    with without_warnings():  # that an autoencoder is of another class than in Stable Diffusion
        pipeline_class = getattr(diffusers, kind.loaded_as)
        return pipeline_class.from_pretrained(
            folder, **parts, **left_out, **_UNUSED, **kind.options, use_safetensors=True
        )


def _folder(model_id: str, revision: str | None, variant: str | None) -> Path:
    """The folder of a model's files: a local one, or that of the library's cache, downloaded if it must be."""
    refuse_single_file(Path(model_id), f"model → id '{model_id}'")
    if Path(model_id).exists():
        return Path(model_id)
    options = {"revision": revision, "variant": variant, "use_safetensors": True}
    return Path(DiffusionPipeline.download(model_id, **options, **_UNUSED))
