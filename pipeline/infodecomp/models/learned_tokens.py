"""Tokens that a model was taught (textual inversion), and where the tokens of a caption stand in it.

A learned token of several vectors is several tokens for the model: diffusers writes `<cat>` as `<cat> <cat>_1 <cat>_2`
before the caption is split. All of them belong to the characters of the one that the caption has.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations
from typing import Any

from infodecomp.runs.errors import InputError

Span = tuple[int, int]


def token_offsets(tokenizer: Any, caption: str, limit: int) -> list[Span]:
    """Character span in the caption of each of the first `limit` tokens that the model reads; special tokens as (0, 0)."""
    text, origins = converted(tokenizer, caption)
    encoded = tokenizer(text, truncation=True, max_length=limit, return_offsets_mapping=True)
    spans = [(int(start), int(end)) for start, end in encoded["offset_mapping"]]
    return [(origins[start][0], origins[end - 1][1]) if start < end else (0, 0) for start, end in spans]


def converted(tokenizer: Any, caption: str) -> tuple[str, list[Span]]:
    """The caption as diffusers hands it to the tokenizer, and for each of its characters the span that it comes from."""
    text, origins = caption, [(place, place + 1) for place in range(len(caption))]
    vectors = learned_vectors(tokenizer.added_tokens_encoder)
    if not vectors:
        return text, origins
    for token in sorted(set(tokenizer.tokenize(caption)) & vectors.keys()):
        text, origins = _replaced(text, origins, token, " ".join(vectors[token]))
    return text, origins


def learned_vectors(added: Collection[str]) -> dict[str, list[str]]:
    """Learned token → the tokens of its vectors, of those that have several; added: the tokens added to a vocabulary."""
    found = {}
    for token in added:
        names = [token]
        while f"{token}_{len(names)}" in added:
            names.append(f"{token}_{len(names)}")
        if len(names) > 1:
            found[token] = names
    return found


def check_learned_tokens(added: Collection[str], where: str) -> None:
    """InputError if the name of a learned token is part of another's, so that one would be read inside the other."""
    for one, other in permutations(sorted(learned_vectors(added)), 2):
        if one in other:
            raise InputError(
                f"{where}: the learned token {one!r} is part of the name of the learned token {other!r}, so that the "
                "order in which they are read is random; rename one of them."
            )


def _replaced(text: str, origins: list[Span], old: str, new: str) -> tuple[str, list[Span]]:
    """As `str.replace`; each new character comes from all that the replaced ones come from."""
    pieces: list[str] = []
    places: list[Span] = []
    end = 0
    while (start := text.find(old, end)) >= 0:
        stop = start + len(old)
        pieces += [text[end:start], new]
        places += [*origins[end:start], *[(origins[start][0], origins[stop - 1][1])] * len(new)]
        end = stop
    return "".join([*pieces, text[end:]]), [*places, *origins[end:]]
