"""The information of a description about images: maps, totals, errors and curves that are kept of each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from infodecomp.estimator.adaptive_density import AdaptiveDensity
from infodecomp.estimator.estimates import Estimate, MapEstimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.maps.rounding import rounded_map
from infodecomp.metrics.correlation import pearson
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.noise_draws import image_draws
from infodecomp.representation.prompts import exact_pair, exactly
from infodecomp.representation.quantities import ALL, KINDS, NOTHING, WHOLE, information_pairs

# Comparison → pair of prompts and estimator; see `quantities.COMPARISONS`.
_COMPARED: dict[str, tuple[PromptPair, str]] = {
    "delta_u": ((exactly(NOTHING), NOTHING), "orthogonal"),
    "delta_c": ((exactly(ALL), ALL), "orthogonal"),
    "null_exact": ((exactly(NOTHING), ALL), "standard"),
}


def estimated_images(
    described: DescribedImages,
    cases: Sequence[Any],
    draws: int,
    density: AdaptiveDensity,
    seed: int,
    batch_size: int,
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Each image with its arrays, as soon as it has its draws. cases: with the columns `number` and `shown`.

    No batch holds rows of two images, so that the last digits of an image do not depend on what else is estimated.
    """
    beside = described.decoder is not None
    pairs = list(information_pairs(described.description.parts).values())
    if beside:
        pairs += [*map(exact_pair, pairs), *(pair for pair, _ in _COMPARED.values())]
    images = described.images
    for case in cases:
        found = estimate(
            described.predict,
            images.world.images[case.number],
            described.prompts(case.number, seed),
            pairs,
            image_draws(images, case.number, draws, density, seed),
            batch_size,
        )
        yield case, image_arrays(found, described, case)


def image_arrays(found: Estimate, described: DescribedImages, case: Any) -> dict[str, np.ndarray]:
    """What is kept of an image. Vectors run over the pairs: the whole, each part alone, each part given the rest.

    standard, orthogonal, with `_error`: totals, nats. inside: nats of i^o in the box of the object. curve_…: the weighted
    integrands at the draws, sorted by log-SNR, of the whole. map/<pair>/<kind>: maps, of images that are shown. With a
    trained decoder also the same by the exact denoiser, `exact_…`, the correlation of maps of i^o with the exact ones, and
    `quantities.COMPARISONS`.
    """
    pairs = information_pairs(described.description.parts)
    inside = described.images.object_cells(case.number)
    arrays = _of_pairs(found, pairs, "", inside, shown=case.shown)
    order = np.argsort(found.draws.logsnr.numpy(), kind="stable")
    arrays["curve_logsnr"] = found.draws.logsnr.numpy()[order]
    curves: dict[str, tuple[PromptPair, str]] = {kind: (pairs[WHOLE], kind) for kind in KINDS}
    if described.decoder is not None:
        exact = {name: exact_pair(pair) for name, pair in pairs.items()}
        arrays |= _of_pairs(found, exact, "exact_", inside, shown=case.shown)
        arrays["correlation"] = np.array([_correlation(found, pair) for pair in pairs.values()])
        for name, (pair, kind) in _COMPARED.items():
            compared: MapEstimate = getattr(found, kind)[pair]
            arrays |= {name: np.array(compared.total), f"{name}_error": np.array(compared.total_error)}
        curves |= {f"exact_{kind}": (exact[WHOLE], kind) for kind in KINDS}
        curves |= {name: _COMPARED[name] for name in ("delta_u", "delta_c")}
    for name, (pair, kind) in curves.items():
        weighted = found.draws.weight * found.integrand(pair, kind).sum((1, 2))
        arrays[f"curve_{name}"] = weighted.numpy()[order]
    return arrays | {"evaluations": np.array(found.evaluations)}


def _correlation(found: Estimate, pair: PromptPair) -> float:
    """Of the trained decoder's map of i^o with the exact one; 0 where one of them is constant."""
    maps = [found.orthogonal[one].map.ravel() for one in (pair, exact_pair(pair))]
    return float(np.nan_to_num(pearson(*maps)))


def _of_pairs(
    estimate: Estimate, pairs: Mapping[str, PromptPair], prefix: str, inside: np.ndarray, *, shown: bool
) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for kind in KINDS:
        found: dict[PromptPair, MapEstimate] = getattr(estimate, kind)
        arrays[f"{prefix}{kind}"] = np.array([found[pair].total for pair in pairs.values()])
        arrays[f"{prefix}{kind}_error"] = np.array([found[pair].total_error for pair in pairs.values()])
        for name, pair in pairs.items() if shown else ():
            arrays[f"{prefix}map/{name}/{kind}"] = rounded_map(found[pair].map)
    arrays[f"{prefix}inside"] = np.array([estimate.orthogonal[pair].map[inside].sum() for pair in pairs.values()])
    return arrays
