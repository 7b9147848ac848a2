"""Whether a picture and its annotations mean the same pixels: their sizes, as the picture is stored and as it is shown.

A camera stores a picture as its sensor saw it and says in EXIF how to turn it. Most annotation tools show it turned and
count pixels so, others count those of the file. Where the two have different sizes, the size that the annotations name
decides; where the sizes are the same (square pictures, half turns, mirrored ones), the picture is taken as it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from infodecomp.pictures.images import StoredImage
from infodecomp.pictures.orientation import AS_STORED, turned_size
from infodecomp.runs.errors import InputError

OrientationMode = Literal["auto", "apply", "ignore"]
Size = tuple[int, int]

# Pixels by which outlines may leave their picture: tools round.
_ROUNDING = 2


class Agreed(NamedTuple):
    """How a picture is turned so that it fits its annotations, its size then, and what was assumed, "" if nothing."""

    orientation: int
    size: Size
    assumed: str = ""


def agree(
    path: Path, header: StoredImage, mode: OrientationMode, annotated: Mapping[Size, str], reach: Size = (0, 0)
) -> Agreed:
    """How to turn a picture.

    Args:
        path: of the picture.
        header: of its file.
        mode: "apply" and "ignore" settle it; "auto" takes what fits.
        annotated: (height, width) that its annotations are for → who says so, such as `mask.png`; may be empty.
        reach: (height, width) that outlines reach, where the annotations name no size.

    Raises:
        InputError: the size of the picture is not that of its annotations.
    """
    stored, tag = header
    shown = turned_size(stored, tag)
    candidates = _candidates(mode, stored, tag)
    # Without a size, a picture that outlines leave is not the one they were drawn in.
    inside = [one for one in candidates if all(one[1][i] + _ROUNDING >= reach[i] for i in (0, 1))]
    for orientation, size in (inside or candidates) if not annotated else candidates:
        if set(annotated) <= {size}:
            if not annotated and len(inside) == 1 < len(candidates) and tag != AS_STORED:
                annotated = {size: "the outlines reach"}
            return Agreed(orientation, size, _assumed(mode, tag, orientation, bool(annotated), stored != shown))
    other = next((size for size in annotated if size not in {one[1] for one in candidates}), next(iter(annotated)))
    have = f"{_text(stored)} pixels (width x height)"
    if tag != AS_STORED:
        have += f" as stored and {_text(shown)} as shown by EXIF orientation {tag}, and `orientation` is `{mode}`"
    if mode != "auto" and other in (stored, shown):
        remedy = "set `orientation` to `auto`, or correct the size"
    elif other in (stored[::-1], shown[::-1]):
        remedy = "width and height are exchanged; exchange them where they are wrong, or turn the picture"
    else:
        remedy = "annotate the picture as it is, or put back the picture that was annotated: was it cropped or resized?"
    raise InputError(f"{path}: the picture has {have}; {annotated[other]} {_text(other)}: {remedy}.")


def _candidates(mode: OrientationMode, stored: Size, tag: int) -> list[tuple[int, Size]]:
    """Orientations with the size that they give, the preferred one first."""
    as_shown, as_stored = (tag, turned_size(stored, tag)), (AS_STORED, stored)
    return {"auto": [as_shown, as_stored], "apply": [as_shown], "ignore": [as_stored]}[mode]


def _assumed(mode: OrientationMode, tag: int, orientation: int, annotated: bool, different: bool) -> str:
    if tag == AS_STORED or mode != "auto":
        return ""
    if orientation == AS_STORED:
        return f"EXIF orientation {tag} is not applied, because the annotations fit the picture as stored"
    because = "because the annotations fit the picture as shown" if annotated and different else "as viewers do"
    settle = "" if annotated and different else "; `orientation: ignore` in the dataset's section takes it as stored"
    return f"EXIF orientation {tag} is applied, {because}{settle}"


def _text(size: Size) -> str:
    return f"{size[1]} x {size[0]}"
