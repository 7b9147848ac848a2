"""Write the embedded evaluation scenes in COCO layout, so that everything downstream reads them as it reads COCO.

Five captions a picture, exact masks as compressed RLE, categories by the paper's names, and a word list of the other word
classes. Evaluation scenes have their own stream of random numbers: none was seen in training.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as rle

from infodecomp.runs.storage import atomic_path, write_text
from infodecomp.scenes.captions import scene_captions
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.world import CATEGORIES, IMPLIED, NUMBERS, TINTS, VERBS, Scene, sample_scene, scene_rng
from infodecomp.words.occurrences import find_word

WORDS_PER_TYPE = 10
WORD_TYPES = {
    "adjective": (*TINTS, *IMPLIED.values()),
    "numeral": tuple(NUMBERS.values()),
    "preposition": ("left", "right", "above", "below", "on", "in"),
    "verb": tuple(VERBS),
    "conjunction": ("and",),
}

CREDIT = """\
The pictures in this folder are drawn by this workflow from emoji of OpenMoji, the open-source emoji and icon project
(https://openmoji.org), version 17, licence CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/). Changes: glyphs
were recoloured, scaled and placed on drawn backgrounds. The pictures are therefore under CC BY-SA 4.0 too.
"""


@dataclass(frozen=True)
class DrawnScene:
    """A scene with its picture, masks and captions."""

    image_id: int
    scene: Scene
    picture: np.ndarray
    masks: list[np.ndarray]
    captions: list[str]


def draw(seed: int, image_id: int) -> DrawnScene:
    """Evaluation scene number `image_id` (from 1) of a seed."""
    rng = scene_rng(seed, "evaluation", image_id)
    scene = sample_scene(rng)
    picture, masks = draw_scene(scene)
    return DrawnScene(image_id, scene, picture, masks, scene_captions(scene, rng))


def write_scenes(folder: Path, seed: int, count: int) -> None:
    """Write `count` scenes: val2017/*.png, annotations/{instances,captions}_val2017.json, words.csv and LICENSE.txt."""
    scenes = [draw(seed, image_id) for image_id in range(1, count + 1)]
    for scene in scenes:
        with atomic_path(folder / "val2017" / _file_name(scene.image_id)) as temporary:
            Image.fromarray(scene.picture).save(temporary)
    annotations = folder / "annotations"
    write_text(annotations / "instances_val2017.json", json.dumps(_instances(scenes)))
    captions = _captions(scenes)
    write_text(annotations / "captions_val2017.json", json.dumps(captions))
    write_text(folder / "words.csv", _word_list(captions["annotations"]))
    write_text(folder / "LICENSE.txt", CREDIT)


def _file_name(image_id: int) -> str:
    return f"{image_id:012d}.png"


def _images(scenes: Sequence[DrawnScene]) -> list[dict[str, Any]]:
    return [
        {
            "id": s.image_id,
            "file_name": _file_name(s.image_id),
            "height": s.picture.shape[0],
            "width": s.picture.shape[1],
        }
        for s in scenes
    ]


def _instances(scenes: Sequence[DrawnScene]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for drawn in scenes:
        for thing, mask in zip(drawn.scene.things, drawn.masks, strict=True):
            encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": drawn.image_id,
                    "category_id": CATEGORIES.index(thing.category) + 1,
                    "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
                    "area": int(mask.sum()),
                    "bbox": [float(value) for value in rle.toBbox(encoded)],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": k + 1, "name": name, "supercategory": "scene"} for k, name in enumerate(CATEGORIES)]
    return {"images": _images(scenes), "annotations": annotations, "categories": categories}


def _captions(scenes: Sequence[DrawnScene]) -> dict[str, Any]:
    annotations = [
        {"id": 10 * drawn.image_id + k, "image_id": drawn.image_id, "caption": caption}
        for drawn in scenes
        for k, caption in enumerate(drawn.captions)
    ]
    return {"images": _images(scenes), "annotations": annotations}


def _word_list(captions: Sequence[dict[str, Any]]) -> str:
    """The first captions that hold a word of each class, one an image, spread evenly over the words of the class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image_id", "caption_id", "label", "word", "word_type"])
    for word_type, words in WORD_TYPES.items():
        used: set[int] = set()
        for turn in range(WORDS_PER_TYPE):
            word = words[turn % len(words)]
            found = (c for c in captions if c["image_id"] not in used and find_word(c["caption"], word))
            if (caption := next(found, None)) is not None:
                used.add(caption["image_id"])
                writer.writerow([caption["image_id"], caption["id"], word, word, word_type])
    return text.getvalue()
