"""Which datasets the published numbers are of."""

from __future__ import annotations

from collections.abc import Iterable

# Published dataset → the dataset of config/paper.yaml, and the one of the embedded study that plays its part.
DATASETS = {
    "coco_it": ("COCO-IT", "scenes"),
    "coco100_it": ("COCO100-IT", "scenes"),
    "vg_attribution": ("vg_attribution", "scenes_vg_attribution"),
    "vg_relation": ("vg_relation", "scenes_vg_relation"),
    "coco_order": ("coco_order", "scenes_coco_order"),
    "flickr30k_order": ("flickr30k_order", "scenes_flickr30k_order"),
}


def is_compared(names: Iterable[str]) -> bool:
    """Whether any of these datasets has published numbers, or stands in for one that has.

    >>> is_compared(["scenes"]), is_compared(["my_photos"])
    (True, False)
    """
    published = {name for pair in DATASETS.values() for name in pair}
    return not published.isdisjoint(names)
