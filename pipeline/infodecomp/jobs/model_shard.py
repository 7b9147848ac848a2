"""What the stages that run the model share: their arguments, and a shard with its model."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from infodecomp.config import InformationSection, ModelSection, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.estimator.batching import padded
from infodecomp.estimator.sampling import Interval, Placing, integration_interval
from infodecomp.jobs.pilot_file import read_density
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.attention import AttentionSum, word_map
from infodecomp.models.batch_size import AUTO, BatchSize, rows_or_auto
from infodecomp.models.devices import resolve_device, resolve_precision
from infodecomp.models.folders import model_folder, weights_sha256
from infodecomp.models.stable_diffusion import LatentDiffusion
from infodecomp.pictures.images import Resize, crop_image, fit_image, image_array, load_image
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.errors import InputError
from infodecomp.runs.freed_memory import keep_freed_memory
from infodecomp.runs.prefetch import prefetched
from infodecomp.runs.provenance import file_sha256, folder_sha256, write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob, Shard
from infodecomp.words.occurrences import find_word, word_token_positions

# Embeddings of Stable Diffusion 2 take 315 kB each.
_PROMPTS_KEPT = 100


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of every stage that runs the model over a shard."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table (Parquet)")
    parser.add_argument("--images", required=True, type=Path, help="folder that image paths are relative to")
    parser.add_argument("--shard", required=True, type=int, help="number of the shard, from 0")
    parser.add_argument("--shards", required=True, type=int, help="number of shards")
    parser.add_argument("--section", required=True, help="the stage's section of the configuration as JSON")
    parser.add_argument("--model", required=True, help="the model section as JSON")
    parser.add_argument("--seed", required=True, type=int, help="run seed")
    parser.add_argument("--max-failed-fraction", required=True, type=float, help="share of cases that may fail")
    parser.add_argument("--maps", required=True, type=Path, help="folder of the maps of each case")
    parser.add_argument("--output", required=True, type=Path, help="table of the shard (Parquet)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--batch-size", default=AUTO, type=rows_or_auto, help="rows in one call of the denoiser, or auto"
    )
    parser.add_argument("--threads", default=None, type=int, help="CPU threads")
    parser.add_argument("--compile", default=0, type=int, choices=(0, 1), help="1: compile the denoiser")


def _whole(_: ImageJob) -> str:
    """The crop of a job that takes its whole image."""
    return ""


def add_pilot_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of stages whose draws may follow a pilot."""
    parser.add_argument("--pilot", type=Path, help="density.json of pilot_density, for `density: adaptive`")


def pilot_identity(pilot: Path | None) -> dict[str, Any]:
    """What the pilot adds to what determines a result."""
    return {"pilot": file_sha256(pilot)} if pilot else {}


