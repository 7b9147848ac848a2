"""Take one caption apart: nats of every word of it, and where along the log-SNR the nats of its objects arise.

The study keeps neither: its cases are chosen words, and its maps are integrals. The figures of one caption need both.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from infodecomp.config import InformationSection, ModelSection, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.estimator.channel import noised
from infodecomp.estimator.designs import resolved
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.information import orthogonal
from infodecomp.estimator.prompt_pairs import prompt_pairs
from infodecomp.estimator.sampling import Draws, Interval, draws_of, integration_interval
from infodecomp.jobs.model_shard import load_model, model_identity
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.batch_size import AUTO, BatchSize, rows_or_auto
from infodecomp.models.stable_diffusion import LatentDiffusion
from infodecomp.pictures.images import fit_image, image_array, load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import write_arrays, write_table
from infodecomp.words.caption_words import WORD_COLUMNS, CaptionWord, caption_words, choose_caption
from infodecomp.words.occurrences import mask_word, remove_word

STAGE = "dissect_caption"

LEVELS = 10  # log-SNRs of the strip, evenly spaced over what is integrated
NOISES = 8  # noises at each of them, in pairs of opposite sign
MOST_STRIPS = 2  # words of the caption with maps at single log-SNRs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases of a dataset, its images and the model."""
    parser.add_argument("--cases", required=True, type=Path, help="cases.parquet")
    parser.add_argument("--images", required=True, type=Path, help="folder that image paths are relative to")
    parser.add_argument("--image-id", default="", help="the image whose caption is taken apart; empty: chosen")
    parser.add_argument("--section", required=True, help="the information section of the configuration, JSON")
    parser.add_argument("--model", required=True, help="the model section, JSON")
    parser.add_argument("--seed", required=True, type=int, help="run seed")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of words.parquet and maps.npz")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--batch-size", default=AUTO, type=rows_or_auto, help="rows in one call of the denoiser, or auto"
    )


def run(args: argparse.Namespace) -> None:
    """Choose the caption, estimate all its words, then its objects at single log-SNRs."""
    # One image has no pilot: in place of an adaptive density stands the logistic.
    section = resolved(parse_section(InformationSection, args.section), "i_s")
    settings = parse_section(ModelSection, args.model)
    cases = read_cases(args.cases)
    chosen = choose_caption(cases[cases["status"] == "ok"], args.image_id)
    if chosen is None:
        wanted = f"image {args.image_id!r}" if args.image_id else "any image"
        raise InputError(f"{args.cases}: there is no usable case of {wanted}, so that no caption can be taken apart.")
    words = caption_words(chosen.caption, chosen.words)
    model = load_model(settings, args.device)
    model.batch_size = BatchSize.of(args.batch_size, model.device)
    interval = integration_interval(
        **section.model_dump(include={"loc", "scale", "clip", "beyond_trained_range"}), trained=model.logsnr_range
    )
    picture = fit_image(load_image(args.images / chosen.image_path), (model.image_size,) * 2, settings.resize)
    latent = model.encode_pixels(torch.from_numpy(image_array(picture))[None])
    pairs = {word.text: _pairs(chosen.caption, word, section) for word in words}
    totals = _estimate(model, latent, pairs, _study_draws(latent, section, interval, args.seed))
    strips = [word.text for word in words if word.is_case][:MOST_STRIPS] or [words[0].text]
    levels = level_draws(_shape(latent), interval, generator(args.seed, chosen.image_id, "denoising strip"))
    at_levels = _estimate(model, latent, {name: pairs[name] for name in strips}, levels)
    arrays = {
        "image": np.asarray(picture),
        **_word_maps(totals, words, pairs),
        **_level_maps(at_levels, strips, pairs),
        "noised": _noised_pictures(model, latent, levels),
        "logsnr": levels.logsnr[::NOISES].numpy(),
        "noises": np.array(NOISES),
    }
    row = {"image_id": chosen.image_id, "image_path": chosen.image_path, "caption": chosen.caption}
    write_arrays(args.output_dir / "maps.npz", arrays)
    write_table(
        args.output_dir / "words.parquet",
        pd.DataFrame([row | _word_row(word, totals, pairs) for word in words], columns=list(WORD_COLUMNS)),
        WORD_COLUMNS,
    )
    write_provenance(
        args.output_dir / "words.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
        inputs=[args.cases],
        extra={"model": model_identity(settings), "seed": args.seed, "image_id": chosen.image_id, "strips": strips},
    )
    print(f"{chosen.caption!r}: {len(words)} words, maps at {LEVELS} log-SNRs of {', '.join(strips)}", flush=True)


