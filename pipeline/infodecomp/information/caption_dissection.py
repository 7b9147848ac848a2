"""Estimate every word of one caption, and at which log-SNRs the information of its objects arises.

The study keeps neither: its cases are chosen words, and its maps are integrals. The figures of one caption need both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from infodecomp.config import InformationSection
from infodecomp.estimator.channel import noised
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.information import orthogonal
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.noise import Noise
from infodecomp.estimator.prompt_pairs import prompt_pairs
from infodecomp.estimator.sampling import draws_of
from infodecomp.information.study_draws import study_interval
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.protocol import DiffusionModel
from infodecomp.pictures.images import Resize, fit_image, image_array, load_image
from infodecomp.runs.seeds import generator
from infodecomp.words.caption_words import CaptionWord, ChosenCaption, caption_words
from infodecomp.words.occurrences import mask_word, remove_word

LEVELS = 10  # log-SNRs of the strip, evenly spaced over the interval of integration
NOISES = 8  # noises at each of them, in pairs of opposite sign
MOST_STRIPS = 2  # words with maps at single log-SNRs

# mi, cmi → (reference, conditioned) prompts.
Pairs = dict[str, tuple[str, str]]


class Dissection(NamedTuple):
    """Rows of `words.captions.WORD_COLUMNS`, the arrays beside them, and the words with maps at single log-SNRs."""

    rows: list[dict[str, Any]]
    arrays: dict[str, np.ndarray]
    strips: list[str]


def dissect(
    model: DiffusionModel, chosen: ChosenCaption, images: Path, resize: Resize, section: InformationSection, seed: int
) -> Dissection:
    """Estimate all words of a caption with the study's draws, then its objects at single log-SNRs.

    images: the folder that image paths are relative to. seed: of the study.
    """
    words = caption_words(chosen.caption, chosen.words)
    interval = study_interval(model.logsnr_range, section.range)
    image = load_image(images / chosen.image_path, chosen.orientation)
    picture = fit_image(image, (model.image_size,) * 2, resize)
    latent = model.encode_pixels(torch.from_numpy(image_array(picture))[None])
    pairs = {word.text: _pairs(chosen.caption, word, section) for word in words}
    totals = _estimate(model, latent, pairs, _study_draws(latent, section, interval, seed))
    strips = [word.text for word in words if word.is_case][:MOST_STRIPS] or [words[0].text]
    levels = level_draws(_shape(latent), interval, generator(seed, chosen.image_id, "denoising strip"))
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
    return Dissection([row | _word_row(word, totals, pairs) for word in words], arrays, strips)


def level_draws(shape: tuple[int, int, int], interval: Interval, rng: np.random.Generator) -> Draws:
    """`NOISES` draws at each of `LEVELS` log-SNRs from one end of the interval to the other, level after level.

    shape: (C, h, w). All levels share their noises, one half the negative of the other, so that their maps differ by the
    level alone. Weights are those of the trapezoidal rule, spread over the noises.
    """
    logsnr = np.linspace(interval.low, interval.high, LEVELS)
    weight = np.full(LEVELS, (interval.high - interval.low) * LEVELS / (LEVELS - 1))
    weight[[0, -1]] /= 2
    return Draws(
        logsnr=torch.from_numpy(np.repeat(logsnr, NOISES)),
        weight=torch.from_numpy(np.repeat(weight, NOISES)),
        eps=reduce(Noise.followed_by, [Noise.drawn(rng, NOISES, shape, antithetic=True)] * LEVELS),
        antithetic=True,
        stratified=True,
    )


def _pairs(caption: str, word: CaptionWord, section: InformationSection) -> Pairs:
    without = remove_word if section.prompts.missing == "delete" else mask_word
    return prompt_pairs(full=caption, context=without(caption, word.text), word=word.text)


def _shape(latent: torch.Tensor) -> tuple[int, int, int]:
    channels, height, width = latent.shape
    return channels, height, width


def _study_draws(latent: torch.Tensor, section: InformationSection, interval: Interval, seed: int) -> Draws:
    """As many draws as the smallest number that the study reports, with a stream of their own."""
    return draws_of(
        section.draws,
        steps=section.budget.steps[:1],
        shape=_shape(latent),
        interval=interval,
        density=section.draws.density,
        rng=generator(seed, "caption", "information"),
    )


def _estimate(model: DiffusionModel, latent: torch.Tensor, words: Mapping[str, Pairs], draws: Draws) -> Estimate:
    pairs = list(dict.fromkeys(pair for of_word in words.values() for pair in of_word.values()))
    prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
    conditions = dict(zip(prompts, model.encode_prompts(prompts), strict=True))
    return estimate(model, latent, conditions, pairs, draws, model.batch_size)


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
    """mi/<word>, cmi/<word>: i^o maps (h, w), nats, float32."""
    return {
        f"{method}/{word.text}": rounded_map(totals.orthogonal[pair].map)
        for word in words
        for method, pair in pairs[word.text].items()
    }


def _level_maps(at_levels: Estimate, strips: Sequence[str], pairs: Mapping[str, Pairs]) -> dict[str, np.ndarray]:
    """levels/mi/<word>, levels/cmi/<word>: i^o integrands (LEVELS, h, w), nats per unit of log-SNR, float32."""
    return {
        f"levels/{method}/{name}": orthogonal(at_levels.gap[pair].unflatten(0, (LEVELS, NOISES)).mean(1)).numpy()
        for name in strips
        for method, pair in pairs[name].items()
    }


def _noised_pictures(model: DiffusionModel, latent: torch.Tensor, levels: Draws) -> np.ndarray:
    """The decoded noised latents at every level, with its first noise: (LEVELS, H, W, 3) uint8."""
    logsnr, eps = levels.logsnr[::NOISES].float(), levels.eps[::NOISES]
    decoded = model.decode(noised(latent.expand(LEVELS, *latent.shape), logsnr, eps))
    return ((decoded + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
