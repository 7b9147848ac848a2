"""The datasets of the embedded demo study."""

from __future__ import annotations

from infodecomp.config.datasets import CocoDataset, Dataset, GeneratedDataset, WordListDataset
from infodecomp.config.retrieval_datasets import OrderRetrievalDataset, PairRetrievalDataset, RetrievalDataset

DATASETS: dict[str, Dataset] = {
    "scenes": CocoDataset(root="data/scenes", first=60, editing=True, word_pairs=True),
    "scenes_words": WordListDataset(
        root="data/scenes", list="data/scenes/words.csv", localisation=False, shards=1, draws=30
    ),
    "generated": GeneratedDataset(shards=1, draws=12),
}

_ARO = "data/scenes/aro"

# One job a set: five of them keep the cores of a laptop busy, and each spends seconds on loading the model.
RETRIEVAL_DATASETS: dict[str, RetrievalDataset] = {
    "scenes_vg_relation": PairRetrievalDataset(
        kind="vg_relation", file=f"{_ARO}/visual_genome_relation.json", images=_ARO, shards=1
    ),
    "scenes_vg_attribution": PairRetrievalDataset(
        kind="vg_attribution", file=f"{_ARO}/visual_genome_attribution.json", images=_ARO, shards=1
    ),
    "scenes_noun_swap": PairRetrievalDataset(kind="vg_relation", file=f"{_ARO}/noun_swap.json", images=_ARO, shards=1),
    "scenes_coco_order": OrderRetrievalDataset(
        kind="coco_order", file=f"{_ARO}/coco_karpathy_test.json", images=_ARO, tagger="scenes", first=40, shards=1
    ),
    "scenes_flickr30k_order": OrderRetrievalDataset(
        kind="flickr30k_order", file=f"{_ARO}/flickr30k_test.json", images=_ARO, tagger="scenes", first=40, shards=1
    ),
}
