"""A study that runs every chain on a handful of cases, in a folder of its own: `snakemake -s CHECKOUT/Snakefile`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CONFIG = "tiny.yaml"
RESULTS = Path("results/tiny")

# Three scenes in two shards, edited, judged, and decomposed by pairs of words; a user's pictures with a list of words; two
# generated images; a set of swapped captions in two shards, and one of shuffled captions; the estimator on a known problem;
# digits described by what they show and by two principal components.
TINY: dict[str, Any] = {
    "study": "tiny",
    "shards": 2,
    "scenes": {"count": 3, "retrieval": 2},
    "datasets": {
        "scenes": {"kind": "coco_it", "first": 3, "editing": True, "word_pairs": True},
        "scenes_words": None,
        "photos": {"kind": "word_list", "root": "coco", "list": "coco/words.csv", "shards": 1},
        "generated": {"kind": "generated", "draws": 6, "shards": 1},
    },
    "retrieval_datasets": {
        **dict.fromkeys(("scenes_vg_attribution", "scenes_noun_swap", "scenes_coco_order", "scenes_flickr30k_order")),
        "scenes_vg_relation": {"shards": 2},
        "photos_order": {
            **{"kind": "coco_order", "file": "aro/coco_karpathy_test.json", "images": "aro"},
            **{"first": 1, "shards": 1, "tagger": "scenes"},
        },
    },
    "generate": {"source": {"list": "prompts.csv"}, "sampling": {"steps": 3}},
    "model": {"id": "model"},
    "clip": {"id": "clip"},
    "models": {"hardneg_diffitm": {"id": "model", "lora": "lora"}},
    "information": {"draws": {"density": "adaptive"}, "pilot": {"images": 2}, "budget": {"steps": [6]}},
    "attention": {"steps": [2]},
    "gradients": {"steps": [6]},
    "retrieval": {"scoring": {"steps": [6]}, "diffitm": {"timesteps": [310, 610, 910]}},
    "editing": {"animated": 1, "flow": {"steps": 3}},
    "pairs": {"sampling": {"steps": 4, "replicates": 2}, "selection": {"list": "pairs.csv"}},
    "faithfulness": {
        "datasets": ["scenes"],
        "judging": {"cases": 2, "draws": 8, "repeated_draws": 2, "fractions": [0.3]},
    },
    "validation": {
        "problems": ["dense_5"],
        "grid": {"designs": ["stratified"], "steps": [6], "points": 2, "runs": 2},
    },
    "representation": {
        "images": {"dataset": "digits", "count": 300, "size": 8},
        "components": {"dimensions": 2},
        "shards": 1,
        "estimation": {"images": 6, "draws": 6, "maps": 1, "pilot": 2},
        "exact": {"images": 6, "curve_images": 6, "curve_points": 3},
        "samples": {
            **{"samplers": ["ddim", "two_phase", "latent"], "count": 2, "steps": 2, "split_step": 1},
            **{"latent": {"steps": 2}, "traversals": [-1, 1], "interpolations": 2},
        },
        "judging": {"images": 300, "learners": ["linear"], "repeats": 2, "features": []},
    },
    "statistics": {"bootstrap": 100},
    "figures": {"panels": 2, "format": "png"},
    "report": {"images": 2, "picture": 64},
    "machine": {"device": "cpu", "batch_size": 16},
}


def command(checkout: Path, *targets: str) -> list[str]:
    """The arguments of `python -m` that run the study in the folder of its configuration."""
    return ["snakemake", "--cores", "1", "-s", str(checkout / "Snakefile"), *targets, "--configfile", CONFIG]


def write_config(folder: Path, **changes: Any) -> None:
    """Write the configuration of the study; `changes` replace whole sections."""
    (folder / CONFIG).write_text(yaml.safe_dump({**TINY, **changes}), encoding="utf-8")
