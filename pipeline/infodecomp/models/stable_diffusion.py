"""Stable Diffusion: latent diffusion models of the diffusers library as denoisers.

Any pipeline folder or Hub id with a `UNet2DConditionModel`, a CLIP text tower and an autoencoder works: Stable Diffusion 1.x
and 2.x, their fine-tunes, and the embedded model. Weights are read from safetensors only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from transformers.utils import logging as transformers_logging

from infodecomp.estimator.batching import padded
from infodecomp.estimator.channel import nearest_timestep, signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import AttentionRecorder, recording
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.ddim_schedule import DdimSchedule, ddim_schedule, schedule_logsnr
from infodecomp.models.devices import resolve_precision, set_precision
from infodecomp.models.distilled import distillation_sign
from infodecomp.models.layout import WITH_WEIGHTS, check_pipeline_folder, refuse_single_file
from infodecomp.models.learned_tokens import check_learned_tokens, converted, token_offsets
from infodecomp.models.lora import add_lora
from infodecomp.models.randomised import randomised
from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.shared_prompts import SharedPrompts
from infodecomp.models.supported_parts import check_settings, latent_side, of_folder, of_pipeline
from infodecomp.models.tokenizers import read_tokens
from infodecomp.models.whole_weights import load_parts, without_warnings
from infodecomp.runs.errors import InputError

# Parts that some pipelines have and nothing here needs: they are not opened.
_UNUSED = {"safety_checker": None, "feature_extractor": None, "image_encoder": None}

# Progress bars of loading would clutter the logs of stages.
diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()


class LatentDiffusion:
    """A diffusers pipeline that follows `infodecomp.models.protocol.DiffusionModel`.

    logsnr_table: the trained log-SNR of every timestep, float64 (timesteps,); −∞ where nothing is left of the image.
    """

    def __init__(
        self, pipeline: StableDiffusionPipeline, device: str | torch.device = "cpu", *, borrowed: bool = False
    ) -> None:
        """borrowed: the pipeline is on the device already, and its weights stay as they lie in memory; see `borrowed`.

        Raises InputError if a part of the pipeline has settings with which it cannot be read.
        """
        check_settings(of_pipeline(pipeline))
        self.pipeline = pipeline if borrowed else pipeline.to(device)
        self.device = torch.device(device)
        self.batch_size = BatchSize()
        self.unet: UNet2DConditionModel = pipeline.unet.eval().requires_grad_(False)
        self.vae = pipeline.vae.eval().requires_grad_(False)
        self.tokenizer = pipeline.tokenizer
        # Without `model_max_length` the tokenizer would fill a prompt up to 10³⁰ tokens.
        self.tokenizer.model_max_length = read_tokens(
            self.tokenizer.model_max_length, pipeline.text_encoder.config.max_position_embeddings
        )
        check_learned_tokens(self.tokenizer.added_tokens_encoder, "tokenizer")
        if self.device.type == "cuda" and not borrowed:
            self.unet.to(memory_format=torch.channels_last)  # the format of its convolutions
        # On a GPU the projections take no time, and finding equal rows would stall it.
        self._prompts = SharedPrompts(self.unet) if self.device.type == "cpu" else None
        pipeline.text_encoder.eval().requires_grad_(False)
        self.prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
        self.logsnr_table = schedule_logsnr(pipeline.scheduler)
        trained = self.logsnr_table[self.logsnr_table.isfinite()]
        self.logsnr_range = (float(trained[-1]), float(trained[0]))
        side = latent_side(self.unet.config)
        self.latent_shape = (self.unet.config.in_channels, side, side)
        self.image_size = side * pipeline.vae_scale_factor

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
    ) -> LatentDiffusion:
        """Load from a local folder or the Hub, with the weights of a LoRA added if one is named.

        precision: of the denoiser, see `devices`; text tower and autoencoder stay float32, so that latents and conditions
        are the same at every precision. compiled: let torch compile the denoiser at its first calls.

        Raises InputError, naming the model that was looked for, if loading fails, and naming the file if the weights are not
        exactly those of the model (see `whole_weights`).
        """
        dtype = set_precision(resolve_precision(precision, device))
        try:
            folder = _folder(model_id, revision, variant)
            check_recorded_hashes(folder)
            check_pipeline_folder(folder, f"model → id '{model_id}'", variant)
            check_settings(of_folder(folder), f"{folder}/")
            parts = load_parts(folder, WITH_WEIGHTS, variant=variant)
            with without_warnings():  # that an autoencoder is of another class than in Stable Diffusion
                pipeline = StableDiffusionPipeline.from_pretrained(
                    folder, **parts, **_UNUSED, use_safetensors=True, requires_safety_checker=False
                )
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"model → id '{model_id}' (revision {revision or 'default'}) could not be loaded as a Stable Diffusion "
                f"pipeline with safetensors weights; set it to a local folder or a reachable Hub id: {error}"
            ) from error
        if lora is not None:
            add_lora(pipeline, lora)
        if dtype != torch.float32:
            torch.nn.Module.to(pipeline.unet, dtype)  # without the library's hint to load in half precision instead
        model = cls(pipeline, device)
        if compiled:
            model.compile()
        return model

    def compile(self, **options: Any) -> None:
        """Let torch compile the denoiser at its first calls, for each batch size, and again when a recording begins."""
        # Otherwise compiled code would ignore the hooks of a recording.
        torch._dynamo.config.skip_nnmodule_hook_guards = False
        self.unet.compile(dynamic=False, **options)
        self._prompts = None  # sharing prompts would compile the denoiser for each number of them

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ at the timestep whose trained log-SNR is nearest; shapes as in `Denoiser`. Result on the CPU, float32."""
        timesteps = nearest_timestep(logsnr.cpu().double(), self.logsnr_table)
        return self.batch_size.run(self._predict, x_alpha, timesteps, logsnr, condition)

    def predict(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """As a call, with the rows filled up to the batch size by copies of the first, whose results are dropped.

        Calls are then of one size, so that the last digits of a row do not depend on how many rows share its call.
        """
        count = self.batch_size.filled(len(x_alpha))
        return self(padded(x_alpha, count), padded(logsnr, count), padded(condition, count))[: len(x_alpha)]

    def _predict(
        self, x_alpha: torch.Tensor, timesteps: torch.Tensor, logsnr: torch.Tensor, condition: Condition
    ) -> torch.Tensor:
        condition = condition.to(self.device, self.unet.dtype)
        sharing = self._prompts.of(condition.states) if self._prompts else nullcontext()
        with torch.inference_mode(), sharing:
            return self.eps_hat(x_alpha, timesteps, logsnr, condition).cpu()

    def eps_hat(
        self, x_alpha: torch.Tensor, timesteps: torch.Tensor, logsnr: torch.Tensor, condition: Condition
    ) -> torch.Tensor:
        """ε̂ at these timesteps on the model's device, float32, differentiable."""
        x_alpha = x_alpha.to(self.device, torch.float32)
        output = self.unet(
            x_alpha.to(self.unet.dtype),
            timesteps.to(self.device),
            encoder_hidden_states=condition.to(self.device, self.unet.dtype).states,
        ).sample.float()
        if self.prediction == "v_prediction":
            # v = √σ(α)·ε − √σ(−α)·x, so ε = √σ(α)·v + √σ(−α)·x_α.
            signal, noise = (a[:, None, None, None].to(output) for a in signal_and_noise(logsnr))
            output = signal * output + noise * x_alpha
        return output

    def differentiable(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """As a call, but differentiable: on the model's device, and all rows at once."""
        timesteps = nearest_timestep(logsnr.detach().cpu().double(), self.logsnr_table)
        return self.eps_hat(x_alpha, timesteps, logsnr, condition)

    def logsnr_at(self, timesteps: torch.Tensor) -> torch.Tensor:
        """The log-SNRs at which the model was trained at these timesteps (any shape, integers), float64."""
        return self.logsnr_table[timesteps]

    def ddim_schedule(self, steps: int) -> DdimSchedule:
        """The timesteps of DDIM in `steps` steps, as the settings of the pipeline's scheduler imply."""
        return ddim_schedule(self.pipeline.scheduler, steps, self.logsnr_table)

    def recording(self, *, precise: bool = False) -> AbstractContextManager[AttentionRecorder]:
        """Record cross-attention inside the `with`, see `attention.recording`."""
        return recording(self.unet, self.latent_shape[1:], precise=precise)

    def shuffled(self, rng: np.random.Generator) -> AbstractContextManager[None]:
        """Shuffle the weights of the denoiser inside the `with`, see `randomised.randomised`."""
        return randomised(self.unet, rng)

    def encode_prompts(self, prompts: Sequence[str]) -> list[Condition]:
        """Conditions with the text tower's states, float32 (tokens, width); encoded one at a time, never in a batch."""
        with torch.inference_mode():
            states = [self.pipeline.encode_prompt(prompt, self.device, 1, False)[0] for prompt in prompts]
        return [Condition.of(one) for one in torch.cat(states).float().cpu()]

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
        encoded = self.vae.encode(pixels.to(self.device, self.vae.dtype))
        if hasattr(encoded, "latents"):
            latent = encoded.latents
        else:
            latent = encoded.latent_dist.mean
            if sample is not None:
                noise = torch.from_numpy(sample.standard_normal(latent.shape, dtype=np.float32))
                latent = latent + encoded.latent_dist.std * noise.to(latent)
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        return ((latent - shift) * self.vae.config.scaling_factor).float()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures of latents (B, C, h, w): float32 (B, 3, H, W) in [-1, 1]."""
        with torch.inference_mode():
            return self.picture_of(latents).clamp(-1, 1).cpu()

    def picture_of(self, latents: torch.Tensor) -> torch.Tensor:
        """As `decode`, but differentiable: on the model's device, and not clamped to [-1, 1]."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        raw = latents.to(self.device, self.vae.dtype) / self.vae.config.scaling_factor + shift
        return self.vae.decode(raw).sample.float()

    @property
    def token_limit(self) -> int:
        """The number of tokens that the model reads of a caption, special tokens included."""
        return int(self.tokenizer.model_max_length)

    @property
    def precision(self) -> str:
        """The number format of the denoiser's weights, such as float32."""
        return str(self.unet.dtype).removeprefix("torch.")

    @property
    def distilled(self) -> str:
        """What shows that the model was distilled, see `distilled.distillation_sign`; empty if nothing does."""
        return distillation_sign(self.pipeline)

    def unknown_tokens(self, caption: str) -> set[int]:
        """Positions of tokens that stand for what the tokenizer does not know, as `token_offsets` counts them.

        Byte-level tokenizers, such as CLIP's, know everything; their unknown token ends a text.
        """
        unknown, tokenizer = self.tokenizer.unk_token_id, self.tokenizer
        if unknown is None or unknown in (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id):
            return set()
        ids = tokenizer(converted(tokenizer, caption)[0], truncation=True, max_length=self.token_limit).input_ids
        return {position for position, token in enumerate(ids) if token == unknown}

    def token_offsets(self, caption: str) -> list[tuple[int, int]]:
        """Character span of every token of a caption, special tokens as (0, 0), up to the token limit."""
        return token_offsets(self.tokenizer, caption, self.token_limit)


def _folder(model_id: str, revision: str | None, variant: str | None) -> Path:
    """The folder of a model's files: a local one, or that of the library's cache, downloaded if it must be."""
    refuse_single_file(Path(model_id), f"model → id '{model_id}'")
    if Path(model_id).exists():
        return Path(model_id)
    options = {"revision": revision, "variant": variant, "use_safetensors": True}
    return Path(StableDiffusionPipeline.download(model_id, **options, **_UNUSED))