@dataclass
class ModelShard:
    """A shard and the model that runs over it; the model is loaded when first needed."""

    stage: str
    shard: Shard
    settings: ModelSection
    args: argparse.Namespace
    image_range: str = "signed"

    @classmethod
    def open(
        cls,
        args: argparse.Namespace,
        stage: str,
        section: Mapping[str, Any],
        *,
        image_range: str = "signed",
        read: Callable[[Path], pd.DataFrame] = read_cases,
        own: Callable[[Any], str] | None = None,
        **identity: Any,
    ) -> ModelShard:
        """Open the shard that the arguments name.

        section: the settings that determine a result, plain values. `read` reads the cases; `identity`: what else
        determines a result, and `own` that of one case.
        """
        settings = parse_section(ModelSection, args.model)
        if args.threads:
            torch.set_num_threads(args.threads)
        shard = Shard.open(
            args.cases,
            number=args.shard,
            shards=args.shards,
            images=args.images,
            maps=args.maps,
            identity={
                "model": model_identity(settings),
                "settings": settings.model_dump(mode="json", exclude={"id", "revision", "mirrors", "lora"}),
                "section": dict(section),
                "seed": args.seed,
                "code": code_digest(f"infodecomp.stages.{stage}"),
                **identity,
            },
            read=read,
            own=own,
        )
        return cls(stage, shard, settings, args, image_range)

    @cached_property
    def model(self) -> LatentDiffusion:
        """The diffusion model on the device asked for."""
        model = load_model(self.settings, self.args.device, compiled=bool(self.args.compile))
        model.batch_size = BatchSize.of(self.args.batch_size, model.device)
        return model

    def variant(self, *, seed: int | None = None, image_range: str | None = None) -> ModelShard:
        """The same shard and the same model, with the draws of another seed, or pixels in another range of values."""
        _ = self.model  # loaded once for both
        other = copy(self)
        other.args = argparse.Namespace(**{**vars(self.args), **({} if seed is None else {"seed": seed})})
        other.image_range = image_range or self.image_range
        return other

    @property
    def batch_size(self) -> BatchSize:
        """How many rows a call of the model holds; it may change from call to call."""
        return self.model.batch_size

    def interval(self, information: InformationSection) -> Interval:
        """The log-SNRs to integrate over; a warning is printed when they leave those that the model was trained on."""
        low, high = self.model.logsnr_range
        interval = integration_interval(
            loc=information.loc,
            scale=information.scale,
            clip=information.clip,
            trained=(low, high),
            beyond_trained_range=information.beyond_trained_range,
        )
        if interval.low < low or interval.high > high:
            print(
                f"warning: log-SNRs {interval.low:.2f} … {interval.high:.2f} leave the model's trained range "
                f"{low:.2f} … {high:.2f}, because information → beyond_trained_range is true",
                flush=True,
            )
        return interval

    def density(self, information: InformationSection) -> str | Placing:
        """The density of the draws: a name, or what a pilot fitted; InputError without that."""
        if information.density != "adaptive":
            return information.density
        if self.args.pilot is None:
            raise InputError(
                "--pilot is missing; information → density is adaptive, which takes what pilot_density wrote."
            )
        return read_density(self.args.pilot).draws

    def latents(
        self, jobs: Iterable[ImageJob], crop: Callable[[ImageJob], str] = _whole
    ) -> Iterator[tuple[ImageJob, torch.Tensor]]:
        """Jobs with the latents of their images, (C, h, w); arguments and failures as for `pictures`."""
        for job, picture in self.pictures(jobs, crop):
            yield job, self.latent_of(job, picture)

    def pictures(
        self, jobs: Iterable[ImageJob], crop: Callable[[ImageJob], str] = _whole
    ) -> Iterator[tuple[ImageJob, torch.Tensor]]:
        """Jobs with the pixels of their images as the model takes them, (1, 3, H, W), read while the model works.

        A job whose file cannot be read is left out, its cases failed. crop: the part of a job's image to take, as
        `images.crop_image` reads it; empty: all of it.
        """
        # Before the images are read beside the model: it is loaded once.
        side = self.model.image_size

        def read(job: ImageJob) -> torch.Tensor | InputError:
            try:
                return read_pixels(self.shard.images / job.image_path, side, self.settings.resize, crop(job))
            except InputError as error:
                return error

        for job, picture in prefetched(read, jobs):
            if isinstance(picture, torch.Tensor):
                yield job, picture
                continue
            for case in job.cases:
                self.shard.fail(case, "image_unreadable", str(picture))

    def latent_of(self, job: ImageJob, picture: torch.Tensor) -> torch.Tensor:
        """The latent (C, h, w) of a picture."""
        pixels = (picture + 1) / 2 if self.image_range == "unit" else picture
        return self.model.encode_pixels(pixels, self.posterior(job.image_id))

    def posterior(self, image_id: str) -> np.random.Generator | None:
        """What an image's latent is drawn with; None: the mean is taken."""
        return generator(self.args.seed, image_id, "latent") if self.settings.latents == "sample" else None

    def predict(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """The model's prediction, with the call filled up to the batch size by copies of its first row."""
        count = self.batch_size.filled(len(x_alpha))
        return self.model(*(padded(rows, count) for rows in (x_alpha, logsnr, embedding)))[: len(x_alpha)]

    def rows(self, call: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> torch.Tensor:
        """call(*inputs) of rows (n, …), filled up as for `predict`, and in halves where the memory runs out."""
        count = self.batch_size.filled(len(inputs[0]))
        return self.batch_size.run(call, *(padded(rows, count) for rows in inputs))[: len(inputs[0])]

    def embeddings(self, prompts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Prompt → embedding (tokens, width); a prompt that comes again is not encoded again."""
        return {prompt: self._embedding(prompt) for prompt in prompts}

    def stacked_embeddings(self, prompts: Sequence[str]) -> torch.Tensor:
        """Embeddings of prompts, one a row, (prompts, tokens, width)."""
        return torch.stack([self._embedding(prompt) for prompt in prompts])

    @cached_property
    def _embedding(self) -> Callable[[str], torch.Tensor]:
        return lru_cache(_PROMPTS_KEPT)(lambda prompt: self.model.encode_prompts([prompt])[0])

    def word_tokens(self, case: Any) -> list[int]:
        """Positions of the tokens of a case's word in its caption, all occurrences; empty, with the case failed, if none."""
        return self.tokens_of(case, case.prompt_word)

    def tokens_of(self, case: Any, word: str) -> list[int]:
        """The same of a given word of the case's caption.

        The model reads captions only up to its token limit, so that a late word may have no tokens.
        """
        offsets = self.model.token_offsets(case.prompt_full)
        spans = find_word(case.prompt_full, word)
        tokens = [position for occurrence in word_token_positions(offsets, spans) for position in occurrence]
        if not spans:
            self.shard.fail(case, "word_not_in_caption", f"the word '{word}' is not in the caption")
        elif not tokens:
            limit = self.model.tokenizer.model_max_length
            reason = f"the word '{word}' stands beyond the {limit} tokens that the model reads"
            self.shard.fail(case, "word_truncated", reason)
        return tokens

    def caption_tokens(self, job: ImageJob) -> dict[str, list[int]]:
        """Caption → the token positions that some case of the job asks for, in order: what attention is recorded of."""
        tokens: dict[str, set[int]] = {}
        for case in job.cases:
            tokens.setdefault(case.prompt_full, set()).update(self.word_tokens(case))
        return {caption: sorted(positions) for caption, positions in tokens.items()}

    def word_map(self, case: Any, recorded: AttentionSum, tokens: Sequence[int], heads: str) -> np.ndarray:
        """The attention map of a case's word, (h, w), from a recording of these token positions."""
        return self.summed_map(self.word_sum(case, recorded, tokens), heads)

    def word_sum(self, case: Any, recorded: AttentionSum, tokens: Sequence[int]) -> AttentionSum:
        """The part of a recording of these token positions that is of the case's word."""
        return recorded.of([tokens.index(position) for position in self.word_tokens(case)])

    def summed_map(self, recorded: AttentionSum, heads: str) -> np.ndarray:
        """The map (h, w) of a word from a recording of its tokens alone, as it is kept."""
        tokens = range(next(iter(recorded.layers.values())).shape[1])
        return rounded_map(word_map(recorded, tokens, self.model.latent_shape[1:], heads=heads))

    def readable(self, jobs: Sequence[ImageJob], words: Sequence[str] = ("prompt_word",)) -> list[ImageJob]:
        """The jobs with those cases whose words the model can read; `words`: the columns that hold them."""
        kept = [
            ImageJob(
                job.image_id,
                job.image_path,
                tuple(case for case in job.cases if all(self.tokens_of(case, getattr(case, name)) for name in words)),
            )
            for job in jobs
        ]
        return [job for job in kept if job.cases]

    def finish(self, columns: dict[str, str], row: Any) -> None:
        """Write the shard's table and its provenance, and say how many cases it has."""
        print(self.shard.write(self.args.output, columns, row, self.args.max_failed_fraction), flush=True)
        self.write_provenance()

    def write_provenance(self) -> None:
        """Write what the shard's results come from, beside its table."""
        write_provenance(
            self.args.output.with_suffix(".provenance.json"),
            stage=self.stage,
            section=dict(self.shard.identity["section"]),
            inputs=[self.args.cases],
            extra={
                **self.shard.identity,
                **self._machine(),
                "shard": f"{self.args.shard} of {self.args.shards}",
            },
        )

    def _machine(self) -> dict[str, Any]:
        """What the results were made on; nothing where they had all been there."""
        if "model" not in self.__dict__:
            return {}
        device = self.model.device
        return {
            "device": str(device),
            "precision": resolve_precision(self.settings.precision, device),
            "batch_size": int(self.batch_size),
            "compiled": bool(self.args.compile),
        }


def read_pixels(path: Path, side: int, resize: Resize, crop: str = "") -> torch.Tensor:
    """The pixels (1, 3, side, side) of an image file as a model takes them; InputError if it cannot be read."""
    image = fit_image(crop_image(load_image(path), crop), (side, side), resize)
    return torch.from_numpy(image_array(image))[None]


def load_model(settings: ModelSection, device: str, *, compiled: bool = False) -> LatentDiffusion:
    """The model that a configuration names, from its folder or from where it was fetched to."""
    device = resolve_device(device)
    if device == "cpu":
        keep_freed_memory()
    return LatentDiffusion.load(
        str(folder_of(settings)),
        variant=settings.variant,
        precision=settings.precision,
        lora=settings.lora,
        device=device,
        compiled=compiled,
    )


def folder_of(settings: ModelSection) -> Path:
    """The folder of a model's files; InputError if there is none, or if a model of the Hub has not been fetched."""
    return model_folder("model → id", settings.id, settings.revision, settings.variant)


def model_identity(settings: ModelSection) -> str:
    """What identifies the weights: hash of the model's files, and of the LoRA.

    Raises InputError if a file of a fetched model is not the one that was fetched.
    """
    weights = weights_sha256(folder_of(settings))
    return f"{weights}+{_lora_identity(settings.lora)}" if settings.lora else weights


def _lora_identity(lora: str) -> str:
    path = Path(lora)
    return folder_sha256(path) if path.is_dir() else file_sha256(path) if path.is_file() else lora
