"""Pictures that the embedded model cannot know. It runs on them as on any other, and its numbers mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infodecomp.runs.shipped import shipped

if TYPE_CHECKING:
    from infodecomp.config.study import Config

# The model that was trained on the embedded scenes alone.
EMBEDDED_MODEL = "data/models/scenes"


def unfamiliar_datasets(config: Config) -> tuple[str, ...]:
    """Datasets and retrieval sets that the embedded model is to explain, and whose pictures are not the embedded scenes.

    What the model generates is familiar to it. Of every other model nothing is known, and nothing said.
    """
    if shipped(config.model.id).resolve() != shipped(EMBEDDED_MODEL).resolve():
        return ()
    places = {name: one.root or getattr(one, "list", "") for name, one in config.datasets.items()}
    made = {name for name, one in config.datasets.items() if one.kind == "generated"}
    places |= {name: one.images or one.file for name, one in config.retrieval_datasets.items()}
    scenes = Path(config.scenes.folder)
    return tuple(name for name, place in places.items() if name not in made and not _below(Path(place), scenes))


def without_meaning(unfamiliar: Sequence[str], shown: Iterable[str]) -> list[str]:
    """The sentence that goes on top of a table or page that shows such datasets; nothing if it shows none.

    >>> without_meaning(["photos"], ["scenes"])
    []
    """
    here = set(shown)
    names = [name for name in unfamiliar if name in here]
    if not names:
        return []
    return [
        f"NUMBERS WITHOUT MEANING: the embedded model knows 65 words and drawn scenes of emoji, and {', '.join(names)} "
        f"{'are' if len(names) > 1 else 'is'} something else. The results show only that everything runs; set "
        "model → id to another model."
    ]


def _below(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or path.resolve().is_relative_to(folder.resolve())
