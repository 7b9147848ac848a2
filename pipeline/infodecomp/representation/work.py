"""Denoiser evaluations and bytes of describing images, and of drawing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infodecomp.config import Config
from infodecomp.config.representation_samples import RepresentationSamplesSection
from infodecomp.jobs.work import ARRAY_BYTES, FLOAT64_BYTES, Bytes, Work
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.descriptions import known_parts
from infodecomp.representation.noise_draws import PILOT_DRAWS
from infodecomp.representation.quantities import COMPARISONS, KINDS, information_pairs
from infodecomp.representation.sampled_models import OpenedModel

# What is timed apart: a description's estimates share a noised image among their prompts, and its samples share nothing.
ESTIMATED, DRAWN = "estimated", "drawn"


def estimation_work(config: Config, name: str, described: DescribedImages) -> Iterator[Work]:
    """The pilot and the estimates of one description of images; beside a trained decoder runs the exact denoiser."""
    section, images = config.representation.estimation, described.images
    parts = described.description.parts
    pairs = information_pairs(parts)
    prompts = len(known_parts(len(parts)).unique(dim=0))  # of two parts, one alone is the other left out
    fitted = min(section.pilot, len(images.world) - len(images.held_out))
    dataset = f"representation/{name}"
    evaluations = prompts * fitted * PILOT_DRAWS
    yield Work(
        dataset, "pilot_representation", fitted, fitted, 1, evaluations, 0, Bytes(), timed=timed_as(name, ESTIMATED)
    )
    count, beside = min(section.images, len(images.held_out)), described.decoder is not None
    yield Work(
        dataset,
        "estimate_representation",
        count,
        count,
        config.representation.shards,
        prompts * count * section.draws * (2 if beside else 1),
        0,
        _estimates(count, min(section.maps, count), len(pairs), section.draws, beside=beside),
        timed=timed_as(name, ESTIMATED),
    )


def drawing_work(config: Config, name: str, model: OpenedModel, held_out: int) -> Work:
    """What one model draws. held_out: number of images that may be reconstructed."""
    section = config.representation.samples
    samplers = [sampler for sampler in section.samplers if sampler in model.sampled.samplers]
    known = 0 if model.description is None else min(section.count, held_out)
    encoded = model.sampled.encode is not None and known > 0
    parts = 0 if model.description is None else len(model.description.parts)
    traversed, between = (parts * len(section.traversals), section.interpolations) if encoded else (0, 0)
    denoised = model.sampled.denoiser is not None
    pictures = (len(samplers) * section.count) + known * (2 if denoised else 1) + traversed
    pictures += (3 if denoised else 1) * between + (2 if encoded else 0)
    evaluations = _drawn(section, samplers, known, traversed, between) if denoised else 0
    return Work(
        *(f"representation/{name}", "sample_representation", section.count, section.count, 1),
        *(evaluations, 0, Bytes(pictures=pictures)),
        timed=timed_as(name, DRAWN),
    )


def timed_as(name: str, what: str) -> str:
    """The key of a speed: a description, and whether it is estimated or drawn with."""
    return f"{name}, {what}"


def _drawn(
    section: RepresentationSamplesSection, samplers: Sequence[str], known: int, traversed: int, between: int
) -> int:
    """Every picture takes an evaluation a level; two phases one more, where they meet, and inversion one less."""
    levels = section.steps
    samples = section.count * (len(samplers) * levels + samplers.count("two_phase"))
    inverted = known + (2 if between else 0)
    return samples + (2 * known + traversed + 3 * between) * levels + inverted * (levels - 1)


def _estimates(count: int, shown: int, pairs: int, draws: int, *, beside: bool) -> Bytes:
    """Totals, errors and the share in the object's box by pair; curves; maps of some images."""
    sides, kinds = (2 if beside else 1), len(KINDS)
    vectors = sides * (2 * kinds + 1) + (1 if beside else 0)
    curves = 1 + sides * kinds + (2 if beside else 0)
    scalars = 1 + (2 * len(COMPARISONS) if beside else 0)
    fixed = vectors * (pairs * FLOAT64_BYTES + ARRAY_BYTES) + curves * (draws * FLOAT64_BYTES + ARRAY_BYTES)
    return Bytes(fixed=count * (fixed + scalars * ARRAY_BYTES), maps=shown * sides * kinds * pairs, pictures=shown)
