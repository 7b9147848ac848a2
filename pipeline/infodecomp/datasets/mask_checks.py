"""Read every mask of a dataset, and the size of every picture, before any model runs; report all that is wrong in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pandas as pd
from pycocotools.coco import COCO

from infodecomp.config import DatasetSource
from infodecomp.datasets.agreement import agree
from infodecomp.datasets.folders import image_folder, instances_file
from infodecomp.datasets.ids import one_id
from infodecomp.datasets.masks import MaskSource, Size, annotated_size
from infodecomp.datasets.segmentations import outline_reach, rle_size
from infodecomp.pictures.images import read_header
from infodecomp.runs.assumptions import Assumptions
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress

# In annotations of another kind every mask is bad; this many are enough to show how.
_SHOWN = 100


def turn_pictures(
    frame: pd.DataFrame, section: DatasetSource, instances: COCO, assumptions: Assumptions, *, masked: bool
) -> pd.DataFrame:
    """A cases table of a dataset in COCO's layout, with the `orientation` in which each picture fits its annotations.

    Cases of a picture whose header cannot be read get the status "image_unreadable". masked: masks are needed; without
    them, a picture may have another size than its annotations.

    Raises:
        InputError: names every picture whose size is not that of its annotations, with both sizes.
    """
    frame, folder, problems = frame.copy(), image_folder(section), list[str]()
    usable = frame[frame["status"] == "ok"]
    for (image_id, name), rows in usable.groupby(["image_id", "image_path"], sort=False):
        path = folder / str(name)
        try:
            header = read_header(path)
        except InputError as error:
            frame.loc[rows.index, ["status", "reason"]] = ["image_unreadable", str(error)]
            continue
        sizes, reach = _annotated(instances, str(image_id), str(instances_file(section)))
        try:
            agreed = agree(path, header, section.orientation, sizes, reach)
        except InputError as error:
            if masked:
                problems.append(str(error))
                continue
            agreed = agree(path, header, section.orientation, {})
        frame.loc[rows.index, "orientation"] = agreed.orientation
        assumptions.add(path, agreed.assumed)
    _raise(problems, "pictures of other sizes than their annotations")
    return frame


def check_masks(
    frame: pd.DataFrame, source: MaskSource, dataset: str, max_failed_fraction: float, assumptions: Assumptions
) -> None:
    """Read the mask of every usable case, and print which cannot be used; files of a user's CSV have been read with it.

    Raises:
        InputError: names every one, where they are more than the fraction or where no case is left to score.
    """
    usable = cast(list[dict[str, Any]], frame[frame["status"] == "ok"].to_dict("records"))
    masked = [case for case in usable if case["mask"]]
    advice = "`localisation: false` in the dataset's section runs it without masks"
    if not masked:
        raise InputError(f"the dataset {dataset} has no mask for any of its {len(usable)} cases; {advice}.")
    drawn = [case for case in masked if not str(case["mask"]).startswith("file")]
    problems = list(_problems(drawn, source, dataset, assumptions)) if drawn else []
    if len(problems) > max_failed_fraction * len(masked) or len(problems) == len(masked):
        _raise(
            problems,
            f"{len(problems)} of {len(masked)} masks of the dataset {dataset} cannot be used, more than max_failed_fraction "
            f"allows; export polygons or RLE, or {advice}",
        )
    for line in problems[:_SHOWN]:
        print(f"not scored: {line}")
    if len(masked) < len(usable):
        print(f"{len(usable) - len(masked)} of {len(usable)} cases have no mask and are not scored.")


def _problems(
    cases: Sequence[Mapping[str, Any]], source: MaskSource, dataset: str, assumptions: Assumptions
) -> Iterator[str]:
    """A sentence about each case whose mask is unreadable or empty; a mask that marks the whole picture is noted."""
    with Progress(f"masks of {dataset}", len(cases), "cases") as progress:
        for case in cases:
            progress.advance()
            where = f"image {case['image_id']}, {case['word']}"
            try:
                reading = source.read(case)
            except InputError as error:
                yield f"{where}: {error}"
                continue
            if not reading.mask.any():
                yield f"{where}: the mask covers no pixel of the picture."
                continue
            assumptions.add(where, reading.assumed)
            if reading.mask.all():
                assumptions.add(where, "the mask covers the whole picture, so that every map finds it")


def _annotated(instances: COCO, image_id: str, file: str) -> tuple[dict[Size, str], Size]:
    """The sizes that annotations are for, with who says so; and how far their outlines reach, where none does."""
    key = one_id(image_id)
    size = annotated_size(instances.imgs[key]) if key in instances.imgs else None
    if size is not None:
        return {size: f"`width` and `height` of image {image_id} in {file} are"}, (0, 0)
    annotations = instances.imgToAnns.get(key, [])
    sizes = {size: f"the RLE of annotation {one['id']} in {file} is" for one in annotations if (size := rle_size(one))}
    reaches = [outline_reach(one) for one in annotations]
    return sizes, (
        int(max((reach[0] for reach in reaches), default=0)),
        int(max((reach[1] for reach in reaches), default=0)),
    )


def _raise(problems: Sequence[str], what: str) -> None:
    if not problems:
        return
    rest = [f"and {len(problems) - _SHOWN} more of the kind."] if len(problems) > _SHOWN else []
    head = [f"{what}:"] if len(problems) > 1 or what[0].isdigit() else []
    raise InputError("\n".join([*head, *problems[:_SHOWN], *rest]))
