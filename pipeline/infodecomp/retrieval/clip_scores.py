"""The cosine similarity between an image and each of its caption options, by a CLIP.

Texts that read the same are encoded once for the whole dataset, and cases that share image and crop share its encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from infodecomp.estimator.batching import groups
from infodecomp.models.clip import ClipSimilarity, cosine
from infodecomp.pictures.images import Resize, crop_image, load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress


def clip_scores(
    clip: ClipSimilarity, cases: pd.DataFrame, images: Path, *, resize: Resize
) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, str]]]:
    """Encode each text and each image once and compare them.

    Args:
        clip: the model.
        cases: the cases table of a dataset; cases whose status is not "ok" are skipped.
        images: folder that image paths are relative to.
        resize: how images are fitted.

    Returns:
        case id → cosine with each option, float64 (options,), and case id → status and reason of the cases whose image
        cannot be read or whose values are not finite.
    """
    by_image: dict[str, list[Any]] = {}
    for case in cases[cases["status"] == "ok"].itertuples(index=False):
        by_image.setdefault(str(case.image_id), []).append(case)
    texts = usable_texts(cases)
    encoded: dict[str, np.ndarray] = {}
    values: dict[str, np.ndarray] = {}
    failures: dict[str, tuple[str, str]] = {}
    with Progress("score_clip", len(texts) + len(by_image), "texts and images") as progress:
        for batch in groups(texts, clip.batch_size):
            encoded |= zip(batch, clip.text_features(batch, clip.batch_size.filled(len(batch))), strict=True)
            progress.advance(len(batch))
        for group in groups(by_image.values(), clip.batch_size):
            readable = [(shared, image) for shared in group if (image := _image(images, shared, failures))]
            pictures = [image for _, image in readable]
            rows = clip.batch_size.filled(len(group))
            features = clip.image_features(pictures, resize, rows) if pictures else ()
            for (shared, _), feature in zip(readable, features, strict=True):
                for case in shared:
                    similarity = cosine(feature, np.stack([encoded[text] for text in case.options]))
                    if np.isfinite(similarity).all():
                        values[case.case_id] = similarity
                    else:
                        failures[case.case_id] = ("non_finite", "a similarity is not finite")
            progress.advance(len(group))
    return values, failures


def usable_texts(cases: pd.DataFrame) -> list[str]:
    """The distinct texts of all cases with status "ok", in the order of the table."""
    return list(dict.fromkeys(text for options in cases.loc[cases["status"] == "ok", "options"] for text in options))


def _image(images: Path, cases: Sequence[Any], failures: dict[str, tuple[str, str]]) -> Image.Image | None:
    """The image that these cases share; if it cannot be read, None, and an entry in `failures` for each case."""
    try:
        return crop_image(load_image(images / cases[0].image_path, int(cases[0].orientation)), cases[0].crop)
    except InputError as error:
        failures |= {case.case_id: ("image_unreadable", str(error)) for case in cases}
        return None
