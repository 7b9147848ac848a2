"""The four shuffles of ARO's order sets: each permutes the tokens of a caption and joins them with single spaces.

Two know parts of speech (Penn Treebank tags, as spaCy gives them), two cut the caption into blocks of three tokens. Every
shuffle keeps the multiset of tokens. It may happen to return the caption in its old order: such ties are counted later.
Source: Yuksekgonul et al., "When and why vision-language models behave like bags-of-words", ICLR 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

TaggedTokens = Sequence[tuple[str, str]]

NOUN_TAGS = frozenset({"NN", "NNS", "NNP", "NNPS"})
ADJECTIVE_TAGS = frozenset({"JJ", "JJR", "JJS"})


def shuffle_nouns_and_adjectives(tokens: TaggedTokens, rng: np.random.Generator) -> str:
    """Nouns change places with nouns and adjectives with adjectives; everything else stays. `tokens` are (token, tag)."""
    words = [word for word, _ in tokens]
    for tags in (NOUN_TAGS, ADJECTIVE_TAGS):
        _permute(words, [slot for slot, (_, tag) in enumerate(tokens) if tag in tags], rng)
    return " ".join(words)


def shuffle_all_but_nouns_and_adjectives(tokens: TaggedTokens, rng: np.random.Generator) -> str:
    """Nouns and adjectives stay; all other tokens, punctuation too, change places. `tokens` are (token, tag)."""
    words = [word for word, _ in tokens]
    fixed = NOUN_TAGS | ADJECTIVE_TAGS
    _permute(words, [slot for slot, (_, tag) in enumerate(tokens) if tag not in fixed], rng)
    return " ".join(words)


def shuffle_within_trigrams(tokens: Sequence[str], rng: np.random.Generator) -> str:
    """Tokens are shuffled within each block of three; the blocks keep their order. The last block may be shorter."""
    words = list(tokens)
    for start in range(0, len(words), 3):
        _permute(words, range(start, min(start + 3, len(words))), rng)
    return " ".join(words)


def shuffle_trigrams(tokens: Sequence[str], rng: np.random.Generator) -> str:
    """Blocks of three tokens are shuffled; the order within each is kept. The last block may be shorter."""
    blocks = [" ".join(tokens[start : start + 3]) for start in range(0, len(tokens), 3)]
    return " ".join(blocks[k] for k in rng.permutation(len(blocks)))


# In the order of ARO's options; the names are those of its functions.
TAG_SHUFFLES: dict[str, Callable[[TaggedTokens, np.random.Generator], str]] = {
    "shuffle_nouns_and_adj": shuffle_nouns_and_adjectives,
    "shuffle_allbut_nouns_and_adj": shuffle_all_but_nouns_and_adjectives,
}
TRIGRAM_SHUFFLES: dict[str, Callable[[Sequence[str], np.random.Generator], str]] = {
    "shuffle_within_trigrams": shuffle_within_trigrams,
    "shuffle_trigrams": shuffle_trigrams,
}


def _permute(words: list[str], slots: Sequence[int], rng: np.random.Generator) -> None:
    """Permute the words in `slots` among these slots."""
    taken = [words[slots[k]] for k in rng.permutation(len(slots))]
    for slot, word in zip(slots, taken, strict=True):
        words[slot] = word