def level_draws(shape: tuple[int, int, int], interval: Interval, rng: np.random.Generator) -> Draws:
    """`NOISES` draws at each of `LEVELS` log-SNRs from one end of the interval to the other, level after level.

    shape: (C, h, w). Every level has the same noises, half of them the others with opposite sign, so that maps differ from
    level to level by the level alone. Weights are those of the trapezoidal rule, over the noises.
    """
    logsnr = np.linspace(interval.low, interval.high, LEVELS)
    weight = np.full(LEVELS, (interval.high - interval.low) * LEVELS / (LEVELS - 1))
    weight[[0, -1]] /= 2
    half = torch.from_numpy(rng.standard_normal((NOISES // 2, *shape), dtype=np.float32))
    eps = torch.stack([half, -half], 1).flatten(0, 1)
    return Draws(
        logsnr=torch.from_numpy(np.repeat(logsnr, NOISES)),
        weight=torch.from_numpy(np.repeat(weight, NOISES)),
        eps=eps.repeat(LEVELS, 1, 1, 1),
        antithetic=True,
        stratified=True,
    )


Pairs = dict[str, tuple[str, str]]  # mi, cmi → (reference, conditioned) prompts


def _pairs(caption: str, word: CaptionWord, section: InformationSection) -> Pairs:
    without = remove_word if section.missing_word == "delete" else mask_word
    return prompt_pairs(full=caption, context=without(caption, word.text), word=word.text)


def _shape(latent: torch.Tensor) -> tuple[int, int, int]:
    channels, height, width = latent.shape
    return channels, height, width


def _study_draws(latent: torch.Tensor, section: InformationSection, interval: Interval, seed: int) -> Draws:
    """Draws as the study's, as few as it reports."""
    return draws_of(
        section,
        steps=section.steps[:1],
        shape=_shape(latent),
        interval=interval,
        density=section.density,
        rng=generator(seed, "caption", "information"),
    )


def _estimate(model: LatentDiffusion, latent: torch.Tensor, words: Mapping[str, Pairs], draws: Draws) -> Estimate:
    pairs = list(dict.fromkeys(pair for of_word in words.values() for pair in of_word.values()))
    prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
    embeddings = dict(zip(prompts, model.encode_prompts(prompts), strict=True))
    return estimate(model, latent, embeddings, pairs, draws, model.batch_size)


def _word_row(word: CaptionWord, totals: Estimate, pairs: Mapping[str, Pairs]) -> dict[str, Any]:
    found = {method: totals.orthogonal[pair] for method, pair in pairs[word.text].items()}
    return {
        "word": word.text,
        "starts": [float(start) for start, _ in word.spans],
        "ends": [float(end) for _, end in word.spans],
        "is_case": word.is_case,
        "draws": len(totals.draws),
        **{method: value.total for method, value in found.items()},
        **{f"{method}_error": value.total_error for method, value in found.items()},
    }


def _word_maps(totals: Estimate, words: Sequence[CaptionWord], pairs: Mapping[str, Pairs]) -> dict[str, np.ndarray]:
    """mi/<word>, cmi/<word>: integrated maps (h, w), nats per pixel of the latent image, float32."""
    return {
        f"{method}/{word.text}": rounded_map(totals.orthogonal[pair].map)
        for word in words
        for method, pair in pairs[word.text].items()
    }


def _level_maps(at_levels: Estimate, strips: Sequence[str], pairs: Mapping[str, Pairs]) -> dict[str, np.ndarray]:
    """levels/mi/<word>, levels/cmi/<word>: i^o integrands (LEVELS, h, w), nats per unit of log-SNR and pixel, float32."""
    return {
        f"levels/{method}/{name}": orthogonal(at_levels.gap[pair].unflatten(0, (LEVELS, NOISES)).mean(1)).numpy()
        for name in strips
        for method, pair in pairs[name].items()
    }


def _noised_pictures(model: LatentDiffusion, latent: torch.Tensor, levels: Draws) -> np.ndarray:
    """The decoded noised latents at every level, with its first noise: (LEVELS, H, W, 3) uint8."""
    logsnr, eps = levels.logsnr[::NOISES].float(), levels.eps[::NOISES]
    decoded = model.decode(noised(latent.expand(LEVELS, *latent.shape), logsnr, eps))
    return ((decoded + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
