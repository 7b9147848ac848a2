"""The tagger of the embedded scenes, a table of tags for their closed vocabulary; and the choice of a tagger by name."""

from __future__ import annotations

from collections.abc import Sequence

from infodecomp.datasets.taggers import SpacyTagger, Tagger, Tokens
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import infodecomp_version
from infodecomp.scenes.captions import vocabulary
from infodecomp.scenes.world import BACKGROUNDS, CATEGORIES, IMPLIED, NUMBERS, TINTS, VERBS, plural

SCENES = "scenes"


def open_tagger(name: str) -> Tagger:
    """`scenes`, or a spaCy pipeline by its package name or folder. Raises InputError if it cannot be loaded."""
    return ScenesTagger() if name == SCENES else SpacyTagger(name)


class ScenesTagger:
    """Tags for the captions of the embedded scenes, split at white space."""

    def __init__(self) -> None:
        """Read the closed vocabulary."""
        self.versions = f"scenes of infodecomp {infodecomp_version()}"
        self._tags = scene_tags()

    def tag(self, captions: Sequence[str]) -> list[Tokens]:
        """(token, tag) of each token, for each caption; InputError that names every word outside the vocabulary."""
        tokens = [caption.split() for caption in captions]
        unknown = sorted({word for words in tokens for word in words if word not in self._tags})
        if unknown:
            raise InputError(
                f"the tagger `{SCENES}` knows the words of the embedded scenes only, not {', '.join(map(repr, unknown))}; "
                "name a spaCy pipeline as `tagger`, such as en_core_web_sm."
            )
        return [[(word, self._tag(words, k)) for k, word in enumerate(words)] for words in tokens]

    def _tag(self, words: Sequence[str], position: int) -> str:
        # "the left" is a thing, as in "on the left a dog"; "a dog left of a cat" holds an adverb.
        word = words[position]
        if word in ("left", "right") and position and words[position - 1] == "the":
            return "NN"
        return self._tags[word]


def scene_tags() -> dict[str, str]:
    """The tag of every word of the embedded scenes' vocabulary."""
    tags = dict.fromkeys(("left", "right", "next", "there"), "RB")
    tags |= dict.fromkeys(("of", "on", "in", "above", "below"), "IN")
    tags |= dict.fromkeys(("a", "an", "the"), "DT")
    tags |= {"to": "TO", "is": "VBZ", "and": "CC", "_": "SYM"}
    tags |= dict.fromkeys(VERBS, "VBZ")
    tags |= dict.fromkeys(NUMBERS.values(), "CD")
    tags |= dict.fromkeys((*TINTS, *IMPLIED.values(), "small", "big"), "JJ")
    tags |= dict.fromkeys((phrase.split()[-1] for phrase in BACKGROUNDS.values()), "NN")
    for category in CATEGORIES:
        tags |= dict.fromkeys(category.split(), "NN") | {plural(category).split()[-1]: "NNS"}
    return {word: tags[word] for word in vocabulary()}
