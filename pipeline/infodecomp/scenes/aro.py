"""Write the embedded retrieval sets in the layouts of ARO, so that everything downstream reads them as it reads ARO.

Swapped relations, attributes and nouns are pairs of captions; two sets of captions wait to be shuffled. Each set has scenes
of its own, from a stream of random numbers that training never saw.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count as integers
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from infodecomp.runs.storage import atomic_path, write_text
from infodecomp.scenes.captions import describe, scene_captions, with_article
from infodecomp.scenes.dataset import CREDIT
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.partners import SCENE_SWAPS
from infodecomp.scenes.swaps import noun_swap, plain_caption
from infodecomp.scenes.world import BACKGROUNDS, IMAGE_SIZE, Scene, sample_scene, scene_rng
from infodecomp.words.swaps import swap_partner

# Shorter captions, such as "a dog", hardly have another order.
FEWEST_WORDS = 5

Record = dict[str, Any]


def write_aro_scenes(folder: Path, seed: int, cases: int) -> None:
    """Write `cases` cases of each embedded retrieval set: images/*.png, a JSON a set and LICENSE.txt.

    The files are those of `PAIR_FILES` and `ORDER_FILES`; the order sets have up to five captions an image. More cases
    leave the first ones as they are.
    """
    for number, (name, record) in enumerate(PAIR_FILES.items()):
        write_text(folder / f"{name}.json", json.dumps(_pairs(folder, name, number, seed, cases, record)))
    for number, name in enumerate(ORDER_FILES, start=len(PAIR_FILES)):
        write_text(folder / f"{name}.json", json.dumps(_order(folder, name, number, seed, cases)))
    write_text(folder / "LICENSE.txt", CREDIT)


def relation_record(scene: Scene) -> Record | None:
    """Who is where: the two bare nouns change places. None for a scene without a relation."""
    if scene.relation is None:
        return None
    first, second = (with_article(describe(thing, adjective=False)) for thing in scene.things)
    return {
        "true_caption": f"{first} {scene.relation} {second}",
        "false_caption": f"{second} {scene.relation} {first}",
        "relation_name": scene.relation,
    }


def attribution_record(scene: Scene) -> Record | None:
    """Who has which tint: the two tints change places. None unless there are two things of different tints."""
    if scene.kind != "pair":
        return None
    first, second = scene.things
    if first.tint is None or second.tint is None or first.tint == second.tint:
        return None
    tints = [first.tint, second.tint]
    place = BACKGROUNDS[scene.background]
    true, false = (
        f"{with_article(f'{a} {first.category}')} and {with_article(f'{b} {second.category}')} {place}"
        for a, b in (tints, tints[::-1])
    )
    return {"true_caption": true, "false_caption": false, "attributes": tints}


def noun_record(scene: Scene) -> Record | None:
    """What is there: the first noun is swapped by the paper's table. None where `swaps.noun_swap` knows no swap."""
    false = noun_swap(scene) if scene.kind in ("one", "pair") else ""
    if not false:
        return None
    noun = scene.things[0].category
    return {
        "true_caption": plain_caption(scene),
        "false_caption": false,
        "relation_name": f"{noun} → {swap_partner(noun, SCENE_SWAPS)}",
    }


# File name without suffix → what makes a record of a scene. The order is that of the streams of random numbers.
PAIR_FILES: dict[str, Callable[[Scene], Record | None]] = {
    "visual_genome_relation": relation_record,
    "visual_genome_attribution": attribution_record,
    "noun_swap": noun_record,
}
ORDER_FILES = ("coco_karpathy_test", "flickr30k_test")


def _pairs(
    folder: Path, name: str, number: int, seed: int, cases: int, record: Callable[[Scene], Record | None]
) -> list[Record]:
    """The first `cases` scenes that `record` takes, in ARO's form; the box is the whole picture."""
    records: list[Record] = []
    box = {"bbox_x": 0, "bbox_y": 0, "bbox_w": IMAGE_SIZE, "bbox_h": IMAGE_SIZE}
    for index in integers():
        if len(records) == cases:
            break
        kind = "one" if record is noun_record and index % 3 == 0 else "pair"
        scene = sample_scene(_rng(seed, number, index), kind=kind)
        captions = record(scene)
        if captions is not None:
            records.append({"image_path": _draw(folder, name, len(records), scene), **box, **captions})
    return records


def _order(folder: Path, name: str, number: int, seed: int, cases: int) -> list[Record]:
    """Scenes with their longer captions, in Karpathy's form, until there are `cases` captions."""
    records: list[Record] = []
    left = cases
    for index in integers():
        if left == 0:
            break
        rng = _rng(seed, number, index)
        scene = sample_scene(rng)
        captions = [text for text in scene_captions(scene, rng) if len(text.split()) >= FEWEST_WORDS][:left]
        records.append({"image": _draw(folder, name, index, scene), "caption": captions})
        left -= len(captions)
    return records


def _rng(seed: int, number: int, index: int) -> np.random.Generator:
    """The generator of scene `index` of set `number`; sets share no scene."""
    return scene_rng(seed, "retrieval", index * (len(PAIR_FILES) + len(ORDER_FILES)) + number)


def _draw(folder: Path, name: str, index: int, scene: Scene) -> str:
    path = f"images/{name}_{index:06d}.png"
    picture, _ = draw_scene(scene)
    with atomic_path(folder / path) as temporary:
        Image.fromarray(picture).save(temporary)
    return path
