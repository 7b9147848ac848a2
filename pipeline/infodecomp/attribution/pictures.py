"""What explains an image, drawn over it: one picture for each caption and target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.attribution.token_table import explained_captions
from infodecomp.figures import saliency_overlay
from infodecomp.pictures.images import Resize, fit_image, load_image
from infodecomp.runs.storage import atomic_path


def draw_captions(
    cases: pd.DataFrame,
    maps: Path,
    images: Path,
    output: Path,
    *,
    palette: str,
    boxes: Sequence[tuple[int, int, int, int]],
    resize: Resize,
) -> Iterator[list[dict[str, Any]]]:
    """Write the pictures of each caption to `output`; yields the rows of its tokens for the table.

    cases: those with an explanation. maps: folder of their arrays. images: folder that image paths are relative to.
    """
    for caption in explained_captions(cases, maps):
        size = (caption.side, caption.side)
        image = load_image(images / caption.case.image_path, int(caption.case.orientation))
        picture = np.asarray(fit_image(image, size, resize))
        for target in caption.targets:
            image = saliency_overlay.draw(picture, caption.cells(target), palette, caption.box(target, boxes))
            with atomic_path(output / f"{caption.stem}-{target}.png") as temporary:
                image.save(temporary)
        yield list(caption.rows())
